"""duplicate (RFC 7352): was this message seen before?

The test reads what earlier deliveries recorded. What this one has to record are actions: they are
done when the script has ended well, and only then (§3).
"""

from typing import Final

from attrs import define, field

from sora.sieve.call import Call
from sora.sieve.effects import Remember, SeenBefore
from sora.sieve.extension import Asking, Extension, Kind, Tag, Test
from sora.sieve.run import Run

DEFAULT: Final = 7 * 86_400
MOST: Final = 90 * 86_400
"""Seconds that something is remembered; more is silently that (§3.3)."""
_UNIQUE_ID: Final = "unique id"


@define(eq=False)
class _Seen:
    """What the world has answered: the same test has the same result (§3)."""

    answers: dict[tuple[str, str], bool] = field(factory=dict)


def _duplicate(run: Run, call: Call) -> Asking[bool]:
    id = _id(run, call)
    seconds = min(call.number("seconds"), MOST) if call.has("seconds") else DEFAULT
    if not id or not seconds:
        return False
    handle = call.string(run, "handle") if call.has("handle") else ""
    answers = run.own(_Seen).answers
    if (handle, id) not in answers:
        answers[handle, id] = bool((yield SeenBefore(handle, id)))
    seen = answers[handle, id]
    if not seen or call.has("last"):
        run.act(Remember(handle, id, seconds, call.has("last")), keeps=True)
    return seen


def _id(run: Run, call: Call) -> str:
    """What the message is known by; "" if it has no such thing (§3.1)."""
    if call.has("uniqueid"):
        return call.string(run, "uniqueid")
    name = call.string(run, "header") if call.has("header") else "message-id"
    fields = run.header.named(name)
    return fields[0].value.strip() if fields else ""


EXTENSION: Final = Extension(
    "duplicate",
    words=(
        Test(
            "duplicate",
            _duplicate,
            tags=(
                Tag("handle", Kind.STRING),
                Tag("header", Kind.STRING, _UNIQUE_ID),
                Tag("uniqueid", Kind.STRING, _UNIQUE_ID),
                Tag("seconds", Kind.NUMBER),
                Tag("last"),
            ),
        ),
    ),
)
