"""Annotations in memory."""

from collections.abc import Mapping, Sequence
from typing import Literal

from attrs import frozen
from zope.interface import implementer

from sora.errors import NoSuchMailbox, NotPermitted, OverQuota, TooManyEntries, UseAttributeRefused
from sora.mail.annotations import EVENT_SCRIPT, OWN_EVENT_SCRIPT, Entry
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights
from sora.storage.interfaces import IMetadata
from sora.storage.memory.records import MailboxRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import Annotated, Annotation, EventKind, Noted, Operation

_ANY = Rights.READ | Rights.SEE | Rights.WRITE | Rights.INSERT | Rights.POST


@implementer(IMetadata)
@frozen
class MemoryMetadata:
    """`IMetadata` in dicts."""

    tables: MemoryStore

    @operation
    def read(
        self,
        account_id: int,
        name: str | None,
        asker: int,
        entries: Sequence[Entry],
        depth: int | None = 0,
        most: int | None = None,
    ) -> Annotated:
        """See `IMetadata.read`."""
        mailbox = self._mailbox(account_id, name, asker, Rights.NONE)
        found = [
            Annotation(entry, len(value), value if most is None or len(value) <= most else None)
            for entry, value in self._entries(mailbox, asker)
            if any(entry.is_below(other, depth) for other in entries)
        ]
        is_own = mailbox is not None and account_id == asker
        return Annotated(tuple(found), mailbox.special_use if mailbox and is_own else None)

    @operation
    def listed(
        self, mailbox_ids: Sequence[int], asker: int, entries: Sequence[Entry], most: int
    ) -> Mapping[int, Sequence[Annotation]]:
        """See `IMetadata.listed`."""
        found: dict[int, list[Annotation]] = {}
        so_far = 0
        for mailbox_id in mailbox_ids:
            there = dict(self._entries(self.tables.mailboxes[mailbox_id], asker))
            for entry in entries:
                if entry in there:
                    value = there[entry]
                    so_far += len(value)
                    annotation = Annotation(entry, len(value), value if so_far <= most else None)
                    found.setdefault(mailbox_id, []).append(annotation)
        return found

    @operation
    def accounts_with_event_scripts(self, most: int) -> frozenset[int] | None:
        """See `IMetadata.accounts_with_event_scripts`."""
        found = set()
        for place, reader, path in self.tables.metadata:
            if place and (reader, path) == (0, EVENT_SCRIPT.path):
                found.add(self.tables.mailboxes[place].account_id)
            elif reader and not place and path == OWN_EVENT_SCRIPT.path:
                found.add(reader)
        return None if len(found) > most else frozenset(found)

    @operation
    def write(
        self,
        account_id: int,
        name: str | None,
        asker: int,
        values: Mapping[Entry, bytes | None],
        most: int,
        total: int,
        operation: Operation,
        special_use: str | Literal[False] | None = False,
    ) -> Noted | None:
        """See `IMetadata.write`."""
        shares = any(not entry.is_private for entry in values)
        mailbox = self._mailbox(account_id, name, asker, Rights.WRITE if shares else Rights.NONE)
        place = mailbox.id if mailbox else 0
        after = dict(self.tables.metadata)
        for entry, value in values.items():
            key = (place, asker if entry.is_private else 0, entry.path)
            after.pop(key, None)
            if value is not None:
                after[key] = value
        for reader in {
            asker if entry.is_private else 0 for entry, value in values.items() if value is not None
        }:
            if sum(key[:2] == (place, reader) for key in after) > most:
                raise TooManyEntries(f"There are at most {most} entries.")
        for payer in {
            asker if entry.is_private else account_id
            for entry, value in values.items()
            if value is not None
        }:
            if self._charged(payer, after) > total:
                raise OverQuota(f"All annotations have at most {total} octets together.")
        if special_use is not False:
            self._use(account_id, asker, mailbox, special_use)
        self.tables.metadata = after
        if mailbox is None:
            return None
        before = mailbox.highest_modseq
        self.tables.record(mailbox, EventKind.ANNOTATED, NumberSet(), operation)
        return Noted(mailbox.id, before, mailbox.highest_modseq)

    def _charged(self, payer: int, metadata: Mapping[tuple[int, int, str], bytes]) -> int:
        """What counts for an account."""
        return sum(
            100 + len(path) + len(value)
            for (place, reader, path), value in metadata.items()
            if (reader or self.tables.mailboxes[place].account_id) == payer
        )

    def _use(
        self, account_id: int, asker: int, mailbox: MailboxRecord | None, special_use: str | None
    ) -> None:
        if account_id != asker or mailbox is None:
            raise UseAttributeRefused("A shared mailbox has no special use.")
        for other in self.tables.mailboxes_of(account_id):
            if other is not mailbox and special_use and other.special_use == special_use:
                raise UseAttributeRefused(f"Another mailbox is used as {special_use}.")
        mailbox.special_use = special_use
        self.tables.accounts[account_id].version += 1

    def _mailbox(
        self, account_id: int, name: str | None, asker: int, needed: Rights
    ) -> MailboxRecord | None:
        if name is None:
            return None
        mailbox = self.tables.find(account_id, name)
        rights = mailbox.rights(asker)
        if Rights.LOOKUP not in rights:
            raise NoSuchMailbox(f"There is no mailbox {name!r}")
        if needed not in rights or not rights & _ANY:
            raise NotPermitted("You have not the right to it.")
        return mailbox

    def _entries(self, mailbox: MailboxRecord | None, asker: int) -> Sequence[tuple[Entry, bytes]]:
        place = mailbox.id if mailbox else 0
        found = [
            (Entry(reader != 0, path), value)
            for (where, reader, path), value in self.tables.metadata.items()
            if where == place and reader in (0, asker)
        ]
        return sorted(found, key=lambda one: (not one[0].is_private, one[0].path))
