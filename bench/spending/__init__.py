"""What budgets and their record cost."""
