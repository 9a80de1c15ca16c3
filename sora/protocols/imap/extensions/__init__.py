"""One file per capability that adds to existing commands."""
