"""Training of the embedded router: the corpus, its grammar, and the trainer."""
