"""The HTTP API for administration, and what monitoring asks."""
