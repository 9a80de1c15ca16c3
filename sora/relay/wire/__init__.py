"""SMTP as it is spoken, without a network (RFC 5321 and its extensions)."""
