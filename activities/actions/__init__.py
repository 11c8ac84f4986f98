"""Activities of the action queue: money, records, endings, words to people."""
