"""What model calls may cost: budgets, what a call may cost at most, what becomes of a reservation."""
