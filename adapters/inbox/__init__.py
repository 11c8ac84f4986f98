"""Holding pens: where payloads wait, on disk, from the moment their senders are told that they arrived."""
