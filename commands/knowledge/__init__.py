"""Commands about knowledge articles: how well they are found, how often used, and what is missing."""
