"""How a case worker runs workflows: the sandbox, and what becomes of messages that fit no handler."""
