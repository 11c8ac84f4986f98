"""How the offline model's answers go out: in pieces, at a pace, within limits."""
