"""What both servers say of one message, compared value by value."""

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from sora.mail.message import Part
from trial_tests.differential import canonical
from trial_tests.differential.canonical import Body
from trial_tests.support.imap_answers import Value

Path = tuple[int, ...]

SECTIONS: Final = (
    "",
    "MIME",
    "HEADER",
    "TEXT",
    "HEADER.FIELDS (SUBJECT X-EMPTY)",
    "HEADER.FIELDS.NOT (SUBJECT)",
)
"""What is asked of each part."""


@frozen
class Place:
    """A part where Sora sees it: `above` are the parts around it, the outermost first."""

    part: Part
    above: tuple[Part, ...] = ()

    @property
    def parent(self) -> Part | None:
        """The multipart or message around it."""
        return self.above[-1] if self.above else None

    def inside(self, inner: Part) -> "Place":
        """The place of a part of this part."""
        return Place(inner, (*self.above, self.part))


@frozen
class Difference:
    """Two canonical values that differ.

    `what` is the name of the value. `place` is what it belongs to; None when Sora sees no such
    part. `data` is the whole message.
    """

    what: str
    place: Place | None
    sora: Value
    dovecot: Value
    data: bytes

    @property
    def part(self) -> Part:
        """What it belongs to."""
        assert self.place is not None
        return self.place.part

    @property
    def block(self) -> bytes:
        """The header block of the part, as Sora sees it."""
        return self.data[self.part.start : self.part.body]


def envelopes(root: Part, data: bytes, sora: Value, dovecot: Value) -> Iterator[Difference]:
    """ENVELOPE of the message."""
    ours, theirs = canonical.envelope(sora), canonical.envelope(dovecot)
    for name, value in ours.items():
        if value != theirs[name]:
            yield Difference(f"envelope {name}", Place(root), value, theirs[name], data)


def structures(root: Part, data: bytes, sora: Value, dovecot: Value) -> Iterator[Difference]:
    """BODY or BODYSTRUCTURE of the message."""
    ours, theirs = canonical.structure(sora), canonical.structure(dovecot)
    yield from _bodies(Place(root), data, ours, theirs)


def _bodies(place: Place, data: bytes, ours: Body, theirs: Body) -> Iterator[Difference]:
    if ours.kind != theirs.kind:
        yield Difference("type", place, ours.kind, theirs.kind, data)
        if ours.is_compound or theirs.is_compound:
            return
    part = place.part
    if len(ours.parts) != len(theirs.parts):
        yield Difference("parts", place, len(ours.parts), len(theirs.parts), data)
    elif ours.parts:
        for inner, one, other in zip(part.parts, ours.parts, theirs.parts, strict=True):
            yield from _bodies(place.inside(inner), data, one, other)
    for name in ours.values.keys() & theirs.values.keys() - {"type", "subtype"}:
        if ours.values[name] != theirs.values[name]:
            about = place
            if name.startswith("envelope ") and part.message:
                about = place.inside(part.message)
            yield Difference(name, about, ours.values[name], theirs.values[name], data)
    if ours.message and theirs.message and part.message:
        yield from _bodies(place.inside(part.message), data, ours.message, theirs.message)


# ------------------------------------------------------------------ sections


def places(root: Part) -> dict[Path, Place]:
    """The parts by their numbers (RFC 3501 §6.4.5)."""
    found: dict[Path, Place] = {}

    def number(place: Place, path: Path, fresh: bool) -> None:
        part = place.part
        for count, inner in enumerate(part.parts, 1):
            found[*path, count] = place.inside(inner)
            number(place.inside(inner), (*path, count), False)
        if not part.parts and fresh:
            path = (*path, 1)
            found[path] = place
        if part.message:
            number(place.inside(part.message), path, True)

    number(Place(root), (), True)
    return found


def section(path: Path, what: str) -> bytes:
    """`1.2.HEADER`"""
    return ".".join([*map(str, path), *([what] if what else [])]).encode()


def all_sections(paths: Iterable[Path]) -> Iterator[tuple[Path, str, bytes]]:
    """Each with the item of FETCH that asks for it."""
    for path in paths:
        for what in SECTIONS:
            yield path, what, b"BODY[%s]" % section(path, what)
        yield path, "", b"BODY[%s]<3>" % section(path, "")
        yield path, "MIME", b"BODY[%s]<5>" % section(path, "MIME")


def as_asked(item: bytes) -> bytes:
    """The item as a command has it."""
    return (
        item.replace(b"BODY[", b"BODY.PEEK[")
        .replace(b"]<3>", b"]<3.10>")
        .replace(b"]<5>", b"]<5.9>")
    )
