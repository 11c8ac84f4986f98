"""Providers' moods: how long one that is busy is left alone, when bad answers are its own, what people are told."""
