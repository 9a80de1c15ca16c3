"""Import into memory."""

from collections.abc import Mapping, Sequence

from attrs import evolve
from zope.interface import implementer

from sora.errors import AlreadyExists, NoSuchMailbox, OverQuota
from sora.mail.mailbox_names import name_key, superiors
from sora.mail.numbers import NumberSet
from sora.storage.interfaces import IImporting
from sora.storage.memory.placing import brings_bytes, content_of, made_message
from sora.storage.memory.records import MailboxRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    Arrival,
    EventKind,
    ImportDone,
    Imported,
    ImportFate,
    Incoming,
    MailboxRow,
    Operation,
)


@implementer(IImporting)
class MemoryImporting:
    """`IImporting` in dicts."""

    def __init__(self, tables: MemoryStore) -> None:
        self.tables = tables

    @operation
    def begin(
        self,
        account_id: int,
        name: str,
        special_use: str | None,
        uidvalidity: int | None,
        operation: Operation,
    ) -> MailboxRow:
        """See `IImporting.begin`."""
        tables, account = self.tables, self.tables.accounts[account_id]
        mailbox = tables.named(account_id, name)
        if mailbox is not None and uidvalidity in (None, mailbox.uidvalidity):
            return mailbox.row()
        if mailbox is not None and mailbox.messages:
            raise AlreadyExists(f"The mailbox {name} has messages under UIDs of its own")
        if uidvalidity is not None:
            self._require_fresh(account_id, name_key(name), uidvalidity)
        if mailbox is not None:
            mailbox = self._replace(mailbox, operation)
        else:
            missing = [one for one in superiors(name) if tables.named(account_id, one) is None]
            limit = account.quota_mailboxes
            count = len(tables.mailboxes_of(account_id)) + len(missing) + 1
            if limit is not None and count > limit:
                raise OverQuota(f"The account may have {limit} mailboxes.")
            for one in missing:
                tables.make_mailbox(account, one, None, operation)
            if any(other.special_use == special_use for other in tables.mailboxes_of(account_id)):
                special_use = None
            mailbox = tables.make_mailbox(account, name_key(name), special_use, operation)
            above = tables.named(account_id, superiors(name)[-1]) if superiors(name) else None
            mailbox.acl = {} if above is None else dict(above.acl)
        if uidvalidity is not None:
            mailbox.uidvalidity = uidvalidity
            account.next_uidvalidity = max(account.next_uidvalidity, uidvalidity)
            tables.imports[account_id, mailbox.key, uidvalidity] = mailbox.id
        return mailbox.row()

    @operation
    def known(self, mailbox_id: int, keys: Sequence[bytes]) -> Mapping[bytes, int]:
        """See `IImporting.known`."""
        taken = self.tables.imported.get(mailbox_id, {})
        return {key: taken[key] for key in keys if key in taken}

    @operation
    def put(
        self,
        scope_id: int,
        mailbox_id: int,
        arrivals: Sequence[Arrival],
        messages: Sequence[Incoming],
        operation: Operation,
    ) -> ImportDone:
        """See `IImporting.put`."""
        tables = self.tables
        missing = frozenset(
            place
            for place, arrival in enumerate(arrivals)
            if not brings_bytes(arrival) and (scope_id, arrival.hash) not in tables.live
        )
        if missing:
            return ImportDone(missing=missing)
        mailbox = tables.mailbox(mailbox_id)
        account = tables.accounts[mailbox.account_id]
        if account.deleted_at is not None or account.scope_id != scope_id:
            raise NoSuchMailbox("There is no such mailbox.")
        contents = [content_of(tables, scope_id, arrival) for arrival in arrivals]
        tables.learn(account, (one.flags for one in messages))
        placed, done = [], []
        taken = dict(tables.imported.setdefault(mailbox_id, {}))
        uidnext = mailbox.uidnext
        for (content_id, used_object), message in zip(contents, messages, strict=True):
            assert content_id is not None, "the bytes are there"
            fate, uid = self._fate(mailbox, message, content_id, taken, uidnext)
            if fate is ImportFate.PLACED:
                uidnext = uid + 1
                placed.append((evolve(message, uid=uid), content_id))
            if fate is not ImportFate.UID_TAKEN:
                taken.setdefault(message.key, uid)
            done.append(Imported(fate, uid, content_id, used_object))
        sizes = [self._size(content_id) for _, content_id in placed]
        if placed and not tables.has_room(account, sum(sizes), len(placed)):
            raise OverQuota("The account is over its quota.")
        tables.imported[mailbox_id] = taken
        if placed:
            uids = NumberSet.of(message.uid or 0 for message, _ in placed)
            modseq = tables.record(mailbox, EventKind.ARRIVED, uids, operation)
            for (message, content_id), size in zip(placed, sizes, strict=True):
                made = made_message(tables, account, content_id, size, message, modseq)
                tables.put(mailbox, made)
        return ImportDone(tuple(done))

    @operation
    def finish(self, mailbox_id: int, uidnext: int) -> None:
        """See `IImporting.finish`."""
        mailbox = self.tables.mailbox(mailbox_id)
        mailbox.uidnext = max(mailbox.uidnext, uidnext)

    # ------------------------------------------------------------ inside

    def _size(self, content_id: int) -> int:
        facts = self.tables.contents[content_id].facts
        assert facts is not None, "a live content has its facts"
        return facts.size

    def _fate(
        self,
        mailbox: MailboxRecord,
        message: Incoming,
        content_id: int,
        taken: dict[bytes, int],
        uidnext: int,
    ) -> tuple[ImportFate, int]:
        if message.key in taken:
            return ImportFate.DUPLICATE, taken[message.key]
        if message.uid is None or message.uid >= uidnext:
            return ImportFate.PLACED, message.uid or uidnext
        there = mailbox.messages.get(message.uid) or next(
            (
                gone.message
                for gone in self.tables.expunged
                if gone.mailbox_id == mailbox.id and gone.message.uid == message.uid
            ),
            None,
        )
        same = there is not None and there.content_id == content_id
        return (ImportFate.DUPLICATE if same else ImportFate.UID_TAKEN), message.uid

    def _require_fresh(self, account_id: int, key: str, uidvalidity: int) -> None:
        before = self.tables.imports.get((account_id, key, uidvalidity))
        if before is None:
            return
        mailbox = self.tables.mailboxes.get(before)
        imported = set(self.tables.imported.get(before, {}).values())
        gone = [each.message.uid for each in self.tables.expunged if each.mailbox_id == before]
        if mailbox is None or not imported.issuperset([*mailbox.messages, *gone]):
            raise AlreadyExists(f"The mailbox {key} had this UIDVALIDITY before")

    def _replace(self, old: MailboxRecord, operation: Operation) -> MailboxRecord:
        tables = self.tables
        tables.record(old, EventKind.DELETED, NumberSet(), operation)
        old.deleted_at = tables.now()
        mailbox = tables.make_mailbox(
            tables.accounts[old.account_id], old.name, old.special_use, operation
        )
        mailbox.acl, old.acl = old.acl, {}
        for place in [place for place in tables.metadata if place[0] == old.id]:
            tables.metadata[(mailbox.id, *place[1:])] = tables.metadata.pop(place)
        return mailbox
