"""Policies in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen
from zope.interface import implementer

from sora.errors import NoSuchAccount
from sora.mail.numbers import NumberSet
from sora.storage.interfaces import IRetention
from sora.storage.memory.records import MailboxRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    DueMailboxes,
    DueMessages,
    EventKind,
    Expunged,
    Kept,
    Operation,
    RetentionOwner,
    RetentionRule,
    ServerRetention,
)


@implementer(IRetention)
@frozen
class MemoryRetention:
    """`IRetention` in dicts. Domains are numbered as they were made."""

    tables: MemoryStore

    @operation
    def domain_id(self, name: str) -> int:
        """See `IRetention.domain_id`."""
        if name not in self.tables.domains:
            raise NoSuchAccount(f"There is no domain {name}.")
        return self._number(name)

    @operation
    def rules(self, owner: RetentionOwner) -> Sequence[RetentionRule]:
        """See `IRetention.rules`."""
        rules = self.tables.retention.get(owner, {})
        return [RetentionRule(use, rules[use]) for use in sorted(rules)]

    @operation
    def set(self, owner: RetentionOwner, rule: RetentionRule) -> None:
        """See `IRetention.set`."""
        self.tables.retention.setdefault(owner, {})[rule.special_use] = rule.max_age

    @operation
    def clear(self, owner: RetentionOwner, special_use: str) -> bool:
        """See `IRetention.clear`."""
        rules = self.tables.retention.get(owner, {})
        there = special_use in rules
        rules.pop(special_use, None)
        return there

    @operation
    def take(self, limit: int, rest: timedelta, server: ServerRetention) -> DueMailboxes:
        """See `IRetention.take`."""
        tables, now = self.tables, self.tables.now()
        position, began = tables.retention_pass
        if server == ServerRetention() and not any(tables.retention.values()):
            return DueMailboxes(0)
        if position == 0 and began is not None and began > now - rest:
            return DueMailboxes(0)
        page = self._page(position, limit)
        due = []
        for mailbox in page:
            age = self._age(mailbox, server)
            if age is not None and self._first(mailbox, now - age):
                due.append((mailbox.id, now - age))
        tables.retention_pass = (
            0 if len(page) < limit else page[-1].id,
            now if position == 0 else began,
        )
        return DueMailboxes(len(page), tuple(due))

    @operation
    def expire(
        self, mailbox_id: int, before: datetime, limit: int, operation: Operation
    ) -> Expunged:
        """See `IRetention.expire`."""
        mailbox = self.tables.mailbox(mailbox_id)
        known, uids = mailbox.highest_modseq, self._first(mailbox, before)[:limit]
        if not uids:
            return Expunged(mailbox_id, known, known, NumberSet())
        for uid in uids:
            self.tables.drop(mailbox, uid, "retention")
        gone = NumberSet.of(uids)
        modseq = self.tables.record(mailbox, EventKind.EXPUNGED, gone, operation)
        return Expunged(mailbox_id, known, modseq, gone)

    @operation
    def due(
        self, after: int, limit: int, server: ServerRetention, owner: RetentionOwner
    ) -> tuple[int, Sequence[DueMessages]]:
        """See `IRetention.due`."""
        page = [
            mailbox
            for mailbox in self._page(after, limit)
            if owner.account_id in (None, mailbox.account_id)
        ]
        found = []
        for mailbox in page:
            age = self._age(mailbox, server)
            domain = self.tables.domain(mailbox.account_id)
            if age is None or owner.domain_id not in (None, self._number(domain)):
                continue
            uids = self._first(mailbox, self.tables.now() - age)
            primary = self.tables.primary(mailbox.account_id)
            address = "" if primary is None else primary.address
            octets = sum(mailbox.messages[uid].size for uid in uids)
            if uids:
                found.append(
                    DueMessages(mailbox.account_id, address, mailbox.name, age, len(uids), octets)
                )
        found.sort(key=lambda each: (each.account_id, each.mailbox))
        return (page[-1].id if page else 0), found

    @operation
    def kept(self, server: ServerRetention, account_id: int | None) -> Kept:
        """See `IRetention.kept`."""
        if account_id is not None:
            return Kept(self._rule(account_id, "", server), False)
        general = [rules[""] for rules in self.tables.retention.values() if "" in rules]
        ages = [age for age in (*general, server.max_age) if age is not None]
        return Kept(min(ages, default=None), bool(general))

    # ------------------------------------------------------------ parts

    def _number(self, domain: str) -> int:
        return list(self.tables.domains).index(domain) + 1

    def _page(self, after: int, limit: int) -> list[MailboxRecord]:
        live = [
            mailbox
            for number, mailbox in sorted(self.tables.mailboxes.items())
            if number > after
            and mailbox.deleted_at is None
            and self.tables.accounts[mailbox.account_id].deleted_at is None
        ]
        return live[:limit]

    def _age(self, mailbox: MailboxRecord, server: ServerRetention) -> timedelta | None:
        return self._rule(mailbox.account_id, mailbox.special_use or "", server)

    def _rule(self, account_id: int, use: str, server: ServerRetention) -> timedelta | None:
        domain = self._number(self.tables.domain(account_id))
        for owner in (RetentionOwner(account_id), RetentionOwner(None, domain)):
            rules = self.tables.retention.get(owner, {})
            for about in (use, ""):
                if about in rules:
                    return rules[about]
        return server.uses.get(use, server.max_age)

    def _first(self, mailbox: MailboxRecord, before: datetime) -> list[int]:
        """The UIDs of the first messages, up to the first that came after this time."""
        uids = []
        for uid in sorted(mailbox.messages):
            if mailbox.messages[uid].save_date > before:
                break
            uids.append(uid)
        return uids
