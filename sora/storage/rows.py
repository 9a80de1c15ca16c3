"""The values that pass between storage and the rest of Sora.

Two things are kept apart: a *content* is the bytes as they arrived, with what is derived
from them; a *message* is a content in a mailbox, with what this delivery added (`trace`:
Return-Path, Delivered-To, Received). The trace is prepended when a message is read and is
never hashed. `Facts` (what is derived) is defined in `sora.mail.facts`.

Times are aware datetimes. Sizes are octets. Masks are those of `sora.mail.flags`.
"""

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from attrs import Factory, field, frozen

from sora.mail.annotations import Entry
from sora.mail.facts import Facts
from sora.mail.flags import Flags
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL, FLAG_RIGHTS, Rights
from sora.mail.word_index import WordRow

PIECE: Final = 256 * 1024
"""Octets of a piece of a staged body; only the last one is shorter."""

# ------------------------------------------------------------------ who


@frozen
class NewSecret:
    """A verifier to be stored with a credential.

    `kind` is `password` (a hash with its scheme in braces, or a bare bcrypt hash) or
    `scram-sha-256` (`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, base64 parts).
    """

    kind: str
    verifier: str = field(repr=False)


@frozen
class Secret:
    """A stored verifier; `name` and `scopes` are those of an app password."""

    kind: str
    verifier: str = field(repr=False)
    name: str = ""
    scopes: tuple[str, ...] = ()
    expires: datetime | None = None


@frozen
class Login:
    """What a login reads in its one round trip.

    `version` changes with every change of the credential's secrets: a cached verification
    counts only for the version it was made with (G54).
    """

    account_id: int
    scope_id: int
    credential_id: int
    address: str
    version: int
    disabled: bool
    secrets: tuple[Secret, ...]


@frozen
class AccountRow:
    """An account as an operator sees it."""

    id: int
    address: str
    scope_id: int
    created_at: datetime
    deleted_at: datetime | None
    quota_storage: int | None
    quota_messages: int | None
    mailboxes: int
    messages: int
    storage: int


@frozen
class CredentialRow:
    """An address with which one can log in to an account, and at which it receives."""

    id: int
    account_id: int
    address: str
    primary: bool
    created_at: datetime
    updated_at: datetime
    kinds: tuple[str, ...]


class ScriptPosition(StrEnum):
    """Where a Sieve script stands that runs at delivery: the active one of a user, and those of
    a domain before and after it."""

    ACTIVE = "active"
    BEFORE = "before"
    AFTER = "after"


@frozen
class ScriptRow:
    """A Sieve script without its text. `size` in octets; `position` is None for one that does
    not run."""

    name: str
    size: int
    position: ScriptPosition | None
    changed_at: datetime


@frozen
class ScriptLimits:
    """How much the scripts of an account may be: octets of one, their number, octets of all."""

    size: int
    scripts: int
    total: int


@frozen
class ActiveScript:
    """The active script of a user: its text, and the name it has."""

    name: str
    source: str = field(repr=False)


@frozen
class RecipientScripts:
    """The texts of the scripts that run for a recipient's mail: those of the domain of his
    primary address around his own."""

    domain_before: str | None = field(default=None, repr=False)
    active: ActiveScript | None = None
    domain_after: str | None = field(default=None, repr=False)


@frozen
class Recipient:
    """What RCPT TO reads in its one round trip.

    `address` is the primary address of the account, `mailboxes` its live mailboxes by name
    key (`sora.mail.mailbox_names.name_key`), at least INBOX.
    """

    account_id: int
    scope_id: int
    address: str
    mailboxes: Mapping[str, int]
    quota_storage: int | None
    storage: int
    scripts: RecipientScripts = RecipientScripts()
    quota_messages: int | None = None
    messages: int = 0
    addresses: tuple[str, ...] = ()
    """all addresses of the account, the primary one first, if a script runs for it: else none"""
    uses: Mapping[str, int] = field(factory=dict)
    """mailboxes by special use (RFC 6154)"""
    object_ids: Mapping[str, int] = field(factory=dict)
    """mailboxes by MAILBOXID (RFC 8474)"""


@frozen
class AliasRow:
    """An address that only receives: mail for it is the account's, whose primary address
    `account` is."""

    address: str
    account_id: int
    account: str
    created_at: datetime


