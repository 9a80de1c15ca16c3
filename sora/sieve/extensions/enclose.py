"""enclose (RFC 5703 §6): the message as an attachment of a new one.

What comes after sees the new message; `redirect` sends the old one, as it was then. A loop over the
parts goes on where it was, in the message that is now inside.
"""

from typing import Final

from sora.sieve.body import whole
from sora.sieve.call import Call
from sora.sieve.extension import Asking, Command, Extension, Kind, Parameter, Tag
from sora.sieve.mime_edit import enclosed
from sora.sieve.outbound import outbound
from sora.sieve.run import Run

_INSIDE: Final = (1, 0)
"""Where the old message is in the new one: what the second part holds."""
_NOBODY: Final = "postmaster@localhost"


def _enclose(run: Run, call: Call) -> Asking[None]:
    text = call.string(run, "text")
    subject = call.string(run, "subject") if call.has("subject") else None
    copied = call.strings(run, "headers") if call.has("headers") else ()
    body = yield from whole(run)
    assert body.octets is not None
    if run.unenclosed is None:
        run.unenclosed = (run.header, run.edited_body)
    old = run.header.octets() + body.octets[body.tree(run).body :]
    made = enclosed(run.header, old, text, subject, copied, _owner(run), run.context.now)
    body.replace(run, made.header, made.body)
    for loop in body.loops:
        loop.path, loop.within = _INSIDE + loop.path, _INSIDE + loop.within
    run.note("enclose")


def _owner(run: Run) -> str:
    for text in (*run.context.addresses, run.message.envelope.recipient):
        address = outbound(text)
        if address is not None:
            return address
    return _NOBODY


EXTENSION: Final = Extension(
    "enclose",
    words=(
        Command(
            "enclose",
            _enclose,
            (Parameter("text", Kind.STRING),),
            (Tag("subject", Kind.STRING), Tag("headers", Kind.STRINGS)),
        ),
    ),
)
