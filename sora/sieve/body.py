"""The message as octets and parts, for what looks beyond its header.

It is read once for a run, when the first asks for it. Edits of the header (RFC 5293) do not change
how the body is taken apart (RFC 5293 §7); `replace` and `enclose` (RFC 5703) put another message in
its place.
"""

from typing import Any, Final

from attrs import define, field

from sora.mail.message import Part, parse
from sora.sieve.contents import children
from sora.sieve.effects import ReadMessage
from sora.sieve.extension import Asking
from sora.sieve.message import Header
from sora.sieve.run import Run

_PARSED: Final = 4096
"""Octets that are taken apart for one instruction."""

_LONGER: Final = 2
"""How many times `limits.body` a changed message may have."""

Path = tuple[int, ...]
"""Where a part is: its number (from 0) among the parts of the one around it, from the outermost on;
() is the message."""


@define(eq=False)
class Loop:
    """A `foreverypart`: the part that it is at, and the one whose parts it goes through."""

    path: Path
    within: Path


@define(eq=False)
class Body:
    """The state of a run: the octets, cut at `limits.body`, the tree, and the loops, the outermost
    first. `texts` are what was decoded, by what it was decoded for; `headers` those of parts, by
    where they begin."""

    octets: bytes | None = None
    _tree: Part | None = None
    loops: list[Loop] = field(factory=list)
    texts: dict[Any, list[str]] = field(factory=dict)
    headers: dict[int, Header] = field(factory=dict)

    def remember(self, run: Run, what: Any, found: list[str]) -> None:
        """Keep what was decoded, unless that gets too much; it can be decoded again."""
        kept = sum(len(text) for many in self.texts.values() for text in many)
        if kept + sum(map(len, found)) > run.limits.body:
            self.texts.clear()
        self.texts[what] = found

    def replace(self, run: Run, header: Header, body: bytes) -> None:
        """Another message takes its place."""
        if len(body) > _LONGER * run.limits.body:
            raise run.problem("The script makes the message too long")
        run.header, run.edited_body = header, body
        self.octets, self._tree = header.octets() + body, None
        self.texts.clear()
        self.headers.clear()

    def is_cut(self, run: Run) -> bool:
        """Whether there is more of the message than was read."""
        return run.edited_body is None and run.message.size > run.limits.body

    def tree(self, run: Run) -> Part:
        """The parts."""
        assert self.octets is not None
        if self._tree is None:
            run.spend(len(self.octets) // _PARSED)
            self._tree = parse(self.octets)
        return self._tree

    def part(self, run: Run) -> Part:
        """The part that a loop is at, or the message; the message, too, when there is no such part
        any more."""
        root = self.tree(run)
        return (at(root, self.loops[-1].path) or root) if self.loops else root

    def header(self, run: Run, part: Part) -> Header:
        """The header of a part; of the message itself as it is now."""
        assert self.octets is not None
        if part is self.tree(run):
            return run.header
        if part.start not in self.headers:
            self.headers[part.start] = Header.of(self.octets[part.start : part.body])
        return self.headers[part.start]


def read(run: Run) -> Asking[Body]:
    """The message's octets and parts."""
    body = run.own(Body)
    if body.octets is None:
        octets = yield ReadMessage(run.limits.body)
        body.octets = bytes(octets)
    return body


def whole(run: Run) -> Asking[Body]:
    """The same, to be changed: of a message that is too long only a part would be left."""
    if run.own(Body).octets is None and run.message.size > run.limits.body:
        raise run.problem(
            f"The message has {run.message.size} octets; only one of at most {run.limits.body} "
            "can be changed"
        )
    return (yield from read(run))


def at(root: Part, path: Path) -> Part | None:
    """The part with this path."""
    part = root
    for number in path:
        inside = children(part)
        if number >= len(inside):
            return None
        part = inside[number]
    return part


def following(root: Part, path: Path, within: Path) -> Path | None:
    """The path after this one, depth first, that is inside `within`; None behind the last."""
    part = at(root, path)
    if part is not None and children(part):
        return (*path, 0)
    while len(path) > len(within):
        path, number = path[:-1], path[-1] + 1
        around = at(root, path)
        if around is not None and number < len(children(around)):
            return (*path, number)
    return None
