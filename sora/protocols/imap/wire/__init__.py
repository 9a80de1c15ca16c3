"""The IMAP grammar: bytes to values and back. Pure."""
