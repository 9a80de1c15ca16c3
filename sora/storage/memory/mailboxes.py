"""Mailboxes in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from attrs import evolve, frozen
from zope.interface import implementer

from sora.errors import AlreadyExists, BadArgument, HasChildren, OverQuota, UseAttributeRefused
from sora.mail.mailbox_names import DELIMITER, INBOX, name_key, superiors
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights
from sora.storage.interfaces import IMailboxes
from sora.storage.memory.records import AccountRecord, MailboxRecord, MessageRecord
from sora.storage.memory.store import LEAVING, MemoryStore, operation
from sora.storage.rows import (
    Changes,
    EventDetail,
    EventKind,
    Listing,
    MailboxRow,
    Opened,
    Operation,
    Owner,
    SharedMailbox,
    States,
    Turn,
    Vanished,
)

_ARRIVING = (
    EventKind.ARRIVED,
    EventKind.COPIED_IN,
    EventKind.MOVED_IN,
    EventKind.RESTORED,
)
_CHANGING = (*_ARRIVING, EventKind.FLAGS)


def states_of(messages: Iterable[MessageRecord]) -> States:
    """The states of messages, which come ascending by uid."""
    states = States()
    for message in messages:
        states.uids.append(message.uid)
        states.masks.append(message.mask)
        states.modseqs.append(message.modseq)
    return states


@implementer(IMailboxes)
@frozen
class MemoryMailboxes:
    """`IMailboxes` in dicts."""

    tables: MemoryStore

    @operation
    def list(self, account_id: int, shared: bool = False, deleted_sizes: bool = False) -> Listing:
        """See `IMailboxes.list`. Sizes cost nothing here."""
        account = self.tables.accounts[account_id]
        return Listing(
            account.version,
            tuple(
                mailbox.row(None, deleted_sizes) for mailbox in self.tables.mailboxes_of(account_id)
            ),
            tuple(account.subscriptions.values()),
            tuple(self._shared_with(account_id, deleted_sizes)) if shared else (),
        )

    def _shared_with(self, asker: int, deleted_sizes: bool) -> Iterator[SharedMailbox]:
        tables = self.tables
        domain = tables.domain(asker)
        owners = []
        for account in tables.accounts.values():
            if account.id == asker or account.deleted_at or tables.domain(account.id) != domain:
                continue
            primary = tables.primary(account.id)
            owners.append((primary.key if primary else "", account, primary))
        for _, account, primary in sorted(owners, key=lambda found: found[0]):
            owner = Owner(account.id, account.scope_id, primary.address if primary else None)
            for mailbox in tables.mailboxes_of(account.id):
                if Rights.LOOKUP in mailbox.rights(asker):
                    yield SharedMailbox(owner, mailbox.row(asker, deleted_sizes))

    @operation
    def find(
        self, account_id: int, name: str, asker: int | None = None, deleted_size: bool = False
    ) -> MailboxRow:
        """See `IMailboxes.find`."""
        return self.tables.find(account_id, name).row(asker, deleted_size)

    @operation
    def open(self, account_id: int, name: str, taker: UUID | None = None) -> Opened:
        """See `IMailboxes.open`."""
        mailbox = self.tables.find(account_id, name)
        keywords = self.tables.accounts[account_id].keywords
        states = states_of(mailbox.messages.values())
        turn = self._turn(mailbox, taker)
        return Opened(mailbox.row(), states, tuple(keywords), dict(mailbox.acl), turn, mailbox.lost)

    @operation
    def changes(
        self, mailbox_id: int, since: int, known_keywords: int, taker: UUID | None = None
    ) -> Changes:
        """See `IMailboxes.changes`."""
        mailbox = self.tables.mailbox(mailbox_id)
        turn = None if taker is None else self._turn(mailbox, taker)
        account = self.tables.accounts[mailbox.account_id]
        keywords = tuple(pair for pair in account.keywords if pair[0] >= known_keywords)
        if not mailbox.horizon <= since <= mailbox.highest_modseq or since in mailbox.lost:
            return Changes(
                since,
                mailbox.row(),
                States(),
                NumberSet(),
                keywords,
                complete=False,
                turn=turn,
                lost=mailbox.lost,
            )
        changed: set[int] = set()
        came: set[int] = set()
        went: set[int] = set()
        for event in mailbox.events:
            if event.modseq > since:
                if event.kind in _CHANGING:
                    changed.update(event.uids)
                if event.kind in _ARRIVING:
                    came.update(event.uids)
                if event.kind in LEAVING:
                    went.update(event.uids)
        present = [mailbox.messages[uid] for uid in sorted(changed) if uid in mailbox.messages]
        return Changes(
            since,
            mailbox.row(),
            states_of(present),
            NumberSet.of(went - came),
            keywords,
            acl=dict(mailbox.acl),
            turn=turn,
            lost=mailbox.lost,
        )

    def heard(self, mailbox_id: int, modseq: int) -> None:
        """See `IMailboxes.heard`: there is only one copy."""

    @operation
    def take_turns(self, mailbox_ids: Sequence[int], taker: UUID) -> Mapping[int, Turn]:
        """See `IMailboxes.take_turns`."""
        found = {
            mailbox_id: self._turn(self.tables.mailboxes[mailbox_id], taker)
            for mailbox_id in mailbox_ids
            if mailbox_id in self.tables.mailboxes
        }
        return {mailbox_id: turn for mailbox_id, turn in found.items() if turn is not None}

    @operation
    def end_turns(self, turns: Mapping[int, Turn], taker: UUID) -> None:
        """See `IMailboxes.end_turns`."""
        for mailbox_id, turn in turns.items():
            mailbox = self.tables.mailboxes.get(mailbox_id)
            if mailbox and (mailbox.recent_owner, mailbox.recent_turn) == (taker, turn.number):
                mailbox.recent_owner = None
                known = [uid for uid in (mailbox.recent_uid, turn.known) if uid is not None]
                mailbox.recent_uid = max(known, default=None)

    def _turn(self, mailbox: MailboxRecord, taker: UUID | None) -> Turn | None:
        owner = mailbox.recent_owner
        if owner is None or owner != taker:
            if owner is not None and self.tables.lives(owner):
                return None
            if taker is None:
                return Turn(0, mailbox.recent_uid)
            mailbox.recent_owner = taker
            mailbox.recent_turn += 1
        return Turn(mailbox.recent_turn, mailbox.recent_uid)

    @operation
    def vanished(self, mailbox_id: int, since: int, among: NumberSet) -> Vanished:
        """See `IMailboxes.vanished`."""
        mailbox = self.tables.mailbox(mailbox_id)
        if since > mailbox.highest_modseq or since in mailbox.lost:
            return Vanished(None, is_lost=True)
        if since < mailbox.horizon:
            return Vanished(None)
        went = NumberSet()
        for event in mailbox.events:
            if event.modseq > since and event.kind in LEAVING:
                went |= event.uids
        return Vanished(went & among)

    @operation
    def poll(self, mailbox_ids: Sequence[int]) -> Mapping[int, int]:
        """See `IMailboxes.poll`."""
        found = [self.tables.mailboxes.get(mailbox_id) for mailbox_id in mailbox_ids]
        return {
            mailbox.id: mailbox.highest_modseq
            for mailbox in found
            if mailbox is not None and mailbox.deleted_at is None
        }

    @operation
    def versions(self, account_ids: Sequence[int]) -> Mapping[int, int]:
        """See `IMailboxes.versions`."""
        accounts = self.tables.accounts
        return {
            account_id: accounts[account_id].version
            for account_id in account_ids
            if account_id in accounts
        }

    @operation
    def create(
        self,
        account_id: int,
        name: str,
        special_use: str | None,
        operation: Operation,
        creator: int | None = None,
        rights: Rights = Rights.NONE,
    ) -> MailboxRow:
        """See `IMailboxes.create`."""
        account = self.tables.accounts[account_id]
        self._must_be_free(account_id, name)
        if special_use is not None:
            for other in self.tables.mailboxes_of(account_id):
                if other.special_use == special_use:
                    raise UseAttributeRefused(f"{other.name!r} has {special_use} already")
        missing = [one for one in superiors(name) if self.tables.named(account_id, one) is None]
        self._check_room(account, len(missing) + 1)
        first: dict[int, Rights] = {}
        if creator is not None and creator != account_id and rights:
            first[creator] = rights
        above = self._make_superiors(account_id, name, operation, first)
        mailbox = self.tables.make_mailbox(account, name, special_use, operation)
        mailbox.acl = dict(above)
        return mailbox.row()

    @operation
    def delete(self, account_id: int, name: str, operation: Operation) -> int:
        """See `IMailboxes.delete`."""
        mailbox = self.tables.find(account_id, name)
        if self._inferiors(account_id, mailbox.key):
            raise HasChildren(f"{name!r} has inferior mailboxes")
        self.tables.record(
            mailbox,
            EventKind.DELETED,
            NumberSet(),
            operation,
            detail=EventDetail(name=mailbox.name),
        )
        mailbox.acl.clear()
        mailbox.deleted_at = self.tables.now()
        self.tables.accounts[account_id].version += 1
        return mailbox.id

    @operation
    def rename(self, account_id: int, old: str, new: str, operation: Operation) -> None:
        """See `IMailboxes.rename`."""
        account = self.tables.accounts[account_id]
        mailbox = self.tables.find(account_id, old)
        old_key, new_key = mailbox.key, name_key(new)
        if old_key == INBOX:
            self._must_be_free(account_id, new)
            missing = [one for one in superiors(new) if self.tables.named(account_id, one) is None]
            self._check_room(account, len(missing) + 1)
            self._rename_inbox(mailbox, new, operation)
            return
        if new_key.startswith(old_key + DELIMITER):
            raise BadArgument(f"{old!r} cannot be renamed to an inferior of itself")
        inferiors = self._inferiors(account_id, old_key)
        renamed = {mailbox.id: new} | {
            inferior.id: new + inferior.name[len(mailbox.name) :] for inferior in inferiors
        }
        for other in renamed.values():
            self._must_be_free(account_id, other)
        self._check_room(
            account, sum(self.tables.named(account_id, one) is None for one in superiors(new))
        )
        self._make_superiors(account_id, new, operation)
        account.version += 1
        for mailbox_id, other in renamed.items():
            moved = self.tables.mailboxes[mailbox_id]
            detail = EventDetail(name=other, old_name=moved.name)
            moved.name = other
            self.tables.record(moved, EventKind.RENAMED, NumberSet(), operation, detail=detail)
        for key, name in list(account.subscriptions.items()):
            if key == old_key or key.startswith(old_key + DELIMITER):
                del account.subscriptions[key]
                followed = new + name[len(old) :]
                account.subscriptions[name_key(followed)] = followed

    @operation
    def subscribe(self, account_id: int, name: str) -> None:
        """See `IMailboxes.subscribe`."""
        account = self.tables.accounts[account_id]
        if account.subscriptions.setdefault(name_key(name), name) == name:
            account.version += 1

    @operation
    def unsubscribe(self, account_id: int, name: str) -> None:
        """See `IMailboxes.unsubscribe`."""
        account = self.tables.accounts[account_id]
        if account.subscriptions.pop(name_key(name), None) is not None:
            account.version += 1

    def _check_room(self, account: AccountRecord, more: int) -> None:
        limit = account.quota_mailboxes
        count = len(self.tables.mailboxes_of(account.id)) + more
        if limit is not None and more and count > limit:
            raise OverQuota(f"The account may have {limit} mailboxes.")

    def _must_be_free(self, account_id: int, name: str) -> None:
        if self.tables.named(account_id, name) is not None:
            raise AlreadyExists(f"There is a mailbox {name!r} already")

    def _inferiors(self, account_id: int, key: str) -> Sequence[MailboxRecord]:
        return [
            mailbox
            for mailbox in self.tables.mailboxes_of(account_id)
            if mailbox.key.startswith(key + DELIMITER)
        ]

    def _make_superiors(
        self,
        account_id: int,
        name: str,
        operation: Operation,
        first: Mapping[int, Rights] | None = None,
    ) -> Mapping[int, Rights]:
        """Make those that are missing; gives the rights that a mailbox below them inherits.
        `first` are those of one at the top; without it nothing is inherited."""
        above = first or {}
        for superior in superiors(name):
            mailbox = self.tables.named(account_id, superior)
            if mailbox is None:
                account = self.tables.accounts[account_id]
                mailbox = self.tables.make_mailbox(account, superior, None, operation)
                if first is not None:
                    mailbox.acl = dict(above)
            above = mailbox.acl
        return above

    def _rename_inbox(self, inbox: MailboxRecord, new: str, operation: Operation) -> None:
        """The messages move; INBOX stays, with its inferiors (RFC 3501 §6.3.5)."""
        self._make_superiors(inbox.account_id, new, operation)
        account = self.tables.accounts[inbox.account_id]
        made = self.tables.make_mailbox(account, new, None, operation)
        for (place, reader, path), value in list(self.tables.metadata.items()):
            if place == inbox.id:
                self.tables.metadata[made.id, reader, path] = value
        moving = list(inbox.messages.values())
        if not moving:
            return
        uids = NumberSet(((1, len(moving)),))
        gone = NumberSet.of(message.uid for message in moving)
        detail = EventDetail(other=inbox.id, sources=gone)
        modseq = self.tables.record(made, EventKind.MOVED_IN, uids, operation, detail=detail)
        for uid, message in enumerate(moving, 1):
            self.tables.put(made, evolve(message, uid=uid, modseq=modseq))
            self.tables.drop(inbox, message.uid, "moved")
        detail = EventDetail(other=made.id, first=1)
        self.tables.record(inbox, EventKind.MOVED_OUT, gone, operation, detail=detail)
