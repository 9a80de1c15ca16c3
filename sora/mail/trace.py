"""Trace lines: what a delivery puts before a message, and what it tells of loops.

RFC 5321 §4.4. The lines are made of values that strangers chose (HELO names, addresses): whatever
could end a line or a comment is taken out of them.
"""

import re
from datetime import datetime
from typing import Final

from attrs import frozen

from sora.mail.headers import fields
from sora.mail.text import fold

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_A_WORD: Final = re.compile(r"[\s()<>,;\\\"]")
_RECEIVED: Final = re.compile(rb"(?i)\nreceived[ \t]*:")
_MAX_ADDRESS: Final = 600
_MAX_WORD: Final = 255


@frozen
class Hop:
    """How a message came here.

    `helo` is what the client called itself, `client` its address, `by` this host's name,
    `protocol` the keyword of RFC 3848 (LMTP, LMTPS, LMTPSA, ...), `identifier` what the log
    calls the transaction.
    """

    helo: str
    client: str
    by: str
    protocol: str
    identifier: str
    when: datetime


def return_path(sender: str) -> bytes:
    """The reverse-path of the envelope; an empty one is the null sender."""
    return f"Return-Path: <{_address(sender)}>\r\n".encode()


def delivered_to(address: str) -> bytes:
    """The recipient of the envelope: how a loop is recognised when the message comes again."""
    return f"Delivered-To: {_address(address)}\r\n".encode()


def received(hop: Hop, recipient: str | None = None) -> bytes:
    """The Received line of a hop; `recipient` only when there is a single one (RFC 5321 §7.2:
    naming more would disclose blind copies)."""
    by = _word(hop.by) or "localhost"
    lines = [
        f"Received: from {_word(hop.helo) or 'unknown'} ({_client(hop.client)})",
        f"by {by} with {_word(hop.protocol) or 'LMTP'}"
        + (f" id {_word(hop.identifier)}" if hop.identifier else ""),
    ]
    if recipient is not None:
        lines.append(f"for <{_address(recipient)}>")
    return ("\r\n\t".join(lines) + f"; {date_text(hop.when)}\r\n").encode()


def count_received(header: bytes) -> int:
    """How many Received fields a header block has (RFC 5321 §6.3)."""
    return len(_RECEIVED.findall(b"\n" + header))


def was_delivered_to(header: bytes, address: str) -> bool:
    """Whether a Delivered-To field names the address: it was here before, and comes again."""
    wanted = fold(_address(address))
    return any(
        name == b"delivered-to" and fold(value.decode("utf-8", "replace").strip("<> ")) == wanted
        for name, value in fields(header)
    )


def _address(text: str) -> str:
    return re.sub(r"[<>]", "", _CONTROL.sub("", text))[:_MAX_ADDRESS]


def _word(text: str) -> str:
    return _NOT_IN_A_WORD.sub("", _CONTROL.sub("", text))[:_MAX_WORD]


def _client(address: str) -> str:
    """An address literal (RFC 5321 §4.1.3)."""
    word = _word(address)
    if not word:
        return "local"
    return f"[IPv6:{word}]" if ":" in word else f"[{word}]"


def date_text(when: datetime) -> str:
    """A date and time of RFC 5322 §3.3, whatever the locale; a naive moment is taken for UTC."""
    offset = when.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else 0
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    day = f"{_DAYS[when.weekday()]}, {when.day} {_MONTHS[when.month - 1]} {when.year:04d}"
    return f"{day} {when:%H:%M:%S} {zone}"
