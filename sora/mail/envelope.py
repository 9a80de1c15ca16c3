"""ENVELOPE (RFC 3501 §7.4.2), as wire text, from the fields of a header.

Values are as they were sent, unfolded: encoded words stay. Reply-To and Sender that are absent
or empty are From. A field that may stand once only and stands twice is the first one; several
To, Cc or Bcc fields are one list.
"""

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from sora.mail import encoded_words
from sora.mail.address_list import MailAddress, parse
from sora.mail.headers import Field
from sora.mail.imap_strings import nstring

_FIRST_ONLY: Final = frozenset(
    (b"date", b"subject", b"from", b"sender", b"reply-to", b"in-reply-to", b"message-id")
)
_LISTS: Final = frozenset((b"to", b"cc", b"bcc"))

# The date and the subject at the beginning of an envelope, each a quoted string, a literal or NIL.
_STRING: Final = re.compile(rb'NIL|"((?:[^"\\]|\\.)*)"|\{([0-9]+)\}\r\n', re.DOTALL)
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)


@frozen
class Envelope:
    """The fields of a header that ENVELOPE is made of, and their addresses."""

    values: dict[bytes, bytes]
    senders: list[MailAddress]
    to: list[MailAddress]
    cc: list[MailAddress]

    @property
    def wire(self) -> bytes:
        """`("date" "subject" from sender reply-to to cc bcc "in-reply-to" "message-id")`."""
        values = self.values
        senders = _addresses(self.senders)
        return b"(%s %s %s %s %s %s %s %s %s %s)" % (
            nstring(values.get(b"date")),
            nstring(values.get(b"subject")),
            senders,
            self._or_senders(b"sender", senders),
            self._or_senders(b"reply-to", senders),
            _addresses(self.to),
            _addresses(self.cc),
            _addresses(parse(values[b"bcc"])) if b"bcc" in values else b"NIL",
            nstring(values.get(b"in-reply-to")),
            nstring(values.get(b"message-id")),
        )

    def _or_senders(self, name: bytes, senders: bytes) -> bytes:
        value = self.values.get(name)
        if not value:
            return senders
        addresses = _addresses(parse(value))
        return senders if addresses == b"NIL" else addresses


def read(fields: Sequence[Field]) -> Envelope:
    """The envelope of a header."""
    values: dict[bytes, bytes] = {}
    lists: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if name in _FIRST_ONLY:
            values.setdefault(name, value)
        elif name in _LISTS:
            lists.setdefault(name, []).append(value)
    for name, several in lists.items():
        values[name] = b", ".join(several)
    return Envelope(
        values,
        parse(values.get(b"from", b"")),
        parse(values.get(b"to", b"")),
        parse(values.get(b"cc", b"")),
    )


def _addresses(addresses: Sequence[MailAddress]) -> bytes:
    if not addresses:
        return b"NIL"
    return b"(%s)" % b"".join(
        [
            b"(%s %s %s %s)"
            % (nstring(one.name), nstring(one.route), nstring(one.mailbox), nstring(one.host))
            for one in addresses
        ]
    )


def subject(wire: bytes) -> str:
    """The subject of an envelope as text, decoded (RFC 2047); empty when there is none."""
    value, place = b"", 1
    for _ in ("date", "subject"):
        found = _STRING.match(wire, place)
        if found is None:
            return ""
        quoted, length = found.groups()
        place = found.end()
        if length is not None:
            value = wire[place : place + int(length)]
            place += int(length)
        else:
            value = _QUOTED_PAIR.sub(rb"\1", quoted or b"")
        place += 1
    return encoded_words.decode(value)
