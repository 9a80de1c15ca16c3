"""The message that a script sees: its envelope, its header as a list of fields, its size.

The body is not here: it is asked for (`ReadMessage`), by the few tests that want it. A header is a
value: an edit makes a new one (RFC 5293), and what was taken of the old one stays as it was.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from attrs import define, field, frozen

from sora.mail.address_list import MISSING_DOMAIN, MISSING_MAILBOX, MailAddress
from sora.mail.address_list import parse as parse_addresses
from sora.mail.encoded_words import decode, raw
from sora.mail.headers import header_end

# A field with its continuation lines, or a line that is none.
_FIELD: Final = re.compile(rb"[^\n]*+\n?+(?:[ \t][^\n]*+\n?+)*+")
_NAME: Final = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_EMPTY: Final = (b"\r\n", b"\n", b"")


@define(eq=False, slots=False)
class HeaderField:
    """One field of a header. `name` is in lower case, "" for a line that is no field; `line` are
    its octets with all line ends."""

    name: str
    line: bytes = field(repr=False)

    @cached_property
    def octets(self) -> bytes:
        """The value, unfolded, without white space at its ends."""
        unfolded = _FOLD.sub(b"", self.line) if b"\n" in self.line[:-1] else self.line
        return unfolded.partition(b":")[2].strip(b" \t\r\n")

    @cached_property
    def value(self) -> str:
        """The value as text: encoded words decoded (RFC 5228 §2.7.2)."""
        return decode(self.octets)

    @cached_property
    def addresses(self) -> tuple[MailAddress, ...]:
        """The value as a list of addresses, without marks of groups."""
        return tuple(one for one in parse_addresses(self.octets) if one.host is not None)


@define(eq=False, slots=False)
class Header:
    """A header block. Lines that are no fields stay where they are."""

    fields: Sequence[HeaderField]
    end: bytes = b"\r\n"

    @classmethod
    def of(cls, block: bytes) -> "Header":
        """A block as octets; what follows its empty line is not looked at."""
        block = block[: header_end(block)]
        end = b""
        if block.endswith(b"\n\r\n") or block == b"\r\n":
            end = b"\r\n"
        elif block.endswith(b"\n\n") or block == b"\n":
            end = b"\n"
        found: list[HeaderField] = []
        for line in _FIELD.findall(block[: len(block) - len(end)]):
            if line:
                name = _NAME.match(line)
                found.append(HeaderField(name[1].decode("ascii").lower() if name else "", line))
        return cls(found, end)

    def octets(self) -> bytes:
        """The block, with its empty line."""
        return b"".join([one.line for one in self.fields]) + self.end

    def named(self, name: str) -> Sequence[HeaderField]:
        """The fields of this name (in any case), in order; none for what is no name."""
        return self._by_name.get(name.lower(), ())

    def values(self, names: Iterable[str]) -> list[str]:
        """The values of the fields with these names, in the order of the names."""
        return [one.value for name in names for one in self.named(name)]

    @cached_property
    def _by_name(self) -> dict[str, list[HeaderField]]:
        found: dict[str, list[HeaderField]] = {}
        for one in self.fields:
            if one.name:
                found.setdefault(one.name, []).append(one)
        return found


@frozen
class Envelope:
    """What the transport said. `sender` is "" for the null reverse-path; `recipient` is the address
    of RCPT that led here, as it was given. The rest is None where it was not said.

    `auth`: AUTH= of MAIL (RFC 4954). `notify`, `orcpt`, `ret`, `envid`: DSN (RFC 3461; `orcpt`
    with its type, `rfc822;...`, both decoded from xtext). `by_time` (seconds, relative), `by_mode`
    (`N` or `R`) and `by_trace`: DELIVERBY (RFC 2852)."""

    sender: str = ""
    recipient: str = ""
    auth: str | None = None
    notify: tuple[str, ...] | None = None
    orcpt: str | None = None
    ret: str | None = None
    envid: str | None = None
    by_time: int | None = None
    by_mode: str | None = None
    by_trace: bool = False


@define(eq=False)
class Message:
    """A message to run scripts over; one can serve many runs.

    `size` is the message's, in octets (RFC 5228 §5.9, G45). `body_start` is where its body begins,
    in the octets that `ReadMessage` answers.
    """

    header: Header
    size: int
    envelope: Envelope
    body_start: int

    @classmethod
    def of(
        cls, octets: bytes, size: int | None = None, envelope: Envelope | None = None
    ) -> "Message":
        """A message from its octets, or from as many of them as hold its header; `size` is that
        of the whole, if there are more."""
        return cls(
            Header.of(octets),
            len(octets) if size is None else size,
            envelope or Envelope(),
            header_end(octets),
        )


def address_text(address: MailAddress) -> tuple[str, str]:
    """Local part and domain of an address as text, "" for what is missing."""
    local = b"" if address.mailbox == MISSING_MAILBOX else address.mailbox or b""
    domain = b"" if address.host == MISSING_DOMAIN else address.host or b""
    return raw(local), raw(domain)
