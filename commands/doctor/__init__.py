"""`headgate doctor`: what is found of an installation, and what to do about the rest."""
