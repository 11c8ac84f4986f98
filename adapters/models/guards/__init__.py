"""What stands between a step and a model: pauses, and later budgets and the cache."""
