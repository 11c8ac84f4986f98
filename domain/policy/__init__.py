"""Whose yes an action needs: rules by kind as data, and one pure function that applies them."""
