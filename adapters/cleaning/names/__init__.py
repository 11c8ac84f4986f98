"""Names of people that no phrase announces, by a model on this machine."""
