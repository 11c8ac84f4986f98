"""The outside view of Headgate: which one is meant, the connection, the typed library, the audit."""
