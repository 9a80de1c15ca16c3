"""Makes the index of words from texts that were stored at delivery.

A mailbox is due when it has `LEAST` messages above what is indexed; up to so many are looked at
one by one by each search, which takes some milliseconds. Which mailboxes grow, this process hears
of its own writes (`grew`); all of them are looked at only now and then, because that reads the
whole table. Mailboxes are claimed for some time, so that several nodes share the work; whoever is
slower than that, or second, adds nothing. Nobody waits for any of it: deliveries do not know of it,
searches are right without it (G18).
"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import SoraError
from sora.mail.sort_keys import is_reply
from sora.mail.word_index import WordIndex, WordRow
from sora.retry import pause
from sora.storage.interfaces import IIndexing
from sora.storage.rows import SearchText, Segment, Unindexed
from sora.threads import Threads
from sora.trouble import Trouble
from sora.waking import Waking

LEAST: Final = 500
"""Messages of the smallest segment."""
MOST: Final = 2000
"""Messages of the largest one."""
MOST_OCTETS: Final = 12_000_000
"""Characters of text of the largest one; a single message may have some more."""
BATCH: Final = 100
"""Messages whose texts are read and taken apart at a time."""
BATCH_OCTETS: Final = 2_000_000
CLAIMED: Final = 4
"""Mailboxes that are claimed at a time."""
LEASE: Final = timedelta(minutes=15)
REST: Final = 0.03
"""Seconds between two batches, so that mail goes first."""
WAKE_INTERVAL: Final = 15.0
SWEEP_INTERVAL: Final = 900.0
"""Seconds between two looks at all mailboxes."""
MOST_GROWN: Final = 100_000
"""Mailboxes that are remembered as grown; what is beyond is found by the next look at all."""
ASKED_AT_ONCE: Final = 1000
ROUNDS_TO_PRUNE: Final = 240
"""Now and then, what belongs to messages that are gone is removed."""
PRUNED: Final = 50
"""Segments that are removed at a time."""


class Indexer(Waking):
    """Indexes what is due, every `wake_interval` seconds, one segment after the other."""

    log = Logger()

    def __init__(
        self,
        indexing: IIndexing,
        threads: Threads,
        *,
        clock: IReactorTime,
        random: Random,
        wake_interval: float = WAKE_INTERVAL,
        least: int = LEAST,
        most: int = MOST,
        most_octets: int = MOST_OCTETS,
    ) -> None:
        super().__init__(clock)
        self.setName("indexer")
        self._indexing = indexing
        self._threads = threads
        self._random = random
        self._wake_interval = wake_interval
        self._least = least
        self._most = most
        self._most_octets = most_octets
        self._trouble = Trouble(self.log, "the indexer stops for now", "the indexer goes on")
        self._rounds = 0
        self._grown: set[int] = set()
        self._next_sweep = 0.0
        self._is_stopping = False

    def startService(self) -> None:
        super().startService()
        self._is_stopping = False
        self._sleep()

    def stopService(self) -> "Deferred[None]":
        self._is_stopping = True
        return super().stopService()

    def grew(self, mailbox_id: int, last_uid: int, count: int) -> None:
        """This process has put `count` messages into a mailbox, the last one with this UID. Now
        and then, as the UIDs pass, that is remembered."""
        step = max(1, self._least // 2)
        if (last_uid - count) // step != last_uid // step and len(self._grown) < MOST_GROWN:
            self._grown.add(mailbox_id)

    async def index(self, among: Sequence[int] | None = None) -> int:
        """Index all that is due now, of these mailboxes or of all; gives how many messages that
        was.

        Raises Unavailable when the database cannot be reached.
        """
        total = 0
        while not self._is_stopping:
            claimed = await self._indexing.claim(self._least, CLAIMED, LEASE, among)
            if not claimed:
                break
            for mailbox in claimed:
                total += await self._index(mailbox)
        return total

    async def _index_what_is_due(self) -> int:
        grown, self._grown = sorted(self._grown), set()
        now = self._clock.seconds()
        try:
            if now >= self._next_sweep:
                total = await self.index()
                self._next_sweep = now + SWEEP_INTERVAL * (0.5 + self._random.random())
                return total
            total = 0
            for start in range(0, len(grown), ASKED_AT_ONCE):
                total += await self.index(grown[start : start + ASKED_AT_ONCE])
            return total
        except SoraError:
            self._grown.update(grown)
            raise

    async def prune(self) -> int:
        """Remove what belongs to messages that are gone; gives how many segments it were.

        Raises Unavailable when the database cannot be reached.
        """
        total = 0
        while not self._is_stopping:
            count = await self._indexing.prune(PRUNED)
            total += count
            if not count:
                break
            await pause(self._clock, REST)
        return total

    # ------------------------------------------------------------ rounds

    def _sleep(self) -> None:
        # Nodes do not march in step.
        self._wake_in(self._wake_interval * (0.5 + self._random.random()))

    def _wake(self) -> None:
        self._tasks.start(self._round(), "indexer")

    async def _round(self) -> None:
        try:
            count = await self._traced("indexer", self._index_what_is_due())
            self._rounds += 1
            if self._rounds % ROUNDS_TO_PRUNE == 0:
                await self.prune()
        except SoraError as error:
            # A mailbox that is in hand stays claimed, and so is left alone for some time.
            self._trouble.has(error)
        else:
            self._trouble.is_over()
            if count:
                self.log.info("indexed {count} messages for search", count=count)
        finally:
            if self.running:
                self._sleep()

    # ------------------------------------------------------------ one mailbox

    async def _index(self, mailbox: Unindexed) -> int:
        total, after = 0, mailbox.indexed_uid
        while not self._is_stopping:
            draft = await self._read(mailbox.mailbox_id, after)
            if draft.count < self._least and not draft.is_full:
                break
            rows = await self._threads.run(draft.rows)
            segment = Segment(after, draft.first_uid, draft.last_uid, draft.replies, rows)
            if not await self._indexing.add(mailbox, segment):
                break
            total, after = total + draft.count, draft.last_uid
        await self._indexing.release(mailbox.mailbox_id)
        return total

    async def _read(self, mailbox_id: int, after: int) -> "_Draft":
        draft = _Draft(after, self._most_octets)
        while draft.count < self._most and not draft.is_full and not self._is_stopping:
            texts = await self._indexing.texts(
                mailbox_id, draft.last_uid, min(BATCH, self._most - draft.count), BATCH_OCTETS
            )
            if not texts:
                break
            await self._threads.run(draft.add, texts)
            await pause(self._clock, REST)
        return draft


@define
class _Draft:
    """A segment in the making."""

    last_uid: int
    most_octets: int
    count: int = 0
    replies: list[int] = field(factory=list)
    is_full: bool = False
    _index: WordIndex = field(factory=WordIndex)

    @property
    def first_uid(self) -> int:
        return self._index.first_uid

    def add(self, texts: Sequence[SearchText]) -> None:
        for text in texts:
            if not self._index.takes(text.uid):
                self.is_full = True
                return
            self._index.add(text.uid, text.header, text.body)
            self.count, self.last_uid = self.count + 1, text.uid
            _, found, subject = text.header.partition("\nsubject:")
            if found and is_reply(subject.partition("\n")[0]):
                self.replies.append(text.uid)
        self.is_full = self._index.octets >= self.most_octets

    def rows(self) -> list[WordRow]:
        return list(self._index.rows())
