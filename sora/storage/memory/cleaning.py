"""The end of what was deleted, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from attrs import frozen
from zope.interface import implementer

from sora.mail.rights import Rights
from sora.storage.interfaces import ICleaning
from sora.storage.memory.records import AccountRecord, ExpungedRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    CleaningRound,
    CleaningStatus,
    Condemned,
    Overdue,
    Removed,
    RetentionOwner,
)

_RESERVATION: Final = timedelta(days=1)


@implementer(ICleaning)
@frozen
class MemoryCleaning:
    """`ICleaning` in dicts. There are no partitions here."""

    tables: MemoryStore

    @operation
    def purge_expunged(self, grace: timedelta, limit: int) -> int:
        """See `ICleaning.purge_expunged`."""
        until = self.tables.now() - grace
        going = [gone for gone in self.tables.expunged if gone.grace_from <= until][:limit]
        for gone in going:
            self.tables.expunged.remove(gone)
            self._release(gone.message.content_id)
        if going:
            return len(going)
        for mailbox in self.tables.mailboxes.values():
            if mailbox.grace_from is None or mailbox.grace_from > until:
                continue
            if not mailbox.messages and self._expunged_in(mailbox.id):
                continue
            mailbox.removing = True
            taken = self._empty(mailbox.id, limit)
            if not taken:
                self._drop(mailbox.id)
            return taken or 1
        return 0

    @operation
    def remove_account(self, grace: timedelta, limit: int) -> Removed | None:
        """See `ICleaning.remove_account`."""
        tables, until = self.tables, self.tables.now() - grace
        going = [
            (account.deleted_at, account)
            for account in tables.accounts.values()
            if account.deleted_at is not None and account.deleted_at <= until
        ]
        if not going:
            return None
        _, account = min(going, key=lambda entry: entry[0])
        account.removing = True
        primary = tables.primary(account.id)
        address = "" if primary is None else primary.address
        boxes = [each.id for each in tables.mailboxes.values() if each.account_id == account.id]
        for mailbox_id in boxes:
            taken = self._empty(mailbox_id, limit)
            for gone in self._expunged_in(mailbox_id)[: limit - taken]:
                tables.expunged.remove(gone)
                self._release(gone.message.content_id)
                taken += 1
            if taken:
                return Removed(account.id, address, taken, False)
            self._drop(mailbox_id)
        self._forget_account(account)
        return Removed(account.id, address, 0, True)

    @operation
    def condemn(self, grace: timedelta, limit: int, abandoned: timedelta | None = None) -> int:
        """See `ICleaning.condemn`."""
        now = self.tables.now()
        until = {"live": now - grace, "pending": now - (grace if abandoned is None else abandoned)}
        going = [
            content
            for content in self.tables.contents.values()
            if content.state != "deleting"
            and (content.released_at or content.created_at) <= until[content.state]
            and not self.tables.references(content.id)
        ][:limit]
        for content in going:
            if content.state == "live":
                del self.tables.live[content.scope_id, content.hash]
            content.state, content.pieces = "deleting", None
            entries = self.tables.objects_of(content.id)
            for entry in entries:
                entry.state, entry.due_at = "deleting", now
            if not entries:
                del self.tables.contents[content.id]
        return len(going)

    @operation
    def condemned(self, stores: Sequence[str], limit: int, lease: timedelta) -> Sequence[Condemned]:
        """See `ICleaning.condemned`."""
        now = self.tables.now()
        for entry in self.tables.objects.values():
            is_over = entry.content_id is None and entry.created_at <= now - _RESERVATION
            if is_over and entry.state == "pending":
                entry.state, entry.due_at = "deleting", now
        taken = [
            entry
            for entry in self.tables.objects.values()
            if entry.state == "deleting" and entry.store in stores and entry.due_at <= now
        ][:limit]
        for entry in taken:
            entry.due_at = now + lease
        return [
            Condemned(entry.id, entry.store, entry.content_id, entry.stored_size) for entry in taken
        ]

    @operation
    def forget(self, object_ids: Sequence[UUID]) -> int:
        """See `ICleaning.forget`."""
        forgotten = 0
        for object_id in object_ids:
            entry = self.tables.objects.get(object_id)
            if entry is None or entry.state != "deleting":
                continue
            del self.tables.objects[object_id]
            forgotten += 1
            content = self.tables.contents.get(entry.content_id or 0)
            is_going = content is not None and content.state == "deleting"
            if content is not None and is_going and not self.tables.objects_of(content.id):
                del self.tables.contents[content.id]
        return forgotten

    @operation
    def forget_deliveries(self, age: timedelta, limit: int) -> int:
        """See `ICleaning.forget_deliveries`."""
        until = self.tables.now() - age
        going = [claim for claim, done in self.tables.deliveries.items() if done.at <= until]
        for claim in going[:limit]:
            del self.tables.deliveries[claim]
        return len(going[:limit])

    @operation
    def forget_memories(self, limit: int) -> int:
        """See `ICleaning.forget_memories`."""
        count = 0
        for memories in (self.tables.vacations, self.tables.duplicates):
            over = [key for key, until in memories.items() if until <= self.tables.now()]
            for key in over[:limit]:
                del memories[key]
            count += len(over[:limit])
        return count

    @operation
    def forget_requests(self, limit: int) -> int:
        """See `ICleaning.forget_requests`."""
        now = self.tables.now()
        over = [key for key, one in self.tables.requests.items() if one.until <= now][:limit]
        gone = [name for name, (_, until) in self.tables.tasks.items() if until <= now][:limit]
        for key in over:
            del self.tables.requests[key]
        for name in gone:
            del self.tables.tasks[name]
        return len(over) + len(gone)

    @operation
    def forget_events(self, retention: timedelta) -> int:
        """See `ICleaning.forget_events`."""
        return 0

    @operation
    def drop_staging(self) -> int:
        """See `ICleaning.drop_staging`."""
        return 0

    @operation
    def make_partitions(self) -> int:
        """See `ICleaning.make_partitions`."""
        return 0

    @operation
    def note(self, node: str, began: datetime, done: Mapping[str, int], error: str) -> None:
        """See `ICleaning.note`."""
        now = self.tables.now()
        self.tables.cleanings[node] = CleaningRound(node, began, now, dict(done), error)

    @operation
    def rounds(self) -> Sequence[CleaningRound]:
        """See `ICleaning.rounds`."""
        return [self.tables.cleanings[node] for node in sorted(self.tables.cleanings)]

    @operation
    def status(self, grace: timedelta, object_grace: timedelta) -> CleaningStatus:
        """See `ICleaning.status`."""
        tables, now = self.tables, self.tables.now()

        def overdue(times: Sequence[datetime | None], grace: timedelta) -> Overdue:
            due = [time for time in times if time is not None and time <= now - grace]
            age = (now - grace - min(due)).total_seconds() if due else 0.0
            return Overdue(len(due), age)

        mailboxes = [each.grace_from for each in tables.mailboxes.values() if each.deleted_at]
        accounts = [each.deleted_at for each in tables.accounts.values() if each.deleted_at]
        going = [each for each in tables.objects.values() if each.state == "deleting"]
        released = [each.released_at for each in tables.contents.values()]
        return CleaningStatus(
            messages=overdue([gone.grace_from for gone in tables.expunged], grace),
            mailboxes=overdue(mailboxes, grace),
            accounts=overdue(accounts, grace),
            deleted_mailboxes=len(mailboxes),
            deleted_accounts=len(accounts),
            contents=overdue(released, object_grace),
            objects=Overdue(len(going), 0.0),
            octets=sum(each.stored_size for each in going),
            stores=tuple(sorted({each.store for each in going})),
            partitions=0,
            default_events=False,
            history_from=None,
        )

    # ------------------------------------------------------------ parts

    def _expunged_in(self, mailbox_id: int) -> list[ExpungedRecord]:
        return [gone for gone in self.tables.expunged if gone.mailbox_id == mailbox_id]

    def _release(self, content_id: int) -> None:
        self.tables.contents[content_id].released_at = self.tables.now()

    def _empty(self, mailbox_id: int, limit: int) -> int:
        messages = self.tables.mailboxes[mailbox_id].messages
        going = sorted(messages)[:limit]
        for uid in going:
            self._release(messages.pop(uid).content_id)
        return len(going)

    def _drop(self, mailbox_id: int) -> None:
        del self.tables.mailboxes[mailbox_id]
        for key in [key for key in self.tables.metadata if key[0] == mailbox_id]:
            del self.tables.metadata[key]

    def _forget_account(self, account: AccountRecord) -> None:
        tables, gone = self.tables, account.id
        for mailbox in tables.mailboxes.values():
            mailbox.acl.pop(gone, Rights.NONE)
        for entry in [key for key in tables.metadata if key[1] == gone]:
            del tables.metadata[entry]
        for claim in [claim for claim in tables.deliveries if claim[0] == gone]:
            del tables.deliveries[claim]
        for memories in (tables.vacations, tables.duplicates):
            for key in [key for key in memories if key[0] == gone]:
                del memories[key]
        for address in [key for key, each in tables.aliases.items() if each.account_id == gone]:
            del tables.aliases[address]
        for address in [k for k, each in tables.credentials.items() if each.account_id == gone]:
            del tables.credentials[address]
        for domain in tables.domains.values():
            if domain.catch_all == gone:
                domain.catch_all = None
        tables.scripts.pop(gone, None)
        tables.retention.pop(RetentionOwner(gone), None)
        tables.maildrops.pop(gone, None)
        tables.deletion_runs.pop(gone, None)
        for day in [key for key in tables.deletions if key[0] == gone]:
            del tables.deletions[day]
        for login in [key for key in tables.logins if key[0] == gone]:
            del tables.logins[login]
        del tables.accounts[gone]
