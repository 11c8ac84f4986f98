"""Embedders: without weights, by a model on this machine, by a server."""
