"""Blueprints read from where they are kept."""
