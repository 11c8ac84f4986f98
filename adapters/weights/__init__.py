"""Files of models that run on this machine: which, from where, and whether they are what they should be."""
