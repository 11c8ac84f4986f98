"""Message brokers that a holding pen can stand on, one file for each: promises in `ports/incoming/broker.py`."""
