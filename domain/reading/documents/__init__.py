"""Reading what documents say by their fields."""
