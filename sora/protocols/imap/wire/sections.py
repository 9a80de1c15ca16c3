"""`BODY[1.2.HEADER.FIELDS (Subject)]<0.100>` (RFC 3501 §6.4.5): read, and named in the answer."""

import re
from typing import Final

from attrs import frozen

from sora.mail.section import Section
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.write import astring, parenthesised

MAX_PATH: Final = 100
"""how many numbers a part's path may have"""
MAX_FIELDS: Final = 500
"""how many header fields may be named"""

_PATH = re.compile(rb"[1-9]\d{0,9}(?:\.[1-9]\d{0,9})*")


@frozen
class Partial:
    """`<start.count>` octets of a section."""

    start: int
    count: int


def read_section(scanner: Scanner) -> Section:
    """section = "[" [section-spec] "]" """
    scanner.expect(b"[")
    path: tuple[int, ...] = ()
    found = _PATH.match(scanner.data, scanner.position)
    if found:
        scanner.position = found.end()
        path = tuple(map(int, found[0].split(b".")))
        if len(path) > MAX_PATH:
            raise scanner.error(f"A part's path has more than {MAX_PATH} numbers")
        if not scanner.skip(b"."):
            scanner.expect(b"]")
            return Section(path, "", ())
    section = _read_text(scanner, path)
    scanner.expect(b"]")
    return section


def _read_text(scanner: Scanner, path: tuple[int, ...]) -> Section:
    """section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT" / "MIME" """
    if scanner.skip(b"HEADER.FIELDS"):
        what = "HEADER.FIELDS.NOT" if scanner.skip(b".NOT") else "HEADER.FIELDS"
        scanner.space()
        names = scanner.parenthesised(scanner.astring)
        if len(names) > MAX_FIELDS:
            raise scanner.error(f"More than {MAX_FIELDS} header fields are named")
        return Section(path, what, tuple(name.decode("utf-8", "replace") for name in names))
    if scanner.skip(b"HEADER"):
        return Section(path, "HEADER", ())
    if scanner.skip(b"TEXT"):
        return Section(path, "TEXT", ())
    if path:
        scanner.expect(b"MIME")
        return Section(path, "MIME", ())
    return Section((), "", ())


def read_partial(scanner: Scanner) -> Partial | None:
    """["<" number "." nz-number ">"]"""
    if not scanner.skip(b"<"):
        return None
    start = scanner.number64()
    scanner.expect(b".")
    count = scanner.number64()
    if count == 0:
        raise scanner.error("A partial fetch of no octets")
    scanner.expect(b">")
    return Partial(start, count)


def section_name(section: Section, partial: Partial | None) -> bytes:
    """How the answer names it: `BODY[1.TEXT]<0>`."""
    words = [str(number) for number in section.path]
    if section.what:
        words.append(section.what)
    spec = ".".join(words).encode("ascii")
    if section.fields:
        spec += b" " + parenthesised(astring(name.encode()) for name in section.fields)
    origin = b"" if partial is None else b"<%d>" % partial.start
    return b"BODY[" + spec + b"]" + origin
