"""Mailboxes: names, rights, annotations, and what is in them as numbers."""

from array import array
from collections.abc import Mapping
from typing import Final

from attrs import Factory, field, frozen

from sora.mail.annotations import Entry
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL, Rights


@frozen
class NewMailbox:
    """A mailbox that is made with an account."""

    name: str
    special_use: str | None = None
    subscribed: bool = True


@frozen
class MailboxRow:
    """A mailbox, its counters, and its place in the order of changes.

    `object_id` is MAILBOXID (RFC 8474). `special_use` is the attribute with its backslash
    (RFC 6154). `size` is the sum of RFC822.SIZE, `deleted_size` that of what EXPUNGE would remove,
    if it was asked for. `rights` are those of who asked, where
    somebody other than the owner did. Counters are for those who have `Rights.READ` (G35).
    """

    id: int
    account_id: int
    name: str
    object_id: str
    uidvalidity: int
    uidnext: int
    highest_modseq: int
    messages: int
    unseen: int
    deleted: int
    size: int
    special_use: str | None = None
    rights: Rights = ALL
    deleted_size: int = 0


@frozen
class Owner:
    """Whose mailboxes they are. `address` is the primary one, None for the account that owns
    what belongs to a domain and to no user."""

    account_id: int
    scope_id: int
    address: str | None


@frozen
class SharedMailbox:
    """A mailbox that somebody else lets one see. Its row has the name that the owner gave it,
    and the rights of who asked: `Rights.LOOKUP` is among them."""

    owner: Owner
    mailbox: MailboxRow


Acl = Mapping[int, Rights]
"""Rights on a mailbox by account id, `ANYONE` for those of everybody in the owner's domain. The
owner, who has all rights, is not in it."""


ANYONE: Final = 0


@frozen
class AclEntry:
    """Rights of somebody, by primary address; None is everybody."""

    address: str | None
    rights: Rights


@frozen
class Listing:
    """All mailboxes of an account and all names it has subscribed to, in one round trip;
    `shared` those of others that it sees, if they were asked for."""

    version: int
    mailboxes: tuple[MailboxRow, ...]
    subscriptions: tuple[str, ...]
    shared: tuple[SharedMailbox, ...] = ()


@frozen
class States:
    """States of messages: three columns of the same length, ascending by uid.

    `uids` and `modseqs` are arrays of type 'Q'; `masks` holds masks of `sora.mail.flags`.
    """

    uids: array = Factory(lambda: array("Q"))
    masks: list[int] = Factory(list)
    modseqs: array = Factory(lambda: array("Q"))


@frozen
class Turn:
    """A process's turn to say which messages of a mailbox are \\Recent; one at a time has it.

    Numbers rise; 0 says that nobody has it. Read-write sessions have learned of the messages up to
    the UID `known`; None is not known.
    """

    number: int
    known: int | None


@frozen
class Opened:
    """An opened mailbox: its row, the state of every message, and the account's keywords.

    `first_unseen` can be derived; `keywords` are (number, name); `acl` is who else has rights.
    `turn` is that of who asks, or nobody's; None when another process has it. `lost` are modseqs
    that somebody may know from an epoch that was lost (G70).
    """

    mailbox: MailboxRow
    states: States
    keywords: tuple[tuple[int, str], ...]
    acl: Acl = Factory(dict)
    turn: Turn | None = None
    lost: NumberSet = Factory(NumberSet)


@frozen
class Changes:
    """What happened in a mailbox after `since` and up to `mailbox.highest_modseq`.

    `changed` holds the present state of each message that arrived or changed; `vanished`
    the UIDs that went. `keywords` are those from the number on that the caller did not
    know. `complete` is False when the log no longer reaches back to `since`, or never knew of
    it: the caller opens the mailbox anew (G28). `acl`, `turn` and `lost` are as in `Opened`.
    """

    since: int
    mailbox: MailboxRow
    changed: States
    vanished: NumberSet
    keywords: tuple[tuple[int, str], ...] = ()
    complete: bool = True
    acl: Acl = Factory(dict)
    turn: Turn | None = None
    lost: NumberSet = Factory(NumberSet)

    @property
    def is_lost(self) -> bool:
        """Whether `since` was never given out, as far as storage knows (G70)."""
        return self.since > self.mailbox.highest_modseq or self.since in self.lost


@frozen
class Vanished:
    """The answer to `vanished`: UIDs that went.

    `uids` is None where the log does not reach back. `is_lost` says that the modseq asked for
    was never given out as far as storage knows (G70): nothing that is remembered with it counts.
    """

    uids: NumberSet | None
    is_lost: bool = False


@frozen
class Annotation:
    """The value of an entry (RFC 5464); None where it is longer than what was asked for. `size`
    in octets."""

    entry: Entry
    size: int
    value: bytes | None = field(default=None, repr=False)


@frozen
class Annotated:
    """Annotations of a mailbox or of the server, private ones first, by path. `special_use` is
    the mailbox's, for its owner."""

    annotations: tuple[Annotation, ...] = ()
    special_use: str | None = None


@frozen
class RightsSet:
    """What SETACL did; `modseq` is `before` when nothing changed. `before` as in `Placed`."""

    mailbox_id: int
    before: int
    modseq: int
    acl: Acl
