"""Which answers may be reused, and for whom: pure rules of the semantic cache."""
