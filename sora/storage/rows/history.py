"""What happened to mailboxes and messages."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import frozen

from sora.mail.numbers import NumberSet
from sora.storage.rows.changing import EventKind

_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)


def modseq_at(moment: datetime) -> int:
    """The modseq that changes of this moment have at least: microseconds since 2020."""
    return max(0, (moment - _BEGINNING) // timedelta(microseconds=1))


def time_of(modseq: int) -> datetime:
    """The moment that a modseq stands for."""
    return _BEGINNING + timedelta(microseconds=modseq)


@frozen
class EventDetail:
    """What an event says besides its kind and its UIDs; what it does not say is empty.

    Flags: `mode` is replace, add or remove, `flags` the mask, and `was` what messages had before:
    (mask, UIDs) of at most 100 different masks. What came from elsewhere: `other` is the id of the
    mailbox, `sources` the UIDs there; in the order of UIDs they became those of the event unless
    `is_past`. What went elsewhere: `other`, and `first` is the first of its UIDs there. Names:
    `name`, and `old_name` before.
    """

    mode: str = ""
    flags: int = 0
    was: tuple[tuple[int, NumberSet], ...] = ()
    other: int | None = None
    sources: NumberSet = NumberSet()
    is_past: bool = False
    first: int = 0
    name: str = ""
    old_name: str = ""


@frozen
class Happened:
    """One change of a mailbox, `mailbox` being the name that it has now. Who: the user or worker
    (`actor`), the session, the protocol, and the address that it came from."""

    mailbox_id: int
    mailbox: str
    modseq: int
    kind: EventKind
    uids: NumberSet
    at: datetime
    actor: str
    session: str
    protocol: str
    address: str
    detail: EventDetail


@frozen
class History:
    """Events, and the account's keywords: (number, name), for their masks."""

    events: tuple[Happened, ...]
    keywords: tuple[tuple[int, str], ...]


@frozen
class Described:
    """What there is to see of a message, live or expunged (`is_gone`); `uid` is the one that it has
    or had. `internal_date` is in its own zone; `subject` and `sender` are decoded."""

    uid: int
    is_gone: bool
    email_id: UUID
    internal_date: datetime
    size: int
    mask: int
    sender: str
    subject: str


@frozen
class Counters:
    """The counters of a mailbox, or what its messages say that they should be."""

    messages: int
    unseen: int
    deleted: int
    size: int
    uidnext: int
    highest_modseq: int


@frozen
class Recount:
    """A mailbox that was counted anew."""

    mailbox: str
    was: Counters
    counted: Counters
