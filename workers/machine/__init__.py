"""All of Headgate on one machine, as separate processes."""
