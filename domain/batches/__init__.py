"""Model calls that may wait: asked in batches at the provider's lower price, live where a batch comes too late."""
