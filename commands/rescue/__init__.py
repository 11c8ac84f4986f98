"""`headgate rescue`: after a part was lost or restored."""
