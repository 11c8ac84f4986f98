"""What the rooms above ask of the world, as Protocols; `adapters/` implements them, `workers/bootstrap.py` chooses."""
