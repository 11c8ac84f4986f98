"""How fast models may be asked, and how fast work is let in."""
