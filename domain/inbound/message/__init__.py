"""The message that a body is read into, and the refusals of bodies that are none."""
