"""What is removed, and what waits for it."""

from collections.abc import Mapping
from datetime import datetime

from attrs import frozen


@frozen
class Removed:
    """A part of a deleted account that was removed: so many messages. The last part is the account
    itself (`ended`), after which its addresses are free."""

    account_id: int
    address: str
    messages: int
    ended: bool


@frozen
class Overdue:
    """What could be removed now, and for how many seconds what is oldest of it could have been."""

    count: int
    age: float


@frozen(kw_only=True)
class CleaningStatus:
    """What waits to be removed. Nothing is counted beyond 100,000.

    `contents` lost a reference and are to be looked at; `objects` wait to be deleted from their
    `stores`, with `octets`. `history_from` is the time from which on the history of changes is
    complete, None for the beginning; `partitions` it has, and `default_events` says that some of it
    stands outside of them.
    """

    messages: Overdue
    mailboxes: Overdue
    accounts: Overdue
    deleted_mailboxes: int
    deleted_accounts: int
    contents: Overdue
    objects: Overdue
    octets: int
    stores: tuple[str, ...]
    partitions: int
    default_events: bool
    history_from: datetime | None


@frozen
class CleaningRound:
    """The last round of a node's cleaner: how many of each it removed; `error` is why it ended
    early, empty when it did not."""

    node: str
    began_at: datetime
    ended_at: datetime
    done: Mapping[str, int]
    error: str = ""
