"""The envelope of a message that is being delivered: all that was said about it beside its octets.

It is made by the protocol that the message came by, and handed to `sora.mailbox.delivery`; what
is passed on (redirects) takes its parameters from here.
"""

from enum import Enum

from attrs import field, frozen

from sora.addresses import Address
from sora.mail.dsn import By, Notify, OriginalRecipient, Ret
from sora.storage.rows import Recipient


class Body(Enum):
    """What octets a message may have (RFC 6152 §2, RFC 3030 §3)."""

    SEVEN_BITS = "7BIT"
    EIGHT_BITS = "8BITMIME"
    BINARY = "BINARYMIME"


@frozen(kw_only=True)
class Forwarded:
    """Whom a message came from before it came to the client that brings it here, as a trusted
    client tells it (XFORWARD). None is what it does not know; `host` is None for mail that was
    made where the client is.
    """

    host: str | None = None
    name: str | None = None
    helo: str | None = None
    protocol: str | None = None
    identifier: str | None = None
    """what the log of the system that it came through calls the message"""
    source: str | None = None
    """LOCAL or REMOTE, as that system sees it"""


@frozen(kw_only=True)
class Origin:
    """Where a message came from, for its Received line (RFC 5321 §4.4) and the log.

    `host` is the address of the client, or of the one it speaks for (XCLIENT), `helo` what it
    called itself, `name` what DNS calls it if somebody has asked, `login` as whom it has
    authenticated; `protocol` is a keyword of RFC 3848 or RFC 6531 (LMTP, LMTPS, UTF8LMTP,
    UTF8LMTPS, ...), `by` the name of this host.
    """

    host: str
    helo: str
    protocol: str
    by: str
    name: str | None = None
    login: str | None = None
    forwarded: Forwarded | None = None

    @property
    def remote_host(self) -> str | None:
        """The address that the message came from, as far as is known; None for local mail."""
        return self.host if self.forwarded is None else self.forwarded.host

    @property
    def remote_name(self) -> str | None:
        """The name of that host in DNS."""
        return self.name if self.forwarded is None else self.forwarded.name


@frozen
class Addressee:
    """A recipient: the `address` that was said, and the `recipient` who it is.

    `notify` and `orcpt` are RFC 3461's; None is what was not said.
    """

    address: Address
    recipient: Recipient
    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None


@frozen(kw_only=True)
class Envelope:
    """Everything about a message but the message.

    `sender` is the reverse-path, empty for the null sender; `recipients` are in the order in
    which they were accepted. `envid` is decoded; `by` counts from now.
    """

    sender: str
    recipients: tuple[Addressee, ...] = field(converter=tuple[Addressee, ...])
    origin: Origin
    ret: Ret | None = None
    envid: str | None = None
    by: By | None = None
    smtputf8: bool = False
    body: Body = Body.SEVEN_BITS
