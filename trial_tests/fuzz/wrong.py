"""What a target raises."""


class Wrong(AssertionError):
    """Something that must not be."""


def check(condition: bool, what: str) -> None:
    """Raise Wrong unless it holds."""
    if not condition:
        raise Wrong(what)
