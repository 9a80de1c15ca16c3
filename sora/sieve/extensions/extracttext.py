"""extracttext (RFC 5703 §7): the text of a part into a variable."""

from typing import Final

from sora.sieve.body import read
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.contents import children, transcoded
from sora.sieve.extension import Asking, Command, Extension, Kind, Parameter, Tag
from sora.sieve.extensions import variables
from sora.sieve.extensions.foreverypart import LOOP
from sora.sieve.run import Run

_DECODED: Final = 512
"""Octets that are decoded for one instruction."""


def _extracttext(run: Run, call: Call) -> Asking[None]:
    body = yield from read(run)
    part = body.part(run)
    text = ""
    if body.loops and not children(part):
        assert body.octets is not None
        run.spend((part.end - part.body) // _DECODED)
        limit = run.limits.string
        if call.has("first"):
            limit = min(limit, call.number("first"))
        text = transcoded(body.octets, part, limit)
    for tag in call.tags:
        if tag.apply is not None:
            text = tag.apply(run, call, text)
    variables.put(run, call.string(run, "variable"), text)
    run.note(f"extracttext: {shown(text)}")


def _check(checking: Checking, call: Call) -> None:
    if not checking.has("variables"):
        checking.error(call.at, "'extracttext' needs: require \"variables\";")
    if not any(one.name == LOOP for one in checking.around):
        checking.error(call.at, "'extracttext' stands outside of any 'foreverypart'")


EXTENSION: Final = Extension(
    "extracttext",
    words=(
        Command(
            "extracttext",
            _extracttext,
            (Parameter("variable", Kind.STRING, constant=True, check=variables.check_name),),
            (Tag("first", Kind.NUMBER), *variables.MODIFIERS),
            check=_check,
        ),
    ),
)
