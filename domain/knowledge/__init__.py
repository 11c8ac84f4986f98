"""Knowledge as its owners see it: what is valid, what is used, and what is missing."""
