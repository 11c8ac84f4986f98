"""What the settings name outside this process."""
