"""Mailboxes by name: their state, rights and annotations."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.addresses import Address
from sora.mail.annotations import Entry
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, RightsChange
from sora.storage.rows import (
    AclEntry,
    Annotated,
    Annotation,
    Changes,
    Listing,
    MailboxRow,
    Noted,
    Opened,
    Operation,
    Owner,
    RightsSet,
    Turn,
    Vanished,
)


class IMailboxes(Interface):
    """Mailboxes by name, and the state of what is in them.

    Names are UTF-8 in NFC with `/` between levels, as `sora.mail.mailbox_names.normalise`
    gives them; they are compared by `name_key` (case-sensitive but for INBOX, G22).
    """

    def list(
        account_id: int, shared: bool = False, deleted_sizes: bool = False
    ) -> "Deferred[Listing]":
        """All mailboxes and subscriptions of the account, with `shared` also the mailboxes of
        others on which it has `Rights.LOOKUP`. One round trip. `deleted_sizes` are counted only
        if they are asked for."""

    def find(
        account_id: int, name: str, asker: int | None = None, deleted_size: bool = False
    ) -> "Deferred[MailboxRow]":
        """One mailbox with its counters, and with the rights of the account that asks. One round
        trip. Raises NoSuchMailbox."""

    def open(account_id: int, name: str, taker: UUID | None = None) -> "Deferred[Opened]":
        """One mailbox with the states of all its messages. One round trip. `taker` as in
        `take_turns`: the same statement takes the turn.

        Raises NoSuchMailbox.
        """

    def changes(
        mailbox_id: int, since: int, known_keywords: int, taker: UUID | None = None
    ) -> "Deferred[Changes]":
        """What happened after modseq `since`. One round trip. `taker` as in `open`; without it
        nothing is said of turns.

        Raises NoSuchMailbox when the mailbox was deleted meanwhile.
        """

    def heard(mailbox_id: int, modseq: int) -> None:
        """The caller knows that a mailbox has come to this modseq, by a write of its own or from
        another process: nothing that is read in it from now on is older (G21). Asks nobody."""

    def take_turns(mailbox_ids: Sequence[int], taker: UUID) -> "Deferred[Mapping[int, Turn]]":
        """Take the turn to say what is \\Recent (`Turn`) in those of the mailboxes where no living
        process has it (`IMembership`). Gives those that `taker` has now. One round trip.

        It is no change of a mailbox: no modseq rises.
        """

    def end_turns(turns: Mapping[int, Turn], taker: UUID) -> "Deferred[None]":
        """Give turns back, by mailbox id. One round trip. What is no longer the process's stays
        as it is."""

    def vanished(mailbox_id: int, since: int, among: NumberSet) -> "Deferred[Vanished]":
        """Which UIDs of `among` were taken away after modseq `since`, for QRESYNC (RFC 7162
        §3.2). One round trip.

        Also those that came after `since`. Raises NoSuchMailbox when the mailbox was deleted
        meanwhile.
        """

    def poll(mailbox_ids: Sequence[int]) -> "Deferred[Mapping[int, int]]":
        """The highest modseq of each of these mailboxes; a deleted one is absent."""

    def versions(account_ids: Sequence[int]) -> "Deferred[Mapping[int, int]]":
        """The version of each of these accounts: it rises with every change of names, rights
        and subscriptions. One that is not there is absent."""

    def create(
        account_id: int,
        name: str,
        special_use: str | None,
        operation: Operation,
        creator: int | None = None,
        rights: Rights = Rights.NONE,
    ) -> "Deferred[MailboxRow]":
        """Make a mailbox, and its missing superiors (RFC 3501 §6.3.3). One round trip.

        Each inherits the rights of the one above it; where there is none, `creator` gets these
        `rights`, unless it is the owner.

        Raises AlreadyExists; UseAttributeRefused when another one has this special use;
        OverQuota.
        """

    def delete(account_id: int, name: str, operation: Operation) -> "Deferred[int]":
        """Delete a mailbox with its messages (they can be restored); gives its id.

        One round trip. Its name's subscription stays. Raises NoSuchMailbox, HasChildren.
        """

    def rename(account_id: int, old: str, new: str, operation: Operation) -> "Deferred[None]":
        """Rename a mailbox and all its inferiors in one statement, making the new name's
        missing superiors. Subscriptions follow.

        For INBOX the messages move to a new mailbox and INBOX stays, empty (RFC 3501
        §6.3.5). Raises NoSuchMailbox, AlreadyExists, OverQuota.
        """

    def subscribe(account_id: int, name: str) -> "Deferred[None]":
        """Add a name to the subscriptions; nothing happens when it is one."""

    def unsubscribe(account_id: int, name: str) -> "Deferred[None]":
        """Remove a name from the subscriptions; nothing happens when it is none."""


class IRights(Interface):
    """Rights on mailboxes (RFC 4314), and whose mailboxes they are.

    `asker` is the account that wants something, None an operator, who may everything. Where a
    right is missing, NotPermitted is raised if the mailbox may be seen, else NoSuchMailbox.
    """

    def owner(asker: int, address: Address | None) -> "Deferred[Owner | None]":
        """Whose mailboxes are meant: those of a user of the asker's domain, by any of his
        addresses, or with None those that belong to the domain. One round trip."""

    def domain_owner(domain: str, make: bool = False) -> "Deferred[Owner | None]":
        """Who owns what belongs to a domain, by its name; with `make` it is made when it is not
        there. Raises NoSuchAccount when there is no such domain and it was to be made."""

    def shared_owner(asker: int) -> "Deferred[Owner]":
        """Who owns what belongs to the asker's domain; it is made when it is not there."""

    def acl(account_id: int, name: str, asker: int | None) -> "Deferred[Sequence[AclEntry]]":
        """Who has rights on a mailbox of `account_id`, everybody first, then by address; the owner
        is not among them. Needs `Rights.ADMINISTER`. One round trip."""

    def set(
        account_id: int,
        name: str,
        asker: int | None,
        grantee: Address | None,
        change: RightsChange,
        operation: Operation,
    ) -> "Deferred[RightsSet]":
        """Change the rights of a user, or with None of everybody in the domain. One round trip.

        It is a change of the mailbox, with a modseq; the accounts' `version` rises. Needs
        `Rights.ADMINISTER`. Raises NoSuchAccount when the address is nobody's in the owner's
        domain; BadArgument for the owner, whose rights are all there are, and when nobody would
        be left who may administer; TooMany.
        """


