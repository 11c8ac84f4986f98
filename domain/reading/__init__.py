"""What is read out of a message: typed answers of models, checked against the words themselves; articles that fit."""
