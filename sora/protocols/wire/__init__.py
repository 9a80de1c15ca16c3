"""What the grammars of several protocols have in common. Pure."""
