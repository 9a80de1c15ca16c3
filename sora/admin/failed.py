"""What ends a command."""


class CommandFailed(Exception):
    """The command cannot be done; the text is one line for the operator."""
