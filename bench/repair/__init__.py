"""Documents broken by rule, to measure what becomes of them."""
