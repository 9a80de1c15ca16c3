"""The rows of the memory storage's tables, as they are kept."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from attrs import Factory, define, field

from sora.mail.facts import Facts
from sora.mail.flags import DELETED, Keywords
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL, Rights
from sora.storage.rows import (
    ANYONE,
    EventDetail,
    EventKind,
    KeptAnswer,
    MailboxRow,
    NewSecret,
    ObjectPlace,
    Operation,
    ScriptPosition,
)

EVERY_FLAG: Final = -1


@define
class AccountRecord:
    """An account. Its primary credential has its address."""

    id: int
    scope_id: int
    created_at: datetime
    next_uidvalidity: int
    deleted_at: datetime | None = None
    quota_storage: int | None = None
    quota_messages: int | None = None
    quota_mailboxes: int | None = None
    sets_quota: bool = False
    version: int = 1
    removing: bool = False
    disabled_at: datetime | None = None
    disabled_reason: str = ""
    keywords: Keywords = Factory(Keywords)
    subscriptions: dict[str, str] = Factory(dict)

    @property
    def is_closed(self) -> bool:
        """Whether nobody can log in."""
        return self.disabled_at is not None or self.deleted_at is not None


@define
class CredentialRecord:
    """An address that logs in."""

    id: int
    account_id: int
    address: str
    key: str
    domain: str
    primary: bool
    created_at: datetime
    updated_at: datetime
    version: int = 1
    secrets: dict[str, NewSecret] = Factory(dict)


@define
class ScriptRecord:
    """A Sieve script."""

    source: str
    changed_at: datetime
    position: ScriptPosition | None = None

    @property
    def size(self) -> int:
        """Its octets."""
        return len(self.source.encode())


@define
class MessageRecord:
    """A message. `internal_date` is in its own zone."""

    uid: int
    content_id: int
    mask: int
    modseq: int
    internal_date: datetime
    email_id: UUID
    size: int
    trace: bytes
    save_date: datetime
    thread_id: UUID | None = None


@define
class EventRecord:
    """One change of a mailbox; `touched` is a mask of the flags that may be different."""

    modseq: int
    kind: EventKind
    uids: NumberSet
    operation: Operation
    at: datetime
    touched: int = EVERY_FLAG
    detail: EventDetail = Factory(EventDetail)


@define
class MailboxRecord:
    """A mailbox; its counters change with its messages (`MemoryStore.put` and `drop`)."""

    id: int
    account_id: int
    name: str
    object_id: str
    uidvalidity: int
    highest_modseq: int
    special_use: str | None
    uidnext: int = 1
    deleted_at: datetime | None = None
    extended_from: datetime | None = None
    is_counted: bool = False
    """its deletion, among those of its account"""
    removing: bool = False
    unseen: int = 0
    deleted: int = 0
    size: int = 0
    horizon: int = 0
    lost: NumberSet = Factory(NumberSet)
    recent_owner: UUID | None = None
    recent_turn: int = 0
    recent_uid: int | None = 0
    acl: dict[int, Rights] = Factory(dict)
    indexed_uid: int = 0
    segments: list[tuple[int, int]] = Factory(list)
    indexing_until: datetime | None = None
    messages: dict[int, MessageRecord] = Factory(dict)
    events: list[EventRecord] = Factory(list)

    @property
    def key(self) -> str:
        """What its name is compared by."""
        return name_key(self.name)

    @property
    def grace_from(self) -> datetime | None:
        """When the grace of a deleted one begins."""
        return self.extended_from or self.deleted_at

    def rights(self, asker: int | None) -> Rights:
        """What an account may do with it; None is an operator."""
        if asker is None or asker == self.account_id:
            return ALL
        return self.acl.get(asker, Rights.NONE) | self.acl.get(ANYONE, Rights.NONE)

    def _deleted_size(self) -> int:
        return sum(one.size for one in self.messages.values() if one.mask & DELETED)

    def row(self, asker: int | None = None, deleted_size: bool = False) -> MailboxRow:
        """The mailbox as storage tells of it."""
        return MailboxRow(
            id=self.id,
            account_id=self.account_id,
            name=self.name,
            object_id=self.object_id,
            uidvalidity=self.uidvalidity,
            uidnext=self.uidnext,
            highest_modseq=self.highest_modseq,
            messages=len(self.messages),
            unseen=self.unseen,
            deleted=self.deleted,
            size=self.size,
            special_use=self.special_use,
            rights=self.rights(asker),
            deleted_size=self._deleted_size() if deleted_size else 0,
        )


@define
class ContentRecord:
    """Bytes that arrived. `pieces` is None when they are not staged."""

    id: int
    scope_id: int
    hash: bytes
    size: int
    state: Literal["pending", "live", "deleting"]
    created_at: datetime
    facts: Facts | None = field(default=None, repr=False)
    pieces: list[bytes] | None = field(default=None, repr=False)
    released_at: datetime | None = None


@define
class ObjectRecord:
    """An object in a store. Without a content it is a reservation."""

    id: UUID
    store: str
    created_at: datetime
    due_at: datetime
    content_id: int | None = None
    state: Literal["pending", "stored", "deleting"] = "pending"
    key_id: str | None = None
    stored_size: int = 0
    checksum: str = ""
    attempts: int = 0

    def place(self) -> ObjectPlace:
        """The object as storage tells of it."""
        return ObjectPlace(self.id, self.store, self.key_id, self.stored_size)


@define
class ExpungedRecord:
    """A message that was expunged and still holds its content."""

    mailbox_id: int
    message: MessageRecord
    expunged_at: datetime
    kind: str = "expunged"
    extended_from: datetime | None = None
    is_counted: bool = False
    """among the deletions of its account"""

    @property
    def grace_from(self) -> datetime:
        """When its grace begins."""
        return self.extended_from or self.expunged_at


@define
class PastRecord:
    """The numbers of a mailbox's expunged messages; `messages` is how many the last look found."""

    uidnext: int = 1
    highest_modseq: int = 0
    messages: int = 0
    numbers: dict[int, tuple[int, int]] = Factory(dict)
    """by UID; and the modseq of the look that has found it"""


@define
class AliasRecord:
    """An address that only receives."""

    account_id: int
    address: str
    domain: str
    created_at: datetime


@define
class DomainRecord:
    """A domain; `alias_of` is the name of another."""

    created_at: datetime
    catch_all: int | None = None
    alias_of: str | None = None
    purging_at: datetime | None = None


@define
class MaildropRecord:
    """Who has a maildrop open; `session` is None when nobody has."""

    session: UUID | None
    until: datetime
    opened_at: datetime


@define
class CopyRecord:
    """A copy that waits to be made."""

    created_at: datetime
    due_at: datetime
    attempts: int = 0


@define
class DeliveryRecord:
    """A delivery that happened (G42)."""

    mailbox_id: int
    uid: int
    uidvalidity: int
    at: datetime
    claim: UUID | None = None


@define
class RequestRecord:
    """A request that was begun; `answer` is None while it is under way."""

    digest: bytes
    holder: UUID
    leased_until: datetime
    until: datetime
    answer: KeptAnswer | None = None
