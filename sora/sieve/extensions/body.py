"""body (RFC 5173): tests of a message's content.

Wildcards of this test set no match variables (§6). A message without the empty line behind its
header has no body: no test of it holds (§4).
"""

from collections.abc import Iterable
from typing import Final

from sora.sieve import contents
from sora.sieve.body import read
from sora.sieve.call import Call
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Tag, Test
from sora.sieve.run import Run

TRANSFORM: Final = "body transform"
_DECODED: Final = 512
"""Octets that are decoded for one instruction."""


def _body(run: Run, call: Call) -> Asking[bool]:
    if not run.message.header.end:
        return False
    types = call.strings(run, "content") if call.has("content") else None
    what = "raw" if call.has("raw") else types or "text"
    body = yield from read(run)
    if what not in body.texts:
        assert body.octets is not None
        tree = body.tree(run)
        run.spend(len(body.octets) // _DECODED)
        found: Iterable[str]
        if what == "raw":
            found = [contents.raw(body.octets[tree.body :])]
        elif types is not None:
            found = contents.of_types(body.octets, tree, types)
        else:
            found = contents.of_text(body.octets, tree)
        body.remember(run, what, list(found))
    before = run.frame.matches
    result = run.matches_now(call, body.texts[what])
    run.frame.matches = before
    return result


EXTENSION: Final = Extension(
    "body",
    words=(
        Test(
            "body",
            _body,
            (Parameter("keys", Kind.STRINGS),),
            (
                Tag("raw", group=TRANSFORM),
                Tag("content", Kind.STRINGS, TRANSFORM),
                Tag("text", group=TRANSFORM),
            ),
            matching=True,
        ),
    ),
)
