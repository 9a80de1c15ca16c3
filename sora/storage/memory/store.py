"""The tables of the memory storage: one `MemoryStore` that all its adapters share.

It is for tests, and is held honest by the contract tests that PostgreSQL passes too. Each
operation runs to its end in one step, so that it is a transaction; its Deferred has then
fired already, unless the test's `pause` holds the answer back. An operation checks all that
can fail before it changes anything.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar
from uuid import UUID, uuid4

from attrs import Factory, define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sora.deferreds import deferred
from sora.errors import NoSuchMailbox, TooMany
from sora.mail.flags import (
    DELETED,
    FIRST_KEYWORD_BIT,
    MAX_KEYWORDS,
    SEEN,
    Flags,
    Keywords,
    fold_keyword,
)
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import NumberSet
from sora.storage.memory.records import (
    EVERY_FLAG,
    AccountRecord,
    AliasRecord,
    ContentRecord,
    CopyRecord,
    CredentialRecord,
    DeliveryRecord,
    DomainRecord,
    EventRecord,
    ExpungedRecord,
    MailboxRecord,
    MaildropRecord,
    MessageRecord,
    ObjectRecord,
    PastRecord,
    RequestRecord,
    ScriptRecord,
)
from sora.storage.rows import (
    PIECE,
    CacheSample,
    CleaningRound,
    DeletionRun,
    EventDetail,
    EventKind,
    LastLogin,
    Operation,
    RetentionOwner,
    TaskRow,
)

Dedup = Literal["domain", "account", "global"]
LEAVING: Final = (EventKind.EXPUNGED, EventKind.MOVED_OUT)
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
_LATELY: Final = timedelta(seconds=30)


@define
class MemoryStore:
    """All tables, and what the adapters do to them in common.

    `clock` gives the time and with it the modseqs. `pause`, when set, is awaited after an
    operation has happened and before its answer, with the operation's name: a test delays
    answers with it. `statements` counts the operations by name.
    """

    clock: IReactorTime
    dedup: Dedup = "domain"
    new_uuid: Callable[[], UUID] = uuid4
    pause: Callable[[str], Awaitable[Any]] | None = None
    statements: Counter[str] = Factory(Counter)
    epoch: UUID = Factory(uuid4)
    accounts: dict[int, AccountRecord] = Factory(dict)
    credentials: dict[str, CredentialRecord] = Factory(dict)
    aliases: dict[str, AliasRecord] = Factory(dict)
    domains: dict[str, DomainRecord] = Factory(dict)
    shared_accounts: dict[str, int] = Factory(dict)
    scopes: dict[str, int] = Factory(dict)
    mailboxes: dict[int, MailboxRecord] = Factory(dict)
    contents: dict[int, ContentRecord] = Factory(dict)
    live: dict[tuple[int, bytes], int] = Factory(dict)
    objects: dict[UUID, ObjectRecord] = Factory(dict)
    copy_targets: dict[str, UUID] = Factory(dict)
    copies: dict[tuple[int, str], CopyRecord] = Factory(dict)
    """what waits, by content and store"""
    expunged: list[ExpungedRecord] = Factory(list)
    pasts: dict[int, PastRecord] = Factory(dict)
    deliveries: dict[tuple[int, str, bytes], DeliveryRecord] = Factory(dict)
    vacations: dict[tuple[int, bytes], datetime] = Factory(dict)
    duplicates: dict[tuple[int, bytes], datetime] = Factory(dict)
    imports: dict[tuple[int, str, int], int] = Factory(dict)
    """mailboxes that were given a UIDVALIDITY, by account, name and that"""
    imported: dict[int, dict[bytes, int]] = Factory(dict)
    """UIDs by mailbox and the key of what was imported"""
    metadata: dict[tuple[int, int, str], bytes] = Factory(dict)
    """values by mailbox (0: the server), reader (0: everybody) and path"""
    scripts: dict[int, dict[str, ScriptRecord]] = Factory(dict)
    """by account and name"""
    processes: dict[UUID, datetime] = Factory(dict)
    cleanings: dict[str, CleaningRound] = Factory(dict)
    retention: dict[RetentionOwner, dict[str, timedelta | None]] = Factory(dict)
    """the longest ages, by owner and special use"""
    retention_pass: tuple[int, datetime | None] = (0, None)
    """the last mailbox that was looked at, and when that pass began"""
    deletions: dict[tuple[int, date], int] = Factory(dict)
    """how many messages an account deleted on a day"""
    deletion_runs: dict[int, list[DeletionRun]] = Factory(dict)
    cache_samples: list[CacheSample] = Factory(list)
    requests: dict[tuple[str, str], RequestRecord] = Factory(dict)
    """by caller and key"""
    tasks: dict[UUID, tuple[TaskRow, datetime]] = Factory(dict)
    """with each, until when it is known"""
    """by account; the last one last"""
    maildrops: dict[int, MaildropRecord] = Factory(dict)
    logins: dict[tuple[int, int], LastLogin] = Factory(dict)
    """by account and credential"""
    logins_since: datetime = _EPOCH
    _last_id: int = 0

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.fromtimestamp(self.clock.seconds(), UTC)

    def new_id(self) -> int:
        """A number that no row has."""
        self._last_id += 1
        return self._last_id

    def make_domain(self, name: str) -> DomainRecord:
        """A domain, made when it is not there."""
        return self.domains.setdefault(name, DomainRecord(self.now()))

    def lives(self, process_id: UUID) -> bool:
        """Whether a process has been heard of lately."""
        seen_at = self.processes.get(process_id)
        return seen_at is not None and seen_at > self.now() - _LATELY

    # -------------------------------------------------------------- mailboxes

    def mailbox(self, mailbox_id: int) -> MailboxRecord:
        """A live mailbox. Raises NoSuchMailbox."""
        mailbox = self.mailboxes.get(mailbox_id)
        if mailbox is None or mailbox.deleted_at is not None:
            raise NoSuchMailbox()
        return mailbox

    def mailboxes_of(self, account_id: int) -> list[MailboxRecord]:
        """The live mailboxes of an account, in the order of their names."""
        found = [
            mailbox
            for mailbox in self.mailboxes.values()
            if mailbox.account_id == account_id and mailbox.deleted_at is None
        ]
        return sorted(found, key=lambda mailbox: mailbox.key)

    def named(self, account_id: int, name: str) -> MailboxRecord | None:
        """A live mailbox by name, None when there is none."""
        key = name_key(name)
        for mailbox in self.mailboxes_of(account_id):
            if mailbox.key == key:
                return mailbox
        return None

    def find(self, account_id: int, name: str) -> MailboxRecord:
        """A live mailbox by name. Raises NoSuchMailbox."""
        mailbox = self.named(account_id, name)
        if mailbox is None:
            raise NoSuchMailbox(f"There is no mailbox {name!r}")
        return mailbox

    def make_mailbox(
        self, account: AccountRecord, name: str, special_use: str | None, operation: Operation
    ) -> MailboxRecord:
        """A new mailbox; that its name is free was checked before."""
        account.next_uidvalidity += 1
        account.version += 1
        mailbox = MailboxRecord(
            id=self.new_id(),
            account_id=account.id,
            name=name,
            object_id=f"M{self.new_uuid().hex}",
            uidvalidity=account.next_uidvalidity,
            highest_modseq=0,
            special_use=special_use,
        )
        self.mailboxes[mailbox.id] = mailbox
        self.record(
            mailbox, EventKind.CREATED, NumberSet(), operation, detail=EventDetail(name=name)
        )
        return mailbox

    def record(
        self,
        mailbox: MailboxRecord,
        kind: EventKind,
        uids: NumberSet,
        operation: Operation,
        touched: int = EVERY_FLAG,
        detail: EventDetail | None = None,
    ) -> int:
        """One change: raises the mailbox's modseq, and gives it."""
        mailbox.highest_modseq = self.next_modseq(mailbox.highest_modseq)
        modseq, about = mailbox.highest_modseq, detail or EventDetail()
        mailbox.events.append(
            EventRecord(modseq, kind, uids, operation, self.now(), touched, about)
        )
        return mailbox.highest_modseq

    def next_modseq(self, highest: int) -> int:
        """The modseq of a change after one that had `highest`."""
        passed = int((self.now() - _EPOCH).total_seconds() * 1_000_000)
        return max(highest + 1, passed)

    # -------------------------------------------------------------- who

    def primary(self, account_id: int) -> CredentialRecord | None:
        """The credential with the account's address; what a domain owns has none."""
        return next(
            (
                credential
                for credential in self.credentials.values()
                if credential.account_id == account_id and credential.primary
            ),
            None,
        )

    def domain(self, account_id: int) -> str:
        """The domain that an account belongs to."""
        primary = self.primary(account_id)
        if primary is not None:
            return primary.domain
        return next(name for name, owner in self.shared_accounts.items() if owner == account_id)

    def scope(self, account_id: int, domain: str) -> int:
        """The scope of a new account."""
        if self.dedup == "global":
            return 0
        name = domain if self.dedup == "domain" else str(account_id)
        return self.scopes.setdefault(name, len(self.scopes) + 1)

    def may_ask(self, asker: int | None, mailbox: MailboxRecord) -> bool:
        """Whether rights on the mailbox can reach an account: only within a domain."""
        return asker is None or self.domain(asker) == self.domain(mailbox.account_id)

    # -------------------------------------------------------------- messages

    def put(self, mailbox: MailboxRecord, message: MessageRecord) -> None:
        """Add a message, and count it."""
        mailbox.messages[message.uid] = message
        mailbox.uidnext = max(mailbox.uidnext, message.uid + 1)
        self._count(mailbox, message, 1)

    def take(self, mailbox: MailboxRecord, uid: int) -> MessageRecord:
        """Take a message away, and count it no longer."""
        message = mailbox.messages.pop(uid)
        self._count(mailbox, message, -1)
        return message

    def drop(self, mailbox: MailboxRecord, uid: int, kind: str = "expunged") -> None:
        """Take a message to where expunged ones wait for the end of their grace; `kind` is how it
        went."""
        message = self.take(mailbox, uid)
        self.expunged.append(ExpungedRecord(mailbox.id, message, self.now(), kind=kind))

    def gone(self, mailbox: MailboxRecord, since: int) -> list[MessageRecord]:
        """The messages that were taken away after a modseq, and are kept."""
        went = NumberSet()
        for event in mailbox.events:
            if event.modseq > since and event.kind in LEAVING:
                went |= event.uids
        return [
            record.message
            for record in self.expunged
            if record.mailbox_id == mailbox.id and record.message.uid in went
        ]

    def mark(self, mailbox: MailboxRecord, message: MessageRecord, mask: int) -> None:
        """Give a message other flags, and count them."""
        self._count(mailbox, message, -1)
        message.mask = mask
        self._count(mailbox, message, 1)

    @staticmethod
    def _count(mailbox: MailboxRecord, message: MessageRecord, sign: int) -> None:
        mailbox.unseen += 0 if message.mask & SEEN else sign
        mailbox.deleted += sign if message.mask & DELETED else 0
        mailbox.size += sign * message.size

    def has_room(self, account: AccountRecord, size: int, messages: int) -> bool:
        """Whether the account's quota allows so much more."""
        mailboxes = self.mailboxes_of(account.id)
        storage = sum(mailbox.size for mailbox in mailboxes) + size
        count = sum(len(mailbox.messages) for mailbox in mailboxes) + messages
        return (account.quota_storage is None or storage <= account.quota_storage) and (
            account.quota_messages is None or count <= account.quota_messages
        )

    def learn(self, account: AccountRecord, flags: Iterable[Flags]) -> None:
        """Give each of their keywords a number, as it is first spelled, if it has none. Raises
        TooMany."""
        fresh: dict[str, str] = {}
        for name in (name for one in flags for name in one.keywords):
            if account.keywords.number(name) is None:
                fresh.setdefault(fold_keyword(name), name)
        if len(account.keywords) + len(fresh) > MAX_KEYWORDS:
            raise TooMany(f"An account has at most {MAX_KEYWORDS} keywords.")
        account.keywords.learn(enumerate(fresh.values(), len(account.keywords)))

    def mask(self, account: AccountRecord, flags: Flags) -> int:
        """The mask of flags, whose new keywords get numbers."""
        self.learn(account, [flags])
        return account.keywords.mask(flags)

    # -------------------------------------------------------------- contents

    def references(self, content_id: int) -> bool:
        """Whether a message, live or expunged, has this content."""
        return any(
            message.content_id == content_id
            for mailbox in self.mailboxes.values()
            for message in mailbox.messages.values()
        ) or any(gone.message.content_id == content_id for gone in self.expunged)

    def becomes_stored(self, entry: ObjectRecord) -> None:
        """An object is durable: what is to have a copy of it waits for one."""
        entry.state = "stored"
        self.queue_copies(entry, self.copy_targets)

    def queue_copies(self, entry: ObjectRecord, stores: Iterable[str]) -> None:
        """Let copies of a stored object wait for those stores that have none."""
        if entry.state != "stored" or entry.content_id is None:
            return
        there = {each.store for each in self.objects_of(entry.content_id) if each.state == "stored"}
        for store in stores:
            if store not in there:
                self.copies.setdefault(
                    (entry.content_id, store), CopyRecord(self.now(), self.now())
                )

    def objects_of(self, content_id: int) -> list[ObjectRecord]:
        """All objects of a content, in the order of their making."""
        return [entry for entry in self.objects.values() if entry.content_id == content_id]


def keywords_in(keywords: Keywords, mask: int) -> tuple[tuple[int, str], ...]:
    """(number, name) of each keyword in a mask."""
    return tuple(
        (number, name) for number, name in keywords if mask & 1 << (FIRST_KEYWORD_BIT + number)
    )


def pieces_of(body: bytes) -> list[bytes]:
    """A body in the pieces in which it is staged."""
    return [body[start : start + PIECE] for start in range(0, len(body), PIECE)]


# ------------------------------------------------------------------ operations


class _Adapter(Protocol):
    @property
    def tables(self) -> MemoryStore: ...


A = TypeVar("A", bound=_Adapter)
P = ParamSpec("P")
T = TypeVar("T")


def operation(
    work: Callable[Concatenate[A, P], T],
) -> Callable[Concatenate[A, P], "Deferred[T]"]:
    """Make a plain method of an adapter an operation: counted, and answered with a Deferred."""
    family = work.__qualname__.removeprefix("Memory").lower()

    @deferred
    @wraps(work)
    async def run(self: A, *args: P.args, **kwargs: P.kwargs) -> T:
        self.tables.statements[family] += 1
        try:
            return work(self, *args, **kwargs)
        finally:
            if self.tables.pause is not None:
                await self.tables.pause(family)

    return run
