"""What is derived once from the bytes of a message, at arrival, and stored with them.

Nothing here is computed again when a message is read: FETCH, SEARCH and SORT work on these
facts, and on the octets of the sections that a client asks for.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from mmap import mmap
from typing import Final

from attrs import field, frozen

from sora.mail import dates, envelope, html, message, section, structure, transfer
from sora.mail.address_list import parse as parse_addresses
from sora.mail.charsets import decode as decode_charset
from sora.mail.content_type import decode_parameter, parse_disposition
from sora.mail.encoded_words import decode as decode_words
from sora.mail.headers import Field, others
from sora.mail.headers import fields as read_fields
from sora.mail.message import Part
from sora.mail.sort_keys import (
    base_subject,
    first_display,
    first_mailbox,
    message_id,
    message_ids,
)
from sora.mail.text import fold, one_line, preview

_END_OF_NAME: Final = re.compile(r"[!-9;-~]*\Z")

MAX_TEXT: Final = 4_000_000
"""Characters of `Facts.text_body`: what a search can find of one message."""
MAX_PARTS_TEXT: Final = 1_000_000
"""Characters of `Facts.text_header` from which on no more parts are looked at."""

MAX_WHOLE_ADDRESSES: Final = 100
"""Addresses of a field that are made whole for search where they stand in pieces."""

_ADDRESSES: Final = frozenset({b"from", b"to", b"cc", b"bcc"})
_PIECES: Final = (b" @", b"@ ", b")@", b"@(", b"\t@", b"@\t")

# Octets of a text part that are decoded for each character that still has room.
_OCTETS_FOR_CHARACTER: Final = 4


@frozen
class Facts:
    """Everything derived from a content's bytes.

    `size` is in octets; `size_crlf` is the size if each line ended
    in CRLF, also where it ends in a bare LF, and the last one in nothing. `header` is the
    header block with its empty line, the exact octets. `envelope` and `structure` are IMAP
    wire text (RFC 3501 §7.4.2; the extended form of BODYSTRUCTURE), `parts` is what
    `sora.mail.section` needs to cut sections.

    `sent_at` is the Date field as a moment (aware); `sent_day` the day that stands there,
    disregarding its zone: SENTBEFORE, SENTON and SENTSINCE compare it (RFC 3501 §6.4.4).

    Sort keys are as `sora.mail.text.casemap` makes them: `sort_subject` is the base subject
    (RFC 5256 §2.1), `sort_from`, `sort_to`, `sort_cc` the mailbox of the first
    address (§3), `display_from` and `display_to` the display name (RFC 5957 §3).

    `message_id`, `in_reply_to` and `references` are message ids without angle brackets.
    `preview` has at most 200 characters (RFC 8970).

    `text_*` are decoded, unfolded and folded by `sora.mail.text.fold`, without NUL; in fields of
    the header each line break and tab is a space.
    `text_header` has one line for each field: a line feed, the name in lower case, a colon, the
    value; it ends in a line feed. Lines of the header that are no fields follow, and the fields
    of the parts, which TEXT finds, too (RFC 9051 §6.4.4); these lines begin with a space, so
    that no field of the message is found in them. `text_body` is the text of all text parts.
    """

    size: int
    size_crlf: int
    header: bytes = field(repr=False)
    envelope: bytes = field(repr=False)
    structure: bytes = field(repr=False)
    parts: str = field(repr=False)
    sent_at: datetime | None = None
    sent_day: date | None = None
    sort_subject: str = ""
    sort_from: str = ""
    sort_to: str = ""
    sort_cc: str = ""
    display_from: str = ""
    display_to: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    preview: str = field(default="", repr=False)
    text_subject: str = field(default="", repr=False)
    text_from: str = field(default="", repr=False)
    text_to: str = field(default="", repr=False)
    text_cc: str = field(default="", repr=False)
    text_bcc: str = field(default="", repr=False)
    text_header: str = field(default="\n", repr=False)
    text_body: str = field(default="", repr=False)


def derive(content: "bytes | memoryview | mmap") -> Facts:
    """The facts of a message's octets. Never raises, whatever they are.

    The time is linear in the size. It is CPU: what is longer than some 64 KB belongs on a thread.
    """
    data = content if isinstance(content, bytes) else bytes(content)
    root = message.parse(data)
    read = envelope.read(root.fields)
    values = read.values
    subject = one_line(decode_words(values.get(b"subject", b"")))
    sent = dates.parse(values[b"date"]) if b"date" in values else None
    references = [value for name, value in root.fields if name == b"references"]
    in_reply_to = message_ids(values.get(b"in-reply-to", b""))
    beginning, body = _body_texts(root, data)
    return Facts(
        size=len(data),
        size_crlf=_size_with_crlf(data),
        header=data[: root.body],
        envelope=read.wire,
        structure=structure.extended(root, data),
        parts=section.describe(root),
        sent_at=sent.at if sent else None,
        sent_day=sent.day if sent else None,
        sort_subject=base_subject(subject),
        sort_from=first_mailbox(read.senders),
        sort_to=first_mailbox(read.to),
        sort_cc=first_mailbox(read.cc),
        display_from=first_display(read.senders),
        display_to=first_display(read.to),
        message_id=message_id(values.get(b"message-id", b"")),
        in_reply_to=in_reply_to[0] if in_reply_to else "",
        references=message_ids(b" ".join(references)) if references else (),
        preview=beginning,
        text_subject=_folded(values.get(b"subject")),
        text_from=_addresses_text(values.get(b"from")),
        text_to=_addresses_text(values.get(b"to")),
        text_cc=_addresses_text(values.get(b"cc")),
        text_bcc=_addresses_text(values.get(b"bcc")),
        text_header=_header_text(root.fields)
        + _other_lines(data[: root.body])
        + _parts_text(root, data),
        text_body=body,
    )


def _size_with_crlf(data: bytes) -> int:
    unended = 2 if data and not data.endswith(b"\n") else 0
    return len(data) + data.count(b"\n") - data.count(b"\r\n") + unended


def header_text(block: bytes) -> str:
    """`Facts.text_header` of any header block: trace lines are searched in the same form."""
    return _header_text(read_fields(block))


def across_colon(text: str) -> str | None:
    """A regular expression, for the lines of `Facts.text_header`, that finds a folded text which
    begins in a field's name and ends in its value: in these lines no space is behind the colon.
    None for a text that cannot stand there. It means the same to Python and to PostgreSQL."""
    name, colon, value = text.partition(": ")
    if not colon or not _END_OF_NAME.match(name):
        return None
    return "\n[^:\n]*" + re.escape(name) + ":" + re.escape(value)


def _header_text(fields: Sequence[Field]) -> str:
    lines = b"".join([b"\n%s:%s" % pair for pair in fields]) + b"\n"
    is_plain = lines.isascii() and b"=?" not in lines and b"\0" not in lines and b"\r" not in lines
    if is_plain and not _has_pieces(lines):
        return lines.decode("ascii").replace("\t", " ").lower()
    return (
        "".join([f"\n{name.decode()}:{_field_text(name, value)}" for name, value in fields]) + "\n"
    )


def _field_text(name: bytes, value: bytes) -> str:
    return _addresses_text(value) if name in _ADDRESSES else _folded(value)


def _addresses_text(value: bytes | None) -> str:
    """A list of addresses on one line. An address that stands there in pieces, with comments or
    spaces around its `@`, is added as ENVELOPE has it, which is what FROM, TO, CC and BCC search
    (RFC 3501 §6.4.4)."""
    text = _folded(value)
    if value and _has_pieces(value):
        for one in parse_addresses(value)[:MAX_WHOLE_ADDRESSES]:
            whole = _folded(b"%b@%b" % (one.mailbox or b"", one.host or b""))
            if one.host and whole not in text:
                text += " " + whole
    return text


def _has_pieces(value: bytes) -> bool:
    return any(mark in value for mark in _PIECES)


def _other_lines(block: bytes) -> str:
    """The lines of a header block that are no fields."""
    lines = others(block)
    return "".join([f" {_folded(line)}\n" for line in lines]) if lines else ""


def _parts_text(root: Part, data: bytes) -> str:
    """The lines of the headers of all parts, but not of the messages inside: these are text of
    the body."""
    lines: list[str] = []
    room = MAX_PARTS_TEXT
    waiting = _inner(root)[::-1]
    while waiting and room > 0:
        part = waiting.pop()
        text = _header_text(part.fields).rstrip("\n").replace("\n", "\n ") + _file_name(part)
        fields = text[1:] + "\n" if text else ""
        lines.append(fields + _other_lines(data[part.start : part.body]))
        room -= len(lines[-1])
        waiting += _inner(part)[::-1]
    return "".join(lines)


def _inner(part: Part) -> list[Part]:
    """The parts of a multipart, or of the message that a part holds."""
    while part.message is not None:
        part = part.message
    return part.parts


def _file_name(part: Part) -> str:
    """The name of the file, where it stands encoded (RFC 2231)."""
    for name, value in part.fields:
        if b"*" in value and name == b"content-disposition":
            found = parse_disposition(value)
            decoded = decode_parameter(found[1], "filename") if found else None
            return f"\n filename:{fold(one_line(decoded))}" if decoded else ""
    return ""


def _folded(value: bytes | None) -> str:
    """A header value decoded and folded, on one line."""
    if not value:
        return ""
    return fold(" ".join(decode_words(value).splitlines()).replace("\t", " "))


def _body_texts(root: Part, data: bytes) -> tuple[str, str]:
    """The preview, and the folded text of all text parts."""
    beginning = ""
    pieces: list[str] = []
    room = MAX_TEXT
    for text in _texts(root, data):
        beginning = beginning or preview(text.text if isinstance(text, _BodyText) else "")
        folded = fold(text.text[:room])[:room]
        pieces.append(folded)
        room -= len(folded) + 1
        if room <= 0:
            break
    return beginning, "\n".join(pieces)


@frozen
class _HeaderText:
    """Text of the header of a message inside the message."""

    text: str


@frozen
class _BodyText:
    """Text of a text part, as a reader sees it."""

    text: str


def _texts(part: Part, data: bytes) -> Iterator[_HeaderText | _BodyText]:
    """The texts of a part in their order. Decoded one by one: the caller may have enough."""
    if part.parts:
        for inner in part.parts:
            yield from _texts(inner, data)
    elif part.message is not None:
        block = data[part.message.start : part.message.body]
        yield _HeaderText(_header_text(part.message.fields) + _other_lines(block))
        yield from _texts(part.message, data)
    elif part.type.type.lower() in (b"text", b"message"):
        # Of the messages, reports of deliveries and the like: they are lines of text.
        limit = min(part.end, part.body + MAX_TEXT * _OCTETS_FOR_CHARACTER)
        octets = transfer.decode(data[part.body : limit], part.encoding)
        text = decode_charset(octets, decode_parameter(part.type.parameters, "charset") or "")
        yield _BodyText(html.to_text(text) if part.type.subtype.lower() == b"html" else text)
