"""The `headgate` command: one file per subcommand or group of subcommands."""
