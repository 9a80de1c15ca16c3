"""What was deleted comes back, in memory."""

from collections.abc import Iterator, Sequence

from attrs import evolve, frozen
from zope.interface import implementer

from sora.errors import AlreadyExists, NoSuchAccount, NoSuchMailbox
from sora.mail.envelope import subject
from sora.mail.flags import DELETED, SYSTEM, Flags
from sora.mail.mailbox_names import superiors
from sora.mail.numbers import NumberSet
from sora.mail.text import fold
from sora.storage.interfaces import IRestoring
from sora.storage.interfaces.restoring import MOST
from sora.storage.memory.records import ExpungedRecord, MailboxRecord, MessageRecord
from sora.storage.memory.store import MemoryStore, keywords_in, operation
from sora.storage.rows import (
    Copied,
    DeletedMailbox,
    EventDetail,
    EventKind,
    GoneFilter,
    GoneMessage,
    GonePage,
    GonePlace,
    MailboxRow,
    Operation,
    Restored,
)


@implementer(IRestoring)
@frozen
class MemoryRestoring:
    """`IRestoring` in dicts."""

    tables: MemoryStore

    @operation
    def gone(
        self, account_id: int, which: GoneFilter, below: GonePlace | None, limit: int
    ) -> GonePage:
        """See `IRestoring.gone`."""

        def key(record: ExpungedRecord) -> tuple[object, ...]:
            return record.expunged_at, record.mailbox_id, record.message.uid

        found = sorted(self._records(account_id), key=key, reverse=True)
        if below is not None:
            found = [each for each in found if key(each) < (below.at, below.mailbox_id, below.uid)]
        looked = [
            each
            for each in found
            if (which.since is None or each.expunged_at >= which.since)
            and (which.before is None or each.expunged_at < which.before)
        ][:limit]
        messages = tuple(self._gone(each) for each in looked if self._fits(each, which))
        last = GonePlace(*key(looked[-1])) if looked else None  # type: ignore[arg-type]
        return GonePage(messages, last)

    @operation
    def restore(
        self, source_id: int, uids: Sequence[int], destination_id: int, operation: Operation
    ) -> Restored:
        """See `IRestoring.restore`."""
        if len(uids) > MOST:
            raise ValueError(f"more than {MOST} messages at once")
        tables = self.tables
        target, source = tables.mailbox(destination_id), tables.mailboxes.get(source_id)
        account = tables.accounts[target.account_id]
        if account.deleted_at is not None:
            raise NoSuchMailbox("There is no such mailbox.")
        if source is None or source.removing or source.account_id != target.account_id:
            raise NoSuchMailbox("What was in the mailbox is removed, or is being removed.")
        taken = [
            *self._take_expunged(source, uids),
            *self._take_left(source, uids, target, operation),
        ]
        taken.sort(key=lambda message: message.uid)
        before = target.highest_modseq
        numbers = tuple(range(target.uidnext, target.uidnext + len(taken)))
        masks = tuple(message.mask & ~DELETED for message in taken)
        if taken:
            detail = EventDetail(
                other=source_id, sources=NumberSet.of(message.uid for message in taken)
            )
            modseq = tables.record(
                target, EventKind.RESTORED, NumberSet.of(numbers), operation, detail=detail
            )
            now = tables.now()
            for uid, mask, message in zip(numbers, masks, taken, strict=True):
                tables.put(
                    target, evolve(message, uid=uid, mask=mask, modseq=modseq, save_date=now)
                )
        known = 0
        for mask in masks:
            known |= mask
        copied = Copied(
            target.id,
            target.uidvalidity,
            before,
            target.highest_modseq,
            tuple(message.uid for message in taken),
            numbers,
            masks,
            keywords_in(account.keywords, known),
        )
        return Restored(copied, bool(taken) and not tables.has_room(account, 0, 0))

    @operation
    def deleted_mailboxes(self, account_id: int) -> Sequence[DeletedMailbox]:
        """See `IRestoring.deleted_mailboxes`."""
        found = [
            DeletedMailbox(
                each.id, each.name, each.deleted_at, each.grace_from, len(each.messages), each.size
            )
            for each in self.tables.mailboxes.values()
            if each.account_id == account_id
            and each.deleted_at
            and each.grace_from
            and not each.removing
        ]
        return sorted(found, key=lambda each: (each.deleted_at, each.id), reverse=True)[:MOST]

    @operation
    def restore_mailbox(
        self, account_id: int, mailbox_id: int, name: str, operation: Operation
    ) -> MailboxRow:
        """See `IRestoring.restore_mailbox`."""
        tables, account = self.tables, self.tables.accounts[account_id]
        if account.deleted_at is not None:
            raise NoSuchAccount("There is no such account.")
        if tables.named(account_id, name) is not None:
            raise AlreadyExists(f"There is a mailbox {name!r} already")
        mailbox = tables.mailboxes.get(mailbox_id)
        if mailbox is None or mailbox.account_id != account_id or mailbox.deleted_at is None:
            raise NoSuchMailbox("There is no such deleted mailbox.")
        if mailbox.removing:
            raise NoSuchMailbox("The mailbox is being removed: its grace period is over.")
        for superior in superiors(name):
            if tables.named(account_id, superior) is None:
                tables.make_mailbox(account, superior, None, operation)
        uses = {each.special_use for each in tables.mailboxes_of(account_id)}
        if mailbox.special_use in uses:
            mailbox.special_use = None
        account.next_uidvalidity += 1
        account.version += 1
        mailbox.uidvalidity = account.next_uidvalidity
        mailbox.object_id = f"M{tables.new_uuid().hex}"
        mailbox.name, mailbox.recent_owner = name, None
        mailbox.deleted_at, mailbox.extended_from, mailbox.is_counted = None, None, False
        detail = EventDetail(name=name)
        tables.record(mailbox, EventKind.RESTORED, NumberSet(), operation, detail=detail)
        return mailbox.row()

    # ------------------------------------------------------------ parts

    def _records(self, account_id: int) -> Iterator[ExpungedRecord]:
        """All that is gone of an account, in no order."""
        mailboxes = self.tables.mailboxes
        for record in self.tables.expunged:
            if mailboxes[record.mailbox_id].account_id == account_id:
                yield record
        for mailbox in mailboxes.values():
            if mailbox.account_id == account_id and mailbox.deleted_at is not None:
                for message in mailbox.messages.values():
                    yield ExpungedRecord(
                        mailbox.id,
                        message,
                        mailbox.deleted_at,
                        "mailbox deleted",
                        mailbox.extended_from,
                    )

    def _fits(self, record: ExpungedRecord, which: GoneFilter) -> bool:
        message = record.message
        facts = self.tables.contents[message.content_id].facts
        assert facts is not None, "a live content has its facts"
        return (
            not self.tables.mailboxes[record.mailbox_id].removing
            and (which.moved or record.kind != "moved")
            and (which.mailbox_ids is None or record.mailbox_id in which.mailbox_ids)
            and (which.uids is None or message.uid in which.uids)
            and (which.email_ids is None or message.email_id in which.email_ids)
            and fold(which.sender) in facts.text_from
            and fold(which.subject) in facts.text_subject
        )

    def _gone(self, record: ExpungedRecord) -> GoneMessage:
        message, mailbox = record.message, self.tables.mailboxes[record.mailbox_id]
        facts = self.tables.contents[message.content_id].facts
        assert facts is not None, "a live content has its facts"
        keywords = keywords_in(self.tables.accounts[mailbox.account_id].keywords, message.mask)
        return GoneMessage(
            GonePlace(record.expunged_at, mailbox.id, message.uid),
            mailbox.name,
            mailbox.deleted_at is not None,
            record.kind,
            record.grace_from,
            message.email_id,
            message.internal_date,
            message.size,
            Flags(message.mask & SYSTEM, tuple(name for _, name in keywords)),
            facts.display_from,
            subject(facts.envelope),
        )

    def _take_expunged(self, source: MailboxRecord, uids: Sequence[int]) -> list[MessageRecord]:
        taken = [
            record
            for record in self.tables.expunged
            if record.mailbox_id == source.id and record.message.uid in uids
        ]
        for record in taken:
            self.tables.expunged.remove(record)
        return [record.message for record in taken]

    def _take_left(
        self,
        source: MailboxRecord,
        uids: Sequence[int],
        target: MailboxRecord,
        operation: Operation,
    ) -> list[MessageRecord]:
        """Those of a deleted mailbox."""
        if source.deleted_at is None:
            return []
        taken = [source.messages[uid] for uid in sorted({*uids} & {*source.messages})]
        for message in taken:
            self.tables.take(source, message.uid)
        if taken:
            gone = NumberSet.of(message.uid for message in taken)
            detail = EventDetail(other=target.id)
            self.tables.record(source, EventKind.MOVED_OUT, gone, operation, detail=detail)
        return taken
