"""Commands that run Headgate or a part of it."""
