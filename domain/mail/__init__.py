"""Rules of e-mail: whose an address is, and which letters may be sent."""
