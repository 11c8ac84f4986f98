"""After a part was lost or restored: the books caught up with the provider, open cases begun again."""
