"""How bodies are written elsewhere: charsets, the field names of other services, dotted paths, header lists."""
