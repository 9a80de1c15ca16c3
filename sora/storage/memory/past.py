"""The pasts of mailboxes, in memory."""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen
from zope.interface import implementer

from sora.errors import ExpungeIssued, NoSuchMailbox
from sora.mail.criteria import Criterion
from sora.mail.flags import DELETED
from sora.mail.mailbox_names import name_key
from sora.mail.numbers import NumberSet
from sora.storage.interfaces import IPast
from sora.storage.memory.changing import copy_into
from sora.storage.memory.mailboxes import states_of
from sora.storage.memory.messages import MemoryMessages
from sora.storage.memory.records import MailboxRecord, MessageRecord, PastRecord
from sora.storage.memory.search import matcher, ordered, relevance, thread_row
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    Column,
    ColumnSet,
    Copied,
    EventKind,
    MailboxRow,
    Operation,
    Past,
    Read,
    SortKey,
    ThreadRow,
    Want,
)

SUFFIX = " (deleted %Y-%m-%d %H.%M.%S.%f)"


@implementer(IPast)
@frozen
class MemoryPast:
    """`IPast` in dicts."""

    tables: MemoryStore

    # -------------------------------------------------------------- looking

    @operation
    def all(self, account_id: int, counted: bool = False) -> Sequence[MailboxRow]:
        """See `IPast.all`."""
        named = sorted(self._named(account_id).items(), key=lambda item: name_key(item[0]))
        if counted:
            return [self._look(mailbox, name)[0] for name, mailbox in named]
        return [_row(mailbox, name) for name, mailbox in named]

    @operation
    def find(self, account_id: int, name: str) -> MailboxRow:
        """See `IPast.find`."""
        return self._look(*self._find(account_id, name))[0]

    @operation
    def open(self, account_id: int, name: str) -> Past:
        """See `IPast.open`."""
        return self._past(*self._find(account_id, name))

    @operation
    def changes(self, account_id: int, mailbox_id: int, known: int) -> Past | None:
        """See `IPast.changes`."""
        mailbox = self._mailbox(mailbox_id)
        names = {box.id: name for name, box in self._named(account_id).items()}
        past = self._past(mailbox, names.get(mailbox_id, ""))
        return None if past.mailbox.highest_modseq == known else past

    def _mailbox(self, mailbox_id: int) -> MailboxRecord:
        mailbox = self.tables.mailboxes.get(mailbox_id)
        if mailbox is None or mailbox.removing:
            raise NoSuchMailbox("The mailbox is no longer there.")
        return mailbox

    def _named(self, account_id: int) -> dict[str, MailboxRecord]:
        """The mailboxes of an account that have a past, by what they are called."""
        account = self.tables.accounts.get(account_id)
        if account is None or account.deleted_at is not None:
            return {}
        mailboxes = [
            mailbox
            for mailbox in self.tables.mailboxes.values()
            if mailbox.account_id == account_id and not mailbox.removing
        ]
        mailboxes.sort(key=_latest_first, reverse=True)
        taken: set[str] = set()
        found: dict[str, MailboxRecord] = {}
        for mailbox in mailboxes:
            name = mailbox.name
            if mailbox.key in taken and mailbox.deleted_at is not None:
                name += mailbox.deleted_at.strftime(SUFFIX)
            while name in found:  # a test's clock may stand still
                name += "'"
            taken.add(mailbox.key)
            if self._messages(mailbox):
                found[name] = mailbox
        return found

    def _find(self, account_id: int, name: str) -> tuple[MailboxRecord, str]:
        for each, mailbox in self._named(account_id).items():
            if name_key(each) == name_key(name):
                return mailbox, each
        raise NoSuchMailbox(f"There is no mailbox {name}.")

    def _messages(self, mailbox: MailboxRecord) -> dict[int, MessageRecord]:
        """What is past, by UID, ascending."""
        moved = NumberSet()
        for event in mailbox.events:
            if event.kind is EventKind.MOVED_OUT:
                moved |= event.uids
        gone = [
            (record.message, record.expunged_at)
            for record in self.tables.expunged
            if record.mailbox_id == mailbox.id and record.message.uid not in moved
        ]
        if mailbox.deleted_at is not None:
            gone += [(message, mailbox.deleted_at) for message in mailbox.messages.values()]
        gone.sort(key=lambda pair: pair[0].uid)
        return {
            message.uid: evolve(message, mask=message.mask & ~DELETED, save_date=at)
            for message, at in gone
        }

    def _look(
        self, mailbox: MailboxRecord, name: str
    ) -> tuple[MailboxRow, dict[int, MessageRecord]]:
        """The past as it is now, every message with a number; the messages by their UIDs."""
        messages = self._messages(mailbox)
        past = self.tables.pasts.setdefault(mailbox.id, PastRecord())
        new = [uid for uid in messages if uid not in past.numbers]
        if new or len(messages) != past.messages or not past.highest_modseq:
            past.highest_modseq = self.tables.next_modseq(past.highest_modseq)
            past.messages = len(messages)
        for uid in new:
            past.numbers[uid] = (past.uidnext, past.highest_modseq)
            past.uidnext += 1
        row = evolve(
            _row(mailbox, name),
            uidnext=past.uidnext,
            highest_modseq=past.highest_modseq,
            messages=len(messages),
            unseen=sum(not message.mask & 1 for message in messages.values()),
            size=sum(message.size for message in messages.values()),
        )
        return row, messages

    def _past(self, mailbox: MailboxRecord, name: str) -> Past:
        row, messages = self._look(mailbox, name)
        numbers = self.tables.pasts[mailbox.id].numbers
        numbered = sorted(
            (
                evolve(message, uid=numbers[uid][0], modseq=numbers[uid][1])
                for uid, message in messages.items()
            ),
            key=lambda message: message.uid,
        )
        source_of = {number: uid for uid, (number, _) in numbers.items()}
        states = states_of(numbered)
        sources = states.uids[:0]
        sources.extend(source_of[number] for number in states.uids)
        keywords = self.tables.accounts[mailbox.account_id].keywords
        return Past(row, states, sources, tuple(keywords))

    # -------------------------------------------------------------- copy

    @operation
    def copy(
        self,
        mailbox_id: int,
        uids: Sequence[int],
        account_id: int,
        destination: str,
        operation: Operation,
        asker: int | None = None,
    ) -> Copied:
        """See `IPast.copy`."""
        source = self.tables.mailboxes.get(mailbox_id)
        if source is None or source.removing:
            raise ExpungeIssued()
        messages = self._messages(source)
        target, rights = MemoryMessages(self.tables).inserting(account_id, destination, asker)
        if any(uid not in messages for uid in uids):
            raise ExpungeIssued()
        chosen = [messages[uid] for uid in uids]
        return copy_into(
            self.tables, source, chosen, target, rights, EventKind.COPIED_IN, operation
        )

    # -------------------------------------------------------------- reading

    def _present(self, mailbox_id: int, uids: NumberSet | None = None) -> list[MessageRecord]:
        mailbox = self.tables.mailboxes.get(mailbox_id)
        messages = {} if mailbox is None or mailbox.removing else self._messages(mailbox)
        return [message for uid, message in messages.items() if uids is None or uid in uids]

    @operation
    def read(self, mailbox_id: int, uids: NumberSet, wants: frozenset[Want]) -> Read:
        """See `IPast.read`."""
        messages = MemoryMessages(self.tables)
        present = self._present(mailbox_id, uids)
        return Read(tuple(messages.stored_message(message, wants) for message in present))

    @operation
    def columns(self, mailbox_id: int, uids: NumberSet, wanted: Sequence[Column]) -> ColumnSet:
        """See `IPast.columns`."""
        return MemoryMessages(self.tables).column_set(self._present(mailbox_id, uids), wanted)

    @operation
    def search(self, mailbox_id: int, criterion: Criterion) -> Sequence[int]:
        """See `IPast.search`."""
        return [message.uid for message in self._found(mailbox_id, criterion)]

    @operation
    def sort(self, mailbox_id: int, criterion: Criterion, keys: Sequence[SortKey]) -> Sequence[int]:
        """See `IPast.sort`."""
        found = self._found(mailbox_id, criterion)
        if not found:
            return []
        mailbox = self.tables.mailboxes[mailbox_id]
        in_order = ordered(self.tables, mailbox, criterion, found, keys)
        return [message.uid for message in in_order]

    @operation
    def threads(self, mailbox_id: int, criterion: Criterion) -> Sequence[ThreadRow]:
        """See `IPast.threads`."""
        found = self._found(mailbox_id, criterion)
        return [thread_row(self.tables, message) for message in found]

    def _found(self, mailbox_id: int, criterion: Criterion) -> Sequence[MessageRecord]:
        among = self._present(mailbox_id)
        if not among:
            return []
        matches = matcher(self.tables, self.tables.mailboxes[mailbox_id], criterion)
        return [message for message in among if matches(message)]

    @operation
    def relevance(
        self, mailbox_id: int, criterion: Criterion, uids: NumberSet
    ) -> Mapping[int, int]:
        """See `IPast.relevance`."""
        present = self._present(mailbox_id, uids)
        if not present:
            return {}
        return relevance(self.tables, self.tables.mailboxes[mailbox_id], criterion, present)


def _latest_first(mailbox: MailboxRecord) -> tuple[bool, float, int]:
    at = mailbox.deleted_at
    return at is None, 0.0 if at is None else at.timestamp(), mailbox.id


def _row(mailbox: MailboxRecord, name: str) -> MailboxRow:
    return MailboxRow(
        id=mailbox.id,
        account_id=mailbox.account_id,
        name=name,
        object_id=f"P{mailbox.object_id[1:]}",
        uidvalidity=mailbox.uidvalidity,
        uidnext=0,
        highest_modseq=0,
        messages=0,
        unseen=0,
        deleted=0,
        size=0,
    )