@frozen
class DomainRow:
    """A domain, in A-labels, with the number of live accounts and of aliases in it.

    `catch_all` is the primary address of the account that takes what is nobody's. Mail for an
    alias domain is for the same local part in `alias_of`.
    """

    name: str
    created_at: datetime
    accounts: int
    aliases: int
    catch_all: str | None = None
    alias_of: str | None = None


@frozen
class QuotaLimits:
    """How much an account may have: octets, messages, mailboxes; None is no limit."""

    storage: int | None = None
    messages: int | None = None
    mailboxes: int | None = None


@frozen
class Quota:
    """What an account has of each, and how much it may have."""

    storage: int
    messages: int
    mailboxes: int
    limits: QuotaLimits


# ------------------------------------------------------------------ mailboxes


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
    `turn` is that of who asks, or nobody's; None when another process has it.
    """

    mailbox: MailboxRow
    states: States
    keywords: tuple[tuple[int, str], ...]
    acl: Acl = Factory(dict)
    turn: Turn | None = None


@frozen
class Changes:
    """What happened in a mailbox after `since` and up to `mailbox.highest_modseq`.

    `changed` holds the present state of each message that arrived or changed; `vanished`
    the UIDs that went. `keywords` are those from the number on that the caller did not
    know. `complete` is False when the log no longer reaches back to `since`: the caller
    opens the mailbox anew (G28). `acl` and `turn` are as in `Opened`.
    """

    since: int
    mailbox: MailboxRow
    changed: States
    vanished: NumberSet
    keywords: tuple[tuple[int, str], ...] = ()
    complete: bool = True
    acl: Acl = Factory(dict)
    turn: Turn | None = None


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


# ------------------------------------------------------------------ writing


@frozen
class Operation:
    """Who does what, for the history: one row of `events` for each write command.

    `id` is new for each command, and is what an unknown outcome is read back by (G14).
    """

    id: UUID
    actor: str = ""
    session: str = ""
    protocol: str = ""
    address: str = ""


@frozen
class ObjectPlace:
    """A copy of a content in an object store."""

    id: UUID
    store: str
    key_id: str | None
    stored_size: int


@frozen
class Arrival:
    """Bytes that are to become a content.

    Exactly one of these says where the bytes are: `body`, to be staged by the statement
    that makes the messages; `object`, already durable in an object store under a reserved
    id; `content_id`, a content whose pieces were staged before; none of them: the caller
    knows the content to be there, needs no `facts` of it, and hears when it is not.
    """

    hash: bytes
    facts: Facts | None = None
    body: bytes | None = field(default=None, repr=False)
    object: ObjectPlace | None = None
    content_id: int | None = None


@frozen
class Target:
    """A message that is to be made from an arrival.

    `flags` are set on it, `trace` is prepended when it is read. With `recipient`, the
    delivery is claimed: (account, recipient, `received_hash`) is delivered once (G42).
    `internal_date` keeps its zone. With `mailbox_id` 0 the mailbox is the account's of that
    `name`, looked up in the same statement; with an `asker` that is another account, it needs
    the right to insert there, and only flags that it may change are set (RFC 4314 §4).
    `arrival` says which of several arrivals it is made from.
    """

    account_id: int
    mailbox_id: int
    internal_date: datetime
    email_id: UUID
    flags: Flags = Flags()
    trace: bytes = b""
    recipient: str | None = None
    received_hash: bytes | None = None
    name: str | None = None
    asker: int | None = None
    arrival: int = 0


class Fate(StrEnum):
    """What became of a target."""

    PLACED = "placed"
    DUPLICATE = "duplicate"
    NO_MAILBOX = "no mailbox"
    OVER_QUOTA = "over quota"


@frozen
class Placed:
    """What became of one target. `uid`, `uidvalidity`, `modseq` are 0 unless it was placed
    (or is a duplicate whose place is known).

    `before` is the mailbox's highest_modseq just before: whoever holds the mailbox's state
    at that point needs to read nothing more. `keywords` names every keyword of the mask.
    """

    fate: Fate
    mailbox_id: int = 0
    uid: int = 0
    uidvalidity: int = 0
    modseq: int = 0
    before: int = 0
    mask: int = 0
    keywords: tuple[tuple[int, str], ...] = ()


@frozen
class Placement:
    """The answer to `place`: one `Placed` per target, and whether the bytes were needed.

    `used_object` is False when the content was there already: the reserved object was not
    bound, and its file may be removed and its id used again.
    `needs_body` is True, and nothing was done, when the arrival brought no bytes and the
    content is not there.
    """

    placed: tuple[Placed, ...]
    content_id: int = 0
    used_object: bool = False
    needs_body: bool = False


@frozen
class Memory:
    """Something that an account remembers for so many seconds from now, by a digest of at most 64
    octets."""

    key: bytes
    seconds: int


@frozen
class Claim:
    """All that a delivery does for one recipient: it happens as a whole, and once for (account,
    recipient, `received_hash`), whatever a retry would rather do (G42).

    `id` is new for each recipient of a delivery, and the same when that is tried again. `targets`
    name mailboxes by their ids, of the account or of others (whose rights are then looked at);
    there may be none. `inbox_id` is where goes what a target's mailbox cannot take.

    `vacations` are replies that shall be sent unless they are remembered; `duplicates` are
    remembered, whether they were before or not (RFC 7352 §3.2).
    """

    id: UUID
    account_id: int
    inbox_id: int
    recipient: str
    received_hash: bytes
    targets: tuple[Target, ...] = ()
    vacations: tuple[Memory, ...] = ()
    duplicates: tuple[Memory, ...] = ()


@frozen
class Claimed:
    """What became of a claim. PLACED: all of it has happened, with a `Placed` for each target.

    A target whose mailbox is gone went to INBOX; where the same content is put there for the same
    claim anyway, the uid is 0. `vacations` are the places of those replies that are this delivery's
    to send. DUPLICATE: another one was first, or, with `is_own`, this one at an earlier try.
    NO_MAILBOX is also said when a mailbox of others cannot take its target, and INBOX in its place
    cannot either, because contents of the two accounts are kept apart.
    """

    fate: Fate
    placed: tuple[Placed, ...] = ()
    vacations: frozenset[int] = frozenset()
    is_own: bool = False


@frozen
class Delivered:
    """The answer to `deliver`. `contents` has for each arrival its content's id and whether the
    arrival's object became that content's; `missing` are the places of arrivals that came without
    their bytes, which are not there: then nothing was done."""

    claims: tuple[Claimed, ...] = ()
    contents: tuple[tuple[int, bool], ...] = ()
    missing: frozenset[int] = frozenset()


@frozen
class Replaced:
    """The message that REPLACE takes away (RFC 8508)."""

    mailbox_id: int
    uid: int


@frozen
class Prepared:
    """The answer to `prepare`; `used_object` as in `Placement`."""

    content_id: int
    used_object: bool


@frozen
class Appended:
    """The answer to `append`: for each message a `Placement` with one `Placed`, and what was
    taken away for it. When one of them has `needs_body`, nothing was done for any.
    """

    placements: tuple[Placement, ...]
    expunged: "Expunged | None" = None

    @property
    def needs_body(self) -> bool:
        """Whether nothing was done."""
        return any(placement.needs_body for placement in self.placements)

    @property
    def placed(self) -> tuple[Placed, ...]:
        """What became of each message; none when nothing was done."""
        return tuple(one for placement in self.placements for one in placement.placed)


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
class RightsSet:
    """What SETACL did; `modseq` is `before` when nothing changed. `before` as in `Placed`."""

    mailbox_id: int
    before: int
    modseq: int
    acl: Acl


@frozen
class Moved:
    """What MOVE did: what it put there and what it took away here."""

    copied: Copied
    expunged: Expunged


# ------------------------------------------------------------------ reading


@frozen
class BodyPlace:
    """Where the bytes of a content are: staged in the database, in object stores, or both."""

    content_id: int
    hash: bytes
    size: int
    staged: bool
    objects: tuple[ObjectPlace, ...]


class Want(StrEnum):
    """Columns of a message that a FETCH can ask for. Only these are read and sent."""

    ENVELOPE = "envelope"
    STRUCTURE = "structure"
    HEADER = "header"
    PARTS = "parts"
    PREVIEW = "preview"
    BODY = "body"
    """where the bytes are, and the trace"""


@frozen
class StoredMessage:
    """A message as storage knows it. Columns that were not wanted are None.

    `size` is RFC822.SIZE: content and trace. `internal_date` is in its own zone.
    `header` is the content's header block without the trace; `trace` is there when HEADER
    or BODY was wanted. `envelope` and `structure` are IMAP wire text, `parts` what
    `sora.mail.section` needs to cut sections.
    """

    uid: int
    size: int
    internal_date: datetime
    email_id: UUID
    thread_id: UUID | None = None
    save_date: datetime | None = None
    envelope: bytes | None = None
    structure: bytes | None = None
    header: bytes | None = None
    trace: bytes | None = None
    parts: str | None = None
    body: BodyPlace | None = None
    preview: str | None = None


class Column(StrEnum):
    """What lists of messages are made of; it never changes as long as a message lives.

    SIZE is RFC822.SIZE, an int; DATE the internal date, a datetime in its own zone; ENVELOPE
    and STRUCTURE are IMAP wire text; HEADER is the header of the message with the trace;
    EMAIL_ID a UUID; SAVE_DATE a datetime in UTC.
    PREVIEW is a str of at most 200 characters.
    """

    SIZE = "size"
    DATE = "date"
    ENVELOPE = "envelope"
    STRUCTURE = "structure"
    HEADER = "header"
    EMAIL_ID = "email id"
    SAVE_DATE = "save date"
    PREVIEW = "preview"


@frozen
class ColumnSet:
    """The answer to `columns`: the ascending UIDs of the messages that are there, and of each
    column the values, in the order of the UIDs."""

    uids: Sequence[int]
    values: Mapping[Column, Sequence[Any]]


@frozen
class Read:
    """The answer to `read`: messages ascending by uid (those expunged meanwhile are absent),
    and what marking them as seen in the same statement has changed."""

    messages: tuple[StoredMessage, ...]
    stored: Stored | None = None


# ------------------------------------------------------------------ maildrops


@frozen
class MaildropOpened:
    """INBOX as POP3 lists it: ascending UIDs, and the octets of each message with CRLF at the end
    of each line; two arrays of type 'Q' of the same length."""

    mailbox_id: int
    uidvalidity: int
    uids: array
    sizes: array


@frozen
class MaildropBody:
    """A message that is to be retrieved: its trace, and where its octets are."""

    uid: int
    trace: bytes
    body: BodyPlace


@frozen
class MaildropClosed:
    """What the end of a session has changed: what was marked as seen, and then what was removed;
    None for what was not asked for."""

    stored: Stored | None = None
    expunged: Expunged | None = None


# ------------------------------------------------------------------ searching


class SortBy(StrEnum):
    """What SORT can order by (RFC 5256 §3, RFC 5957 §3, RFC 6203 §6).

    Texts are compared folded, by code point. DATE is the Date field, or the internal date where
    there is none. RELEVANCY begins with the highest score.
    """

    ARRIVAL = "arrival"
    CC = "cc"
    DATE = "date"
    FROM = "from"
    SIZE = "size"
    SUBJECT = "subject"
    TO = "to"
    DISPLAYFROM = "displayfrom"
    DISPLAYTO = "displayto"
    RELEVANCY = "relevancy"


@frozen
class SortKey:
    """One key of SORT, `reverse` when it descends."""

    by: SortBy
    reverse: bool = False


@frozen
class ThreadRow:
    """What THREAD needs of a message (RFC 5256 §3).

    Message ids are without brackets, quoting normalised; an empty `message_id` is none.
    `in_reply_to` is the first id of In-Reply-To. `sort_subject` is the base subject, folded, and
    `is_reply` says that the subject is that of a reply or forward. `date` is the Date field, or
    the internal date where there is none; aware.
    """

    uid: int
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    sort_subject: str
    is_reply: bool
    date: datetime


@frozen
class Unindexed:
    """A mailbox that was claimed for indexing; the index goes up to `indexed_uid`."""

    account_id: int
    mailbox_id: int
    indexed_uid: int


@frozen
class SearchText:
    """What a search finds a message by: the header's lines with those of its trace, and the
    body, as in `Facts`."""

    uid: int
    header: str = field(repr=False)
    body: str = field(repr=False)


@frozen
class Segment:
    """Words of the messages of a mailbox above `after` and up to `last_uid`, of which `first_uid`
    is the first. `replies` are the UIDs of those whose subject is that of a reply or forward."""

    after: int
    first_uid: int
    last_uid: int
    replies: Sequence[int]
    rows: Sequence[WordRow]


# ------------------------------------------------------------------ moving bodies


@frozen
class Upload:
    """A staged content that is to be put into an object store, claimed for some time."""

    content_id: int
    object_id: UUID
    hash: bytes
    size: int
    attempts: int


@frozen
class Backlog:
    """Staged bodies that wait for their upload; `oldest` is an age in seconds."""

    contents: int
    octets: int
    oldest: float


@frozen
class Condemned:
    """An object that is to be deleted from its store; `object_id` names it there."""

    object_id: UUID
    store: str
    content_id: int | None


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


Uids = Sequence[int]
