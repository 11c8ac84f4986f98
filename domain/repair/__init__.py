"""Broken and incomplete documents: what may be made of them, and how sure each field of it is."""
