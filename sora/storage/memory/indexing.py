"""Indexing in memory: claims and how far they went; searching needs no index here."""

from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen
from zope.interface import implementer

from sora.mail.facts import header_text
from sora.storage.interfaces import IIndexing
from sora.storage.memory.records import MailboxRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import SearchText, Segment, Unindexed


@implementer(IIndexing)
@frozen
class MemoryIndexing:
    """`IIndexing` in dicts."""

    tables: MemoryStore

    @operation
    def claim(
        self, least: int, limit: int, lease: timedelta, among: Sequence[int] | None = None
    ) -> Sequence[Unindexed]:
        """See `IIndexing.claim`."""
        now = self.tables.now()
        due = [
            mailbox
            for mailbox in self.tables.mailboxes.values()
            if mailbox.deleted_at is None
            and (among is None or mailbox.id in among)
            and (mailbox.indexing_until is None or mailbox.indexing_until < now)
            and len(_above(mailbox, mailbox.indexed_uid)) >= least
        ][:limit]
        for mailbox in due:
            mailbox.indexing_until = now + lease
        return [Unindexed(one.account_id, one.id, one.indexed_uid) for one in due]

    @operation
    def texts(self, mailbox_id: int, after: int, limit: int, octets: int) -> Sequence[SearchText]:
        """See `IIndexing.texts`."""
        mailbox = self.tables.mailboxes.get(mailbox_id)
        found: list[SearchText] = []
        for uid in _above(mailbox, after)[:limit] if mailbox is not None else ():
            assert mailbox is not None
            message = mailbox.messages[uid]
            facts = self.tables.contents[message.content_id].facts
            assert facts is not None, "a live content has its facts"
            header = (
                header_text(message.trace) + facts.text_header
                if message.trace
                else (facts.text_header)
            )
            found.append(SearchText(uid, header, facts.text_body))
            octets -= len(header.encode()) + len(facts.text_body.encode())
            if octets <= 0:
                break
        return found

    @operation
    def add(self, mailbox: Unindexed, segment: Segment) -> bool:
        """See `IIndexing.add`."""
        known = self.tables.mailboxes.get(mailbox.mailbox_id)
        if known is None or known.deleted_at is not None or known.indexed_uid != segment.after:
            return False
        known.indexed_uid = segment.last_uid
        known.segments.append((segment.first_uid, segment.last_uid))
        return True

    @operation
    def release(self, mailbox_id: int) -> None:
        """See `IIndexing.release`."""
        if mailbox_id in self.tables.mailboxes:
            self.tables.mailboxes[mailbox_id].indexing_until = None

    @operation
    def prune(self, limit: int) -> int:
        """See `IIndexing.prune`."""
        empty = [
            (mailbox, segment)
            for mailbox in self.tables.mailboxes.values()
            for segment in mailbox.segments
            if not any(segment[0] <= uid <= segment[1] for uid in mailbox.messages)
        ][:limit]
        for mailbox, segment in empty:
            mailbox.segments.remove(segment)
        return len(empty)


def _above(mailbox: MailboxRecord, uid: int) -> list[int]:
    return sorted(one for one in mailbox.messages if one > uid)