class IMetadata(Interface):
    """Annotations of mailboxes and of the server (RFC 5464).

    A mailbox is one of `account_id`, by its name; None is the server, whose entries are private:
    `account_id` is then the `asker`. Private entries are those of `asker`, the others are seen by
    all who may deal with the mailbox: they need `Rights.LOOKUP` and one of `Rights.READ`, `SEE`,
    `WRITE`, `INSERT`, `POST` (§3.3); NotPermitted and NoSuchMailbox are raised as by `IRights`.
    """

    def read(
        account_id: int,
        name: str | None,
        asker: int,
        entries: Sequence[Entry],
        depth: int | None = 0,
        most: int | None = None,
    ) -> "Deferred[Annotated]":
        """The entries, and those below them down to `depth` levels (None: all); values of more
        than `most` octets as their sizes alone. One round trip."""

    def listed(
        mailbox_ids: Sequence[int], asker: int, entries: Sequence[Entry], most: int
    ) -> "Deferred[Mapping[int, Sequence[Annotation]]]":
        """The same entries of several mailboxes, whose rights the caller has looked at. One
        round trip. When values have `most` octets together, the rest comes as sizes alone."""

    def accounts_with_event_scripts(most: int) -> "Deferred[frozenset[int] | None]":
        """The accounts that name scripts for what is done to their mailboxes (`EVENT_SCRIPT`,
        `OWN_EVENT_SCRIPT`); None when there are more than `most`. One round trip, reading only."""

    def write(
        account_id: int,
        name: str | None,
        asker: int,
        values: Mapping[Entry, bytes | None],
        most: int,
        total: int,
        operation: Operation,
        special_use: str | Literal[False] | None = False,
    ) -> "Deferred[Noted | None]":
        """Set entries, or remove those whose value is None: all or none. Gives what became of the
        mailbox, whose modseq rises (RFC 7162 §3.2); None for the server. One round trip.

        `special_use`, unless it is False, becomes the mailbox's, with None it has none. Shared
        entries need `Rights.WRITE`. Raises TooManyEntries when there would be more than `most` of
        one's own or more shared ones; OverQuota when all that counts for the account of `asker`
        (private ones) or of the owner would have more than `total` octets, paths and 100 for each
        entry included; UseAttributeRefused.
        """
