"""One package per protocol."""
