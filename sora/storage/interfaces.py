"""What the rest of Sora asks of storage.

Every method returns a Deferred. The budget of round trips stands with each method; tests
count them. Failures are classes of `sora.errors`: `Unavailable` when the storage cannot be
reached in time, `OutcomeUnknown` when a write may or may not have happened and reading it
back could not tell (G14). Nothing else leaves an adapter.

Two implementations answer each interface, `sora.storage.postgres` and
`sora.storage.memory`, and pass the same contract tests (`trial_tests/storage/contracts`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.addresses import Address
from sora.mail.annotations import Entry
from sora.mail.criteria import Criterion
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, RightsChange
from sora.storage.rows import (
    AccountRow,
    AclEntry,
    AliasRow,
    Annotated,
    Annotation,
    Appended,
    Arrival,
    Backlog,
    Changes,
    Claim,
    Column,
    ColumnSet,
    Condemned,
    Copied,
    CredentialRow,
    Delivered,
    DomainRow,
    Expunged,
    FlagChange,
    Listing,
    Login,
    MailboxRow,
    MaildropBody,
    MaildropClosed,
    MaildropOpened,
    Moved,
    NewMailbox,
    NewSecret,
    Noted,
    ObjectPlace,
    Opened,
    Operation,
    Owner,
    Placement,
    Prepared,
    Quota,
    QuotaLimits,
    Read,
    Recipient,
    Replaced,
    RightsSet,
    ScriptLimits,
    ScriptPosition,
    ScriptRow,
    SearchText,
    Segment,
    SortKey,
    Stored,
    Target,
    ThreadRow,
    Turn,
    Unindexed,
    Upload,
    Vanished,
    Want,
)


class IAccounts(Interface):
    """Accounts: their life, and where their mail is delivered."""

    def create(
        address: Address,
        secrets: Sequence[NewSecret],
        mailboxes: Sequence[NewMailbox],
    ) -> "Deferred[AccountRow]":
        """Make an account with its primary credential and its first mailboxes.

        The domain is made when it is not there. Raises AlreadyExists when the address is a
        credential of a live account, or of a deleted one that can still be restored.
        """

    def show(address: Address) -> "Deferred[AccountRow]":
        """One account, live or deleted, by any of its addresses. Raises NoSuchAccount."""

    def list(
        domain: str | None = None, after: str = "", limit: int = 1000, deleted: bool = False
    ) -> "Deferred[Sequence[AccountRow]]":
        """Accounts ascending by primary address key, beginning after the key `after`."""

    def delete(address: Address) -> "Deferred[None]":
        """Mark as deleted: no login, no delivery; restorable. Raises NoSuchAccount."""

    def restore(address: Address) -> "Deferred[None]":
        """Undo `delete`. Raises NoSuchAccount when there is no deleted account."""

    def recipient(address: Address) -> "Deferred[Recipient | None]":
        """Who receives mail for this address (credentials, aliases, the domain's catch-all), and
        the scripts that run for it.

        One round trip. None when nobody does.
        """


class ICredentials(Interface):
    """Addresses that log in, and their secrets."""

    def login(address: Address) -> "Deferred[Login | None]":
        """What is needed to verify a login, in one round trip; None when there is nobody.

        The account of a Login may be disabled; it is never a deleted one.
        """

    def add(
        account: Address, alias: Address, secrets: Sequence[NewSecret]
    ) -> "Deferred[CredentialRow]":
        """Add an address to an account. Raises NoSuchAccount, AlreadyExists."""

    def list(account: Address) -> "Deferred[Sequence[CredentialRow]]":
        """All credentials of the account that has this address. Raises NoSuchAccount."""

    def show(address: Address) -> "Deferred[CredentialRow]":
        """One credential. Raises NoSuchAccount."""

    def delete(address: Address) -> "Deferred[None]":
        """Remove a credential. Raises NoSuchAccount; BadArgument for the primary one."""

    def set_secrets(address: Address, secrets: Sequence[NewSecret]) -> "Deferred[None]":
        """Replace the secrets of these kinds and raise the version. Raises NoSuchAccount."""


class IAliases(Interface):
    """Addresses of accounts that only receive. Each address is a credential or an alias, and
    never both; an alias is one account's."""

    def add(account: Address, alias: Address, most: int) -> "Deferred[AliasRow]":
        """Add an alias to an account, which may have `most`. The domain is made when it is not
        there. Raises NoSuchAccount, AlreadyExists, TooMany."""

    def list(
        account: Address | None = None,
        domain: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> "Deferred[Sequence[AliasRow]]":
        """Aliases, of an account or in a domain, ascending by key, beginning after the key
        `after`. Raises NoSuchAccount."""

    def show(alias: Address) -> "Deferred[AliasRow]":
        """One alias. Raises NoSuchAccount."""

    def delete(alias: Address) -> "Deferred[None]":
        """Remove an alias. Raises NoSuchAccount."""


class IDomains(Interface):
    """Domains, and who receives what is addressed to nobody in them. Names are folded, in A-labels
    (`sora.addresses.fold_domain`)."""

    def create(name: str) -> "Deferred[DomainRow]":
        """Make a domain; the first account in it makes it too. Raises AlreadyExists."""

    def list(after: str = "", limit: int = 1000) -> "Deferred[Sequence[DomainRow]]":
        """Domains ascending by name, beginning after the name `after`."""

    def show(name: str) -> "Deferred[DomainRow]":
        """One domain. Raises NoSuchAccount."""

    def delete(name: str) -> "Deferred[None]":
        """Remove a domain. Raises NoSuchAccount; InUse when there is something in it."""

    def set_catch_all(name: str, account: Address | None) -> "Deferred[None]":
        """Say who takes mail for addresses that are nobody's. Raises NoSuchAccount."""

    def set_alias_of(name: str, of: str | None) -> "Deferred[None]":
        """Make the domain another name of `of`, or one of its own again. What is addressed in
        itself (accounts, aliases) goes first.

        Raises NoSuchAccount; BadArgument when `of` is an alias itself or this domain, or this
        domain has aliases.
        """


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


class IQuotas(Interface):
    """How much accounts may have (RFC 9208). Limits are kept by whatever adds to an account, under
    the lock of its row."""

    def quota(account_id: int) -> "Deferred[Quota]":
        """What an account has, and may have. One round trip. Raises NoSuchAccount."""

    def set(account_id: int, limits: QuotaLimits, asker: int | None) -> "Deferred[None]":
        """Set all limits of an account. One round trip.

        `asker` is the account that wants it, None an operator. Raises NotPermitted unless it
        was allowed to set quotas and is of the same domain; NoSuchAccount.
        """

    def allow(account_id: int, allowed: bool) -> "Deferred[None]":
        """Say whether a user may set the quotas of his domain. Raises NoSuchAccount."""


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


class IScripts(Interface):
    """Sieve scripts, by name, and which of them run at delivery.

    They belong to an account: a user's, or that which owns what belongs to a domain
    (`IRights.domain_owner`). Names are as `sora.mail.script_names.script_name` gives them. At each
    position stands at most one script. Every method is one round trip.
    """

    def list(account_id: int) -> "Deferred[Sequence[ScriptRow]]":
        """All scripts of an account, by name."""

    def get(account_id: int, name: str) -> "Deferred[str]":
        """The text of a script. Raises NoSuchScript."""

    def require_room(
        account_id: int, name: str, size: int, limits: ScriptLimits
    ) -> "Deferred[None]":
        """Raise what `put` of so many octets would raise now: TooBig, TooMany, OverQuota."""

    def put(
        account_id: int,
        name: str,
        source: str,
        limits: ScriptLimits,
        position: ScriptPosition | None = None,
    ) -> "Deferred[None]":
        """Make a script, or replace its text: it stays where it stands. With `position` it is
        activated there.

        Raises TooBig when it is larger than a script may be, TooMany when there would be too many,
        OverQuota when all together would be too large; NoSuchAccount.
        """

    def activate(
        account_id: int, name: str, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> "Deferred[None]":
        """Let a script stand at a position, instead of the one that stands there. Raises
        NoSuchScript, NoSuchAccount."""

    def deactivate(
        account_id: int, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> "Deferred[None]":
        """Let no script stand at a position. Raises NoSuchAccount."""

    def delete(account_id: int, name: str) -> "Deferred[None]":
        """Remove a script. Raises NoSuchScript; InUse when it stands at a position;
        NoSuchAccount."""

    def rename(account_id: int, old: str, new: str) -> "Deferred[None]":
        """Give a script another name; it stays where it stands. Raises NoSuchScript;
        AlreadyExists, also when the name is its own; NoSuchAccount."""


class IMessages(Interface):
    """Messages: making, changing, reading. Every write is one statement and one event."""

    def place(
        scope_id: int, arrival: Arrival, targets: Sequence[Target], operation: Operation
    ) -> "Deferred[Placement]":
        """Make messages from bytes, for APPEND (one target) and LMTP (up to 50).

        One round trip, one transaction: content, staged body, claims, messages, counters,
        events. All targets are in accounts of this scope. Each message is put into a thread of
        its account, that of what it replies to or refers to (RFC 8474 §5.2).
        """

    def deliver(
        arrivals: Sequence[tuple[int, Arrival]], claims: Sequence[Claim], operation: Operation
    ) -> "Deferred[Delivered]":
        """Do all that is to be done for up to 50 recipients. One round trip, one transaction.

        Each arrival comes with its scope, that of the accounts that have targets of it. The targets
        of a claim are all placed or none; of claims and replies that are the same one is first.
        Locks are taken in the order of G17. Where the answer was lost, a claim that is told as own
        was this very one: then its `placed` may be empty.
        """

    def seen_before(account_id: int, key: bytes) -> "Deferred[bool]":
        """Whether an account remembers this duplicate (RFC 7352). One round trip, reading only."""

    def append(
        scope_id: int,
        arrivals: Sequence[Arrival],
        targets: Sequence[Target],
        operation: Operation,
        replaced: Replaced | None = None,
    ) -> "Deferred[Appended]":
        """Make one message from each arrival, with the target at its place, all or none
        (RFC 3502); the targets are of one mailbox. With `replaced` that message is taken away
        in the same transaction, and its room counts as free (RFC 8508 §3.4).

        One round trip. Raises NoSuchMailbox, OverQuota; ExpungeIssued when `replaced` is gone.
        """

    def prepare(scope_id: int, arrival: Arrival) -> "Deferred[Prepared]":
        """Make a content of an arrival that comes with its bytes, for messages that will be
        made soon; when none is, the cleaner removes it. One round trip."""

    def store(
        mailbox_id: int,
        uids: NumberSet,
        change: FlagChange,
        operation: Operation,
        known_keywords: int = 0,
    ) -> "Deferred[Stored]":
        """Change flags. One round trip. UIDs that are gone are ignored."""

    def expunge(
        mailbox_id: int, uids: NumberSet | None, operation: Operation
    ) -> "Deferred[Expunged]":
        """Remove the messages that have \\Deleted, all or only those of `uids`. One round trip."""

    def copy(
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> "Deferred[Copied]":
        """Copy messages, with everything they have (G39), to a mailbox of `account_id`, in
        the order of their UIDs. One round trip. Raises NoSuchMailbox for the destination,
        ExpungeIssued when one of `uids` is gone: then nothing was copied (RFC 3501 §6.4.7).

        `asker` is who does it, when one of the mailboxes is not his: in the destination he needs
        the right to insert, and only flags go along that he may change there (RFC 4314 §4).
        Raises NotPermitted; StoredApart when the accounts store their mail apart and not all of
        it is in both places (`prepare`).
        """

    def move(
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> "Deferred[Moved]":
        """Move messages; UIDs that are gone are ignored (RFC 6851 §3.3). One round trip.

        Raises NoSuchMailbox for the destination, and with `asker` what `copy` raises.
        """

    def read(
        mailbox_id: int,
        uids: NumberSet,
        wants: frozenset[Want],
        see: Operation | None = None,
    ) -> "Deferred[Read]":
        """Read columns of messages. One round trip per 1,000 messages.

        With `see`, \\Seen is added to them in the same statement.
        """

    def columns(
        mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]
    ) -> "Deferred[ColumnSet]":
        """Read columns of many messages, with no more work for each than has to be; those that
        are gone are absent. One round trip; the caller asks for at most 1,000."""

    def search(
        mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> "Deferred[Sequence[int]]":
        """The UIDs that match, ascending. One round trip. Exact: RFC substring semantics on
        folded text, also for what arrived a moment ago.

        With `gone_since` also those of messages that were taken away after this modseq, as they
        were then, as long as they are kept.
        """

    def sort(
        mailbox_id: int,
        criterion: Criterion,
        keys: Sequence[SortKey],
        gone_since: int | None = None,
    ) -> "Deferred[Sequence[int]]":
        """The UIDs that match, ordered by the keys, one after the other; what is equal in all
        of them ascends by UID (RFC 5256 §3). `gone_since` as in `search`. One round trip."""

    def threads(
        mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> "Deferred[Sequence[ThreadRow]]":
        """What THREAD needs of the messages that match, ascending by UID. `gone_since` as in
        `search`. One round trip."""

    def relevance(
        mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> "Deferred[Mapping[int, int]]":
        """Scores from 1 to 100 (RFC 6203 §4) of these messages for the Fuzzy parts of a
        criterion; those that are gone are absent. One round trip."""


class IMaildrops(Interface):
    """INBOX for POP3: one session has it for itself, whatever node it is on (RFC 1939 §3).

    A session, named by a UUID, has a lease that runs out unless it is renewed, and may be taken by
    another session then.
    """

    def open(
        account_id: int, session: UUID, lease: timedelta, delay: timedelta
    ) -> "Deferred[MaildropOpened]":
        """Take the lease, and list the messages. One round trip.

        Raises InUse when another session has it; TooSoon when it was opened less than `delay`
        ago; NoSuchMailbox.
        """

    def bodies(mailbox_id: int, uids: NumberSet) -> "Deferred[Sequence[MaildropBody]]":
        """Where the octets of messages are, ascending by UID; those that are gone are absent.
        One round trip; the caller asks for at most 1,000."""

    def renew(sessions: Mapping[int, UUID], lease: timedelta) -> "Deferred[Sequence[UUID]]":
        """Let the leases of these sessions, by account, run for so long from now; gives the
        sessions that still have one. One round trip for all."""

    def release(account_id: int, session: UUID) -> "Deferred[None]":
        """Give the lease back and change nothing; nothing happens when it is another's."""

    def quit(
        account_id: int,
        session: UUID,
        mailbox_id: int,
        seen: NumberSet,
        gone: NumberSet,
        operation: Operation,
    ) -> "Deferred[MaildropClosed]":
        """Add \\Seen to some messages, remove others whatever flags they have, and give the
        lease back: all of it or nothing. UIDs that are not there are ignored. One round trip.

        Raises Superseded when another session has the lease; NoSuchMailbox.
        """


class IIndexing(Interface):
    """Making the index of words, mailbox by mailbox. A search is right without it, and at any
    point of it; nothing else waits for it or for who makes it (G18)."""

    def claim(
        least: int, limit: int, lease: timedelta, among: Sequence[int] | None = None
    ) -> "Deferred[Sequence[Unindexed]]":
        """Take up to `limit` mailboxes that have at least `least` messages above what is indexed,
        of those with these ids or of all. Others skip them until the lease ends or they are
        released."""

    def texts(
        mailbox_id: int, after: int, limit: int, octets: int
    ) -> "Deferred[Sequence[SearchText]]":
        """The texts of the next messages above a UID: at most `limit`, and no more when so many
        octets are reached. None when there are none."""

    def add(mailbox: Unindexed, segment: Segment) -> "Deferred[bool]":
        """Add a segment that begins where the index ends. False, and nothing was done, when it
        ends elsewhere by now or the mailbox is gone."""

    def release(mailbox_id: int) -> "Deferred[None]":
        """End a claim."""

    def prune(limit: int) -> "Deferred[int]":
        """Remove up to so many segments whose messages are all gone; gives how many it were."""


class IUploads(Interface):
    """Contents on their way between staging and the object stores."""

    def reserve(store: str, count: int) -> "Deferred[Sequence[UUID]]":
        """Rows for objects that will be written: the row exists before the object does.

        A reservation that is not bound within a day is removed, with its object.
        """

    def known(scope_id: int, hash: bytes) -> "Deferred[bool]":
        """Whether a live content with these bytes is there."""

    def stage_piece(
        scope_id: int, hash: bytes, size: int, content_id: int | None, number: int, piece: bytes
    ) -> "Deferred[int]":
        """Write a piece (256 KiB) of a body that is too large for one statement, to a content
        that is `pending` until `place` names it. Gives the content's id."""

    def staged(content_id: int, first: int, count: int) -> "Deferred[Sequence[bytes]]":
        """Pieces of a staged body, from number `first` on; fewer at the end, none after it."""

    def staged_bodies(content_ids: Sequence[int]) -> "Deferred[Mapping[int, bytes]]":
        """Whole staged bodies; one that is staged no longer is absent. The caller bounds the sum.
        One round trip."""

    def place_of(content_id: int) -> "Deferred[tuple[bool, Sequence[ObjectPlace]]]":
        """Whether it is staged, and its stored objects, as of now."""

    def claim(store: str, limit: int, lease: timedelta) -> "Deferred[Sequence[Upload]]":
        """Take staged contents for upload, each with an object row that exists before the
        PUT. Others skip them until the lease ends. Oldest first, due ones only."""

    def finish(
        upload: Upload, stored_size: int, checksum: str, key_id: str | None
    ) -> "Deferred[None]":
        """The object is durable: the content is no longer staged."""

    def finish_many(stored: Sequence[tuple[Upload, str]]) -> "Deferred[Sequence[UUID]]":
        """The same for several, each with the store's checksum, in one round trip. Gives the
        objects that were finished: those whose content somebody else has in hand are left."""

    def postpone(upload: Upload, delay: timedelta, count: bool) -> "Deferred[None]":
        """It did not work; try again after `delay`. Only with `count` was it an attempt (G5)."""

    def backlog() -> "Deferred[Backlog]":
        """What waits for upload."""


class ICleaning(Interface):
    """What the cleaner does, each step in small batches and safe to repeat. Every method
    gives the number of rows it handled; 0 means that there is nothing more to do now."""

    def purge_expunged(grace: timedelta, limit: int) -> "Deferred[int]":
        """Forget messages that were expunged longer than `grace` ago."""

    def condemn(grace: timedelta, limit: int) -> "Deferred[int]":
        """Mark contents that nothing refers to, and has not for `grace`, as `deleting`.

        The row is locked FOR UPDATE SKIP LOCKED, and references are looked for by the next
        statement (docs/architecture.md, trap 5).
        """

    def condemned(limit: int) -> "Deferred[Sequence[Condemned]]":
        """Objects to delete from their stores: those of contents that are `deleting`, and
        reservations that were never bound."""

    def forget(object_ids: Sequence[UUID]) -> "Deferred[int]":
        """The objects are gone from the store: remove their rows, and contents without any."""

    def forget_deliveries(age: timedelta, limit: int) -> "Deferred[int]":
        """Forget claims of deliveries older than `age` (G42: 7 days)."""

    def forget_memories(limit: int) -> "Deferred[int]":
        """Forget vacation replies and duplicates that were to be remembered until now (G43); up
        to `limit` of each."""

    def drop_staging() -> "Deferred[int]":
        """Drop the partitions of staging in which nothing waits any more."""

    def make_partitions() -> "Deferred[int]":
        """Make the partitions of events and staging that the next days need."""


class IMembership(Interface):
    """Which processes serve this database now."""

    def beat(process_id: UUID, name: str) -> "Deferred[int]":
        """Say that this process lives; gives how many others were heard of lately."""

    def leave(process_id: UUID) -> "Deferred[None]":
        """Say that this process ends."""


class IObjects(Interface):
    """An object store: bytes by name. Names are UUIDs; an object is written once."""

    def put(name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> "Deferred[str]":
        """Store `size` octets durably and give the store's checksum of them.

        `open_body` opens the body for reading (`read(n) -> bytes`, `close()`) and is called
        again for each attempt, so that a retry sends the whole body (G4). Length and BLAKE3
        `hash` are verified before this succeeds. Raises Unavailable (worth another try) or
        StoreRefused (not).
        """

    def put_many(
        bodies: Sequence[tuple[UUID, bytes, bytes]],
    ) -> "Deferred[Sequence[str | Exception]]":
        """Store several small objects durably, each named with its octets and their BLAKE3, in
        their order: the checksum, or the error that `put` would have raised."""

    def get(name: UUID, start: int, end: int) -> "Deferred[bytes]":
        """The octets [start, end). Raises Unavailable; ObjectMissing only on proof."""

    def get_many(
        wanted: Sequence[tuple[UUID, int]],
    ) -> "Deferred[Sequence[bytes | Exception]]":
        """Several whole objects, each named with its size, in their order: the octets, or
        the error that `get` would have raised. For small ones; the caller bounds the sum."""

    def stream(
        name: UUID, start: int, end: int, deliver: Callable[[bytes], "Deferred[None] | None"]
    ) -> "Deferred[None]":
        """Hand the octets [start, end) to `deliver` in pieces, waiting for each it returns."""

    def delete(name: UUID) -> "Deferred[None]":
        """Delete it; a missing one is no error (G12)."""

    def exists(name: UUID) -> "Deferred[int | None]":
        """Its size, or None when the store says for certain that it is not there."""

    def probe() -> "Deferred[None]":
        """Whether the store answers. Raises Unavailable."""
