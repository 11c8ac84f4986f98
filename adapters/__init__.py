"""What talks to the world: the only rooms that import vendor SDKs."""
