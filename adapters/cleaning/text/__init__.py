"""Text line by line: plain characters, and which lines are the sender's own words."""
