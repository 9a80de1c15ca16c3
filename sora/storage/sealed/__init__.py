"""Objects that are encrypted before they leave this machine, whatever store they go to."""
