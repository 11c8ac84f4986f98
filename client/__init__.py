"""What people and programs use: one connection, the typed library, the commands, the gateway."""
