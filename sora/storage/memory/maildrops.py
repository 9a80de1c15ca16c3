"""POP3's maildrops: `IMaildrops` in dicts."""

from array import array
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from attrs import frozen
from zope.interface import implementer

from sora.errors import InUse, Superseded, TooSoon
from sora.mail.flags import SEEN, Flags
from sora.mail.mailbox_names import INBOX
from sora.mail.numbers import NumberSet
from sora.storage.interfaces import IMaildrops
from sora.storage.memory.changing import change_flags, present, take_away
from sora.storage.memory.messages import body_place
from sora.storage.memory.records import MaildropRecord, MessageRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import (
    EventKind,
    FlagChange,
    MaildropBody,
    MaildropClosed,
    MaildropOpened,
    Operation,
)


@implementer(IMaildrops)
@frozen
class MemoryMaildrops:
    """`IMaildrops` in dicts."""

    tables: MemoryStore

    @operation
    def open(
        self, account_id: int, session: UUID, lease: timedelta, delay: timedelta
    ) -> MaildropOpened:
        """See `IMaildrops.open`."""
        now = self.tables.now()
        known = self.tables.maildrops.get(account_id)
        if known is not None and known.session != session:
            if known.session is not None and known.until >= now:
                raise InUse("Another session has this maildrop open")
            if known.opened_at + delay > now:
                raise TooSoon("The last login was too short a time ago")
        inbox = self.tables.find(account_id, INBOX)
        self.tables.maildrops[account_id] = MaildropRecord(session, now + lease, now)
        messages = inbox.messages.values()
        return MaildropOpened(
            inbox.id,
            inbox.uidvalidity,
            array("Q", [message.uid for message in messages]),
            array("Q", [self._size(message) for message in messages]),
        )

    def _size(self, message: MessageRecord) -> int:
        facts = self.tables.contents[message.content_id].facts
        assert facts is not None, "a live content has its facts"
        return message.size + facts.size_crlf - facts.size

    @operation
    def bodies(self, mailbox_id: int, uids: NumberSet) -> Mapping[int, MaildropBody]:
        """See `IMaildrops.bodies`."""
        return {
            message.uid: MaildropBody(
                message.uid, message.trace, body_place(self.tables, message.content_id)
            )
            for message in present(self.tables.mailbox(mailbox_id), uids)
        }

    @operation
    def renew(self, sessions: Mapping[int, UUID], lease: timedelta) -> Sequence[UUID]:
        """See `IMaildrops.renew`."""
        kept = []
        for account_id, session in sessions.items():
            known = self.tables.maildrops.get(account_id)
            if known is not None and known.session == session:
                known.until = self.tables.now() + lease
                kept.append(session)
        return kept

    @operation
    def release(self, account_id: int, session: UUID) -> None:
        """See `IMaildrops.release`."""
        known = self.tables.maildrops.get(account_id)
        if known is not None and known.session == session:
            known.session = None

    @operation
    def quit(
        self,
        account_id: int,
        session: UUID,
        mailbox_id: int,
        seen: NumberSet,
        gone: NumberSet,
        operation: Operation,
    ) -> MaildropClosed:
        """See `IMaildrops.quit`."""
        known = self.tables.maildrops.get(account_id)
        if known is None or known.session != session:
            raise Superseded("Another session has this maildrop by now: nothing was changed")
        stored, expunged = None, None
        if seen or gone:
            inbox = self.tables.mailbox(mailbox_id)
            if seen:
                change = FlagChange("add", Flags(SEEN))
                stored = change_flags(self.tables, inbox, seen, change, operation, 0)
            if gone:
                going = [message.uid for message in present(inbox, gone)]
                expunged = take_away(self.tables, inbox, going, EventKind.EXPUNGED, operation)
        known.session = None
        return MaildropClosed(stored, expunged)
