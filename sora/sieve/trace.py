"""What a run did, line by line, for `sieve test`."""

from collections.abc import Sequence

from attrs import frozen

from sora.sieve.effects import Action, Keep


@frozen
class TraceLine:
    """What happened at a place of a script: a test and its result, or an action."""

    line: int
    column: int
    text: str
    script: str = ""


def describe(action: Action | Keep) -> str:
    """An action on one line, for a trace: what it is, and what was said of it."""
    said = [
        f"{name}={value!r}" if name != "message" else "edited"
        for name, value in (
            (one.name, getattr(action, one.name)) for one in type(action).__attrs_attrs__
        )
        if value not in (None, False, ())
    ]
    return " ".join([type(action).__name__.lower(), *said])[:400]


def listed(texts: Sequence[str]) -> str:
    """Some of the texts, for a line of a trace."""
    shown = [repr(text if len(text) <= 60 else text[:60] + "...") for text in texts[:5]]
    if len(texts) > 5:
        shown.append(f"... ({len(texts)})")
    return "[" + ", ".join(shown) + "]"
