"""What write commands do to messages that are there."""

from enum import IntEnum
from typing import Literal

from attrs import frozen

from sora.mail.flags import Flags
from sora.mail.numbers import NumberSet
from sora.mail.rights import FLAG_RIGHTS, Rights
from sora.storage.rows.mailboxes import States


@frozen
class FlagChange:
    """STORE: replace, add or remove flags; `unchanged_since` as RFC 7162 §3.1.3 (0 is present).

    What is added or removed is compared by itself, as far as the history reaches back: a change
    of other flags does not count (§3.1.12). 0 lets a keyword be added that is not there.

    Of the rights to change flags, those of who does it: others than theirs a replacement leaves as
    they are. `flags` are all among them.
    """

    mode: Literal["replace", "add", "remove"]
    flags: Flags
    unchanged_since: int | None = None
    rights: Rights = FLAG_RIGHTS


@frozen
class Stored:
    """What STORE did. `changed` has the new state of each message whose flags are different
    now; `modified` the UIDs refused by UNCHANGEDSINCE; `modseq` is that of this change, or
    the mailbox's highest if nothing changed. `before` as in `Placed`.
    """

    mailbox_id: int
    before: int
    modseq: int
    changed: States
    modified: NumberSet = NumberSet()
    keywords: tuple[tuple[int, str], ...] = ()


@frozen
class Expunged:
    """What EXPUNGE did: the UIDs that went, in one change of `modseq`."""

    mailbox_id: int
    before: int
    modseq: int
    vanished: NumberSet


@frozen
class Copied:
    """What COPY did: `sources` and `uids` are of the same length and ascending.

    `keywords` names every keyword of `masks`: (number, name) in the destination's account.
    """

    mailbox_id: int
    uidvalidity: int
    before: int
    modseq: int
    sources: tuple[int, ...]
    uids: tuple[int, ...]
    masks: tuple[int, ...]
    keywords: tuple[tuple[int, str], ...] = ()


@frozen
class Moved:
    """What MOVE did: what it put there and what it took away here."""

    copied: Copied
    expunged: Expunged


@frozen
class Noted:
    """What SETMETADATA did to a mailbox: a change of its own in the order of modseqs; `before` as
    in `Placed`."""

    mailbox_id: int
    before: int
    modseq: int


class EventKind(IntEnum):
    """The kinds of rows of `events`. Numbers are stored: they never change their meaning."""

    ARRIVED = 1
    FLAGS = 2
    EXPUNGED = 3
    COPIED_IN = 4
    MOVED_IN = 5
    MOVED_OUT = 6
    CREATED = 7
    RENAMED = 8
    DELETED = 9
    RIGHTS = 10
    ANNOTATED = 11
    RESTORED = 12
