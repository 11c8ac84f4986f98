"""How other services name the fields of a message: dotted paths, ready maps, header lists."""
