"""Messages as values. Everything here is pure."""
