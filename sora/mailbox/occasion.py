"""A message for which something is sent in the name of its recipient: what the rules of automatic
answers look at (RFC 3834), and what such mail is made of."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import Final

from attrs import field, frozen

from sora.addresses import parse_address
from sora.errors import BadArgument
from sora.mail.address_list import MailAddress
from sora.mail.address_list import parse as parse_addresses
from sora.mail.compose import (
    Mailbox,
    addr_spec,
    date_field,
    message_id,
    needs_smtputf8,
    unstructured,
)
from sora.mail.encoded_words import decode, raw
from sora.mail.headers import Field, fields
from sora.relay.interfaces import Content, Outgoing, OutgoingRecipient, in_memory

# RFC 5230 §4.5, RFC 3834 §2
_ADDRESSED: Final = frozenset((b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"))
RANDOM_OCTETS: Final = 16


@frozen
class Sending:
    """Something that is to be sent: its envelope, and its octets."""

    outgoing: Outgoing
    content: Content


@frozen
class Composed:
    """A message of our own that is to be sent, and its octets for a copy (RFC 8580)."""

    sending: Sending
    octets: bytes


@frozen(slots=False, kw_only=True)
class Occasion:
    """`sender` is the reverse-path, `recipient` the forward-path as it was given; `addresses` are
    the owner's, the primary one first; `header` is the block of the message as it arrived."""

    account_id: int
    sender: str
    recipient: str
    addresses: tuple[str, ...]
    header: bytes = field(repr=False)
    now: datetime
    host: str
    random: Callable[[int], bytes]
    separator: str = "+"

    @cached_property
    def fields(self) -> list[Field]:
        """The fields of the header."""
        return fields(self.header)

    def values(self, name: bytes) -> list[bytes]:
        """The values of the fields of a name, which is in lower case."""
        return [value for other, value in self.fields if other == name]

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        found = self.values(b"subject")
        return decode(found[0]) if found else ""

    @property
    def message_id(self) -> str | None:
        """The id of the message."""
        found = self.values(b"message-id")
        return raw(found[0]) if found else None

    @property
    def references(self) -> tuple[str, ...]:
        """The ids that an answer refers to (RFC 5322 §3.6.4)."""
        known = self.values(b"references") or self.values(b"in-reply-to")
        ids = raw(known[0]).split() if known else []
        own = self.message_id
        return (*ids, *([own] if own is not None else []))

    @cached_property
    def addressed(self) -> frozenset[str]:
        """Keys of the addresses that the message names as its recipients."""
        found: set[str] = set()
        for name, value in self.fields:
            if name in _ADDRESSED:
                keys = (self.key(_text(one)) for one in parse_addresses(value) if one.host)
                found.update(key for key in keys if key is not None)
        return frozenset(found)

    def keys(self, addresses: Iterable[str]) -> set[str]:
        """What these addresses are compared by, without details; what is none is left out."""
        return {key for key in map(self.key, addresses) if key is not None}

    def key(self, address: str) -> str | None:
        """What an address is compared by."""
        try:
            return parse_address(address, self.separator).key
        except BadArgument:
            return None

    @property
    def own(self) -> str:
        """The address of the owner that this message came to, else his primary one."""
        if self.key(self.recipient) in self.keys(self.addresses):
            return self.recipient
        return self.addresses[0]

    def from_mailbox(self, wanted: str | None, name: str = "") -> Mailbox:
        """Who such mail is from: the one that is `wanted` if it is an address of the owner (G43),
        else the one that the message came to."""
        if wanted is not None:
            found = parse_addresses(wanted.encode("utf-8", "surrogateescape"))
            if len(found) == 1 and self.key(_text(found[0])) in self.keys(self.addresses):
                return Mailbox(_text(found[0]), decode(found[0].name or b""))
        return Mailbox(self.own, name)

    def new_fields(self, subject: str, auto_submitted: str) -> tuple[bytes, ...]:
        """What every message of our own has: a subject, a date, an id, and that nobody wrote it
        (RFC 3834 §5)."""
        return (
            unstructured("Subject", subject),
            date_field(self.now),
            unstructured("Message-ID", message_id(self.random(RANDOM_OCTETS), self.host)),
            unstructured("Auto-Submitted", auto_submitted),
        )

    def sending(self, kind: str, sender: str, to: Iterable[str], octets: bytes) -> Sending:
        """A message to be sent. Raises BadArgument for what is no address."""
        recipients = [addr_spec(address) for address in to]
        return Sending(
            Outgoing(
                kind,
                sender,
                tuple(OutgoingRecipient(address) for address in recipients),
                smtputf8=any(map(needs_smtputf8, (sender, *recipients))),
                account=self.account_id,
            ),
            in_memory(octets),
        )


def _text(address: MailAddress) -> str:
    return f"{raw(address.mailbox or b'')}@{raw(address.host or b'')}"
