"""foreverypart (RFC 5703 §3): a loop over the parts of a message, depth first, and `break`.

The outermost loop begins with the message itself. A loop in a loop goes through the parts that the
outer one's part has; where it has none, it does nothing. Loops end: each step goes on in the tree,
and pays.
"""

from typing import Final

from sora.sieve.body import Loop, following, read
from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.extension import Asking, Command, Extension, Kind, Tag
from sora.sieve.run import Run

MAX_NESTING: Final = 4
"""Loops in each other; RFC 5703 §3 wants 2."""
LOOP: Final = "foreverypart"


class Break(Exception):
    """Ends the innermost loop, or the innermost with this name."""

    def __init__(self, name: str | None) -> None:
        super().__init__(name)
        self.name = name


def _foreverypart(run: Run, call: Call) -> Asking[None]:
    body = yield from read(run)
    if len(body.loops) >= MAX_NESTING:
        raise run.problem(_TOO_DEEP)
    within = body.loops[-1].path if body.loops else ()
    first = following(body.tree(run), within, within) if body.loops else ()
    if first is None:
        return
    loop = Loop(first, within)
    body.loops.append(loop)
    name = call.string(run, "name") if call.has("name") else None
    try:
        while True:
            run.call = call
            run.spend(1)
            try:
                yield from run.block(call.block)
            except Break as ended:
                if ended.name is not None and ended.name != name:
                    raise
                return
            path = following(body.tree(run), loop.path, loop.within)
            if path is None:
                return
            loop.path = path
    finally:
        body.loops.pop()


def _break(run: Run, call: Call) -> None:
    run.note("break")
    raise Break(call.string(run, "name") if call.has("name") else None)


_TOO_DEEP: Final = f"Loops can be nested {MAX_NESTING} deep"


def _names(checking: Checking) -> list[str | None]:
    """The names of the loops around, the outermost first."""
    return [one.constant("name") for one in checking.around if one.name == LOOP]


def _check_loop(checking: Checking, call: Call) -> None:
    if len(_names(checking)) >= MAX_NESTING:
        checking.error(call.at, _TOO_DEEP)


def _check_break(checking: Checking, call: Call) -> None:
    names = _names(checking)
    if not names:
        checking.error(call.at, "'break' stands outside of any 'foreverypart'")
    elif call.has("name") and call.constant("name") not in names:
        name = call.constant("name") or ""
        checking.error(call.ats["name"], f"There is no 'foreverypart' named {shown(name)} around")


_NAME: Final = (Tag("name", Kind.STRING, constant=True),)

EXTENSION: Final = Extension(
    "foreverypart",
    words=(
        Command(LOOP, _foreverypart, tags=_NAME, block=True, check=_check_loop),
        Command("break", _break, tags=_NAME, ends=True, check=_check_break),
    ),
)
