"""Language models, how they are, how fast they may be asked, and what they cost."""
