"""Messages and pure rules of Headgate: no I/O, no Temporal, imports nothing of ours."""
