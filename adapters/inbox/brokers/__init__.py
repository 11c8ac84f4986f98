"""Message brokers that a holding pen can stand on, one file for each: `ports/broker.py` says what they promise."""
