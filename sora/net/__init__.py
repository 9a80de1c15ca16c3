"""Connections, listeners and limits: where bytes meet Twisted."""
