"""What all commands share: options, printing, errors, progress."""
