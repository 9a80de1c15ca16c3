"""Services that share background work across nodes."""
