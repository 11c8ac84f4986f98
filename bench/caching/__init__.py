"""The answer cache on labelled questions, and how long its decisions take."""
