"""How long messages may stay where they are."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from attrs import field, frozen


@frozen
class RetentionOwner:
    """Whose mailboxes a rule is about: an account's or a domain's, one of the two."""

    account_id: int | None = None
    domain_id: int | None = None


@frozen
class RetentionRule:
    """How long messages may stay in the mailboxes with this use, the empty one for all; None for
    ever."""

    special_use: str
    max_age: timedelta | None


@frozen
class ServerRetention:
    """The rules of the server: for all mailboxes (None: for ever), and by use."""

    max_age: timedelta | None = None
    uses: Mapping[str, timedelta] = field(factory=lambda: MappingProxyType({}))


@frozen
class DueMailboxes:
    """A part of a pass through all mailboxes: how many were looked at, and those of them that have
    something too old: what came there at a time or earlier."""

    looked: int
    due: tuple[tuple[int, datetime], ...] = ()


@frozen
class DueMessages:
    """What a policy would expunge of a mailbox; `address` is empty where no user owns it."""

    account_id: int
    address: str
    mailbox: str
    max_age: timedelta
    messages: int
    octets: int


@frozen
class Kept:
    """For how long what comes into an INBOX is kept at least: None for ever. `varies` where it may
    be longer for others."""

    least: timedelta | None
    varies: bool
