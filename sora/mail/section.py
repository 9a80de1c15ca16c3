"""Sections of a message (RFC 3501 §6.4.5), cut out by stored offsets.

A message is `trace + content`: the lines that its delivery added, and the content that all
deliveries of the same octets share. The header of the message is the trace followed by the
header block of the content; everything else is in the content alone. `parts` has the offsets of
each part in the content, so that a section of a large message is read without the rest of it:
`locate` says which octets are needed, `render` makes the section of them.

`parts` is JSON: `[kind, start, body, end, ...]` with kind 0 for a single part, 1 for a multipart
(its parts follow) and 2 for a message (what it holds follows); offsets as in
`sora.mail.message.Part`.
"""

import json
from typing import Any, Final, cast

from attrs import frozen

from sora.mail.content_type import parse_token
from sora.mail.headers import fields, first, selected
from sora.mail.message import Part

_SINGLE, _MULTIPART, _MESSAGE = 0, 1, 2

Node = list[Any]


@frozen
class Section:
    """What stands between the brackets of BODY[]: `path` are part numbers, `fields` the names
    of HEADER.FIELDS, `what` one of "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME."""

    path: tuple[int, ...] = ()
    what: str = ""
    fields: tuple[str, ...] = ()


@frozen
class Extent:
    """Octets of the content, `start` included and `end` not."""

    start: int
    end: int


_HEADERS: Final = ("HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT")


def describe(root: Part) -> str:
    """`parts` of a message."""
    return json.dumps(_node(root), separators=(",", ":"))


def _node(part: Part) -> Node:
    if part.message is not None:
        return [_MESSAGE, part.start, part.body, part.end, _node(part.message)]
    kind = _MULTIPART if part.parts else _SINGLE
    return [kind, part.start, part.body, part.end, *[_node(inner) for inner in part.parts]]


def locate(section: Section, parts: str) -> Extent | None:
    """The octets of the content that the section is made of.

    None if there are none to read: the section is made of the trace and the content's header
    block, or there is no such section.
    """
    if not section.path and section.what in _HEADERS:
        return None
    root = cast(Node, json.loads(parts))
    if not section.path:
        return Extent(root[2] if section.what == "TEXT" else 0, root[3])
    node = _resolve(root, section.path)
    if node is None or (section.what == "MIME" and node is root):
        return None
    _, start, body, end, *_ = node
    if section.what == "":
        return Extent(body, end)
    if section.what == "MIME":
        return Extent(start, body)
    if node[0] != _MESSAGE:
        # HEADER and TEXT are sections of messages only.
        return None
    _, start, body, end, *_ = node[4]
    return Extent(body, end) if section.what == "TEXT" else Extent(start, body)


def render(
    section: Section, trace: bytes, header: bytes, parts: str, data: bytes | None
) -> bytes | None:
    """The section, from the octets that `locate` asked for; None if there is no such section
    (G32: it is never something else instead).

    `data` is None when `locate` gave None.
    """
    if not section.path and section.what in _HEADERS:
        return _header(section, trace + header)
    if data is None:
        if section.what == "MIME" and _is_root(section, parts):
            # The only part of a message that is no multipart: its header is the message's.
            return trace + header
        return None
    if section.what in _HEADERS:
        return _header(section, data)
    return data if section.path or section.what else trace + data


def size(section: Section, trace_size: int, parts: str) -> int:
    """The octets of BODY[], TEXT or of a part's body, without reading them; 0 for a section
    that does not exist. Not for sections that select header fields."""
    extent = locate(section, parts)
    found = 0 if extent is None else extent.end - extent.start
    return found if section.path or section.what else found + trace_size


def _header(section: Section, block: bytes) -> bytes:
    if section.what == "HEADER":
        return block
    return selected(block, section.fields, inverted=section.what == "HEADER.FIELDS.NOT")


def _is_root(section: Section, parts: str) -> bool:
    root = cast(Node, json.loads(parts))
    return _resolve(root, section.path) is root


def _resolve(message: Node, path: tuple[int, ...]) -> Node | None:
    """The part with this number. A message that is no multipart has one part, itself."""
    node = message
    fresh = True  # whether `node` is a message whose parts are being counted
    for number in path:
        if node[0] == _MESSAGE and not fresh:
            node, fresh = node[4], True
        if node[0] == _MULTIPART:
            if not 0 < number <= len(node) - 4:
                return None
            node = node[3 + number]
        elif not fresh or number != 1:
            return None
        fresh = False
    return node


@frozen
class Encoded:
    """A part that can be decoded (RFC 3516). `header` None is the header of the message itself;
    a part `is_leaf` that is neither a multipart nor a message: only those are encoded."""

    header: Extent | None
    body: Extent
    is_leaf: bool


def encoded(path: tuple[int, ...], parts: str) -> Encoded | None:
    """Where the part with this path is; None when there is none. No path is the message as a
    whole, which has no encoding."""
    root = cast(Node, json.loads(parts))
    if not path:
        return Encoded(None, Extent(0, root[3]), False)
    node = _resolve(root, path)
    if node is None:
        return None
    kind, start, body, end, *_ = node
    header = None if node is root else Extent(start, body)
    return Encoded(header, Extent(body, end), kind == _SINGLE)


def transfer_encoding(header: bytes) -> bytes:
    """The Content-Transfer-Encoding that a header block names (RFC 2045 §6.1)."""
    return parse_token(first(fields(header), b"content-transfer-encoding"), b"7BIT")
