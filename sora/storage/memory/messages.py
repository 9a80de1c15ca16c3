"""Messages in memory: making, changing, reading."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen
from zope.interface import implementer

from sora.errors import ExpungeIssued, NoSuchMailbox, NotPermitted
from sora.mail.criteria import Criterion
from sora.mail.flags import DELETED, SEEN, Flags
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights
from sora.storage.interfaces import IMessages
from sora.storage.memory import delivering, placing
from sora.storage.memory.changing import change_flags, copy_into, present, take_away
from sora.storage.memory.records import MailboxRecord, MessageRecord
from sora.storage.memory.search import matcher, ordered, relevance, thread_row
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    Appended,
    Arrival,
    BodyPlace,
    Claim,
    Column,
    ColumnSet,
    Copied,
    Delivered,
    EventDetail,
    EventKind,
    Expunged,
    FlagChange,
    Moved,
    Operation,
    Placement,
    Prepared,
    Read,
    Replaced,
    SortKey,
    Stored,
    StoredMessage,
    Target,
    ThreadRow,
    Want,
)


@implementer(IMessages)
@frozen
class MemoryMessages:
    """`IMessages` in dicts."""

    tables: MemoryStore

    @operation
    def place(
        self, scope_id: int, arrival: Arrival, targets: Sequence[Target], operation: Operation
    ) -> Placement:
        """See `IMessages.place`."""
        return placing.place(self.tables, scope_id, arrival, targets, operation)

    @operation
    def deliver(
        self,
        arrivals: Sequence[tuple[int, Arrival]],
        claims: Sequence[Claim],
        operation: Operation,
    ) -> Delivered:
        """See `IMessages.deliver`."""
        return delivering.deliver(self.tables, arrivals, claims, operation)

    @operation
    def seen_before(self, account_id: int, key: bytes) -> bool:
        """See `IMessages.seen_before`."""
        until = self.tables.duplicates.get((account_id, key))
        return until is not None and until > self.tables.now()

    @operation
    def append(
        self,
        scope_id: int,
        arrivals: Sequence[Arrival],
        targets: Sequence[Target],
        operation: Operation,
        replaced: Replaced | None = None,
    ) -> Appended:
        """See `IMessages.append`."""
        return placing.append(self.tables, scope_id, arrivals, targets, operation, replaced)

    @operation
    def prepare(self, scope_id: int, arrival: Arrival) -> Prepared:
        """See `IMessages.prepare`."""
        return placing.prepare(self.tables, scope_id, arrival)

    @operation
    def store(
        self,
        mailbox_id: int,
        uids: NumberSet,
        change: FlagChange,
        operation: Operation,
        known_keywords: int = 0,
    ) -> Stored:
        """See `IMessages.store`."""
        mailbox = self.tables.mailbox(mailbox_id)
        return change_flags(self.tables, mailbox, uids, change, operation, known_keywords)

    @operation
    def expunge(self, mailbox_id: int, uids: NumberSet | None, operation: Operation) -> Expunged:
        """See `IMessages.expunge`."""
        mailbox = self.tables.mailbox(mailbox_id)
        going = [
            message.uid
            for message in mailbox.messages.values()
            if message.mask & DELETED and (uids is None or message.uid in uids)
        ]
        return take_away(self.tables, mailbox, going, EventKind.EXPUNGED, operation)

    @operation
    def copy(
        self,
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> Copied:
        """See `IMessages.copy`."""
        source = self.tables.mailbox(mailbox_id)
        target, rights = self.inserting(account_id, destination, asker)
        messages = present(source, uids)
        if len(messages) != len(uids):
            raise ExpungeIssued()
        return copy_into(
            self.tables, source, messages, target, rights, EventKind.COPIED_IN, operation
        )

    @operation
    def move(
        self,
        mailbox_id: int,
        uids: NumberSet,
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> Moved:
        """See `IMessages.move`."""
        source = self.tables.mailbox(mailbox_id)
        target, rights = self.inserting(account_id, destination, asker)
        messages = present(source, uids)
        copied = copy_into(
            self.tables, source, messages, target, rights, EventKind.MOVED_IN, operation
        )
        going = [message.uid for message in messages]
        detail = EventDetail(other=target.id, first=copied.uids[0] if copied.uids else 0)
        return Moved(
            copied, take_away(self.tables, source, going, EventKind.MOVED_OUT, operation, detail)
        )

    @operation
    def read(
        self,
        mailbox_id: int,
        uids: NumberSet,
        wants: frozenset[Want],
        see: Operation | None = None,
    ) -> Read:
        """See `IMessages.read`."""
        mailbox = self.tables.mailbox(mailbox_id)
        stored = None
        if see is not None:
            change = FlagChange("add", Flags(SEEN))
            stored = change_flags(self.tables, mailbox, uids, change, see, 0)
        return Read(
            tuple(self.stored_message(message, wants) for message in present(mailbox, uids)),
            stored,
        )

    @operation
    def columns(self, mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]) -> ColumnSet:
        """See `IMessages.columns`."""
        return self.column_set(present(self.tables.mailbox(mailbox_id), uids), wanted)

    def column_set(self, messages: Sequence[MessageRecord], wanted: Sequence[Column]) -> ColumnSet:
        """Columns of messages."""
        return ColumnSet(
            [message.uid for message in messages],
            {column: [self._column(message, column) for message in messages] for column in wanted},
        )

    def _column(
        self, message: MessageRecord, column: Column
    ) -> int | datetime | bytes | str | UUID:
        facts = self.tables.contents[message.content_id].facts
        assert facts is not None, "a live content has its facts"
        match column:
            case Column.SIZE:
                return message.size
            case Column.DATE:
                return message.internal_date
            case Column.ENVELOPE:
                return facts.envelope
            case Column.STRUCTURE:
                return facts.structure
            case Column.HEADER:
                return message.trace + facts.header
            case Column.EMAIL_ID:
                return message.email_id
            case Column.SAVE_DATE:
                return message.save_date
            case Column.PREVIEW:
                return facts.preview

    @operation
    def search(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> Sequence[int]:
        """See `IMessages.search`."""
        return [message.uid for message in self._found(mailbox_id, criterion, gone_since)]

    @operation
    def sort(
        self,
        mailbox_id: int,
        criterion: Criterion,
        keys: Sequence[SortKey],
        gone_since: int | None = None,
    ) -> Sequence[int]:
        """See `IMessages.sort`."""
        mailbox = self.tables.mailbox(mailbox_id)
        found = self._found(mailbox_id, criterion, gone_since)
        in_order = ordered(self.tables, mailbox, criterion, found, keys)
        return [message.uid for message in in_order]

    @operation
    def threads(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None = None
    ) -> Sequence[ThreadRow]:
        """See `IMessages.threads`."""
        found = self._found(mailbox_id, criterion, gone_since)
        return [thread_row(self.tables, message) for message in found]

    def _found(
        self, mailbox_id: int, criterion: Criterion, gone_since: int | None
    ) -> list[MessageRecord]:
        mailbox = self.tables.mailbox(mailbox_id)
        matches = matcher(self.tables, mailbox, criterion)
        among = [*mailbox.messages.values()]
        if gone_since is not None:
            among += self.tables.gone(mailbox, gone_since)
            among.sort(key=lambda message: message.uid)
        return list(filter(matches, among))

    @operation
    def relevance(
        self, mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> Mapping[int, int]:
        """See `IMessages.relevance`."""
        mailbox = self.tables.mailbox(mailbox_id)
        return relevance(self.tables, mailbox, criterion, present(mailbox, uids))

    def inserting(
        self, account_id: int, name: str, asker: int | None
    ) -> tuple[MailboxRecord, Rights]:
        """The mailbox that is copied to, and the rights on it of who does it."""
        if self.tables.accounts[account_id].deleted_at is not None:
            raise NoSuchMailbox(f"There is no mailbox {name!r}")
        target = self.tables.find(account_id, name)
        rights = target.rights(asker)
        if Rights.INSERT in rights:
            return target, rights
        if Rights.LOOKUP in rights:
            raise NotPermitted("You have not the right i on this mailbox.")
        raise NoSuchMailbox(f"There is no mailbox {name!r}")

    def stored_message(self, message: MessageRecord, wants: frozenset[Want]) -> StoredMessage:
        """What is wanted of a message."""
        content = self.tables.contents[message.content_id]
        facts = content.facts
        assert facts is not None, "a live content has its facts"
        with_trace = Want.HEADER in wants or Want.BODY in wants
        place = None
        if Want.BODY in wants:
            place = body_place(self.tables, content.id)
        return StoredMessage(
            uid=message.uid,
            size=message.size,
            internal_date=message.internal_date,
            email_id=message.email_id,
            thread_id=message.thread_id,
            save_date=message.save_date,
            envelope=facts.envelope if Want.ENVELOPE in wants else None,
            structure=facts.structure if Want.STRUCTURE in wants else None,
            header=facts.header if Want.HEADER in wants else None,
            trace=message.trace if with_trace else None,
            parts=facts.parts if Want.PARTS in wants else None,
            preview=facts.preview if Want.PREVIEW in wants else None,
            body=place,
        )


def body_place(store: MemoryStore, content_id: int) -> BodyPlace:
    """Where the octets of a content are."""
    content = store.contents[content_id]
    return BodyPlace(
        content.id,
        content.hash,
        content.size,
        content.pieces is not None,
        tuple(entry.place() for entry in store.objects_of(content_id) if entry.state == "stored"),
    )
