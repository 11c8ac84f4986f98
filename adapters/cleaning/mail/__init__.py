"""Raw messages: their parts, charsets and texts."""
