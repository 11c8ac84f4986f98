"""Who wrote a message: a person whom a letter may go to, a machine, or somebody whom only a person can tell."""
