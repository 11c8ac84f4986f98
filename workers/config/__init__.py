"""What a process is told from outside: settings, secrets, where its data is."""
