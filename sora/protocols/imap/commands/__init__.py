"""One file per command word."""
