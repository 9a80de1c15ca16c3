"""The POP3 grammar. Pure."""
