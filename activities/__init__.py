"""Side effects, one file per verb, and the ports that they need."""
