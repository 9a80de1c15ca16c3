"""Which messages are \\Recent (RFC 3501 §2.3.2): each in one session, whatever process that is in.

The flag is not stored (G34). One process at a time has the *turn* in a mailbox, by a word of the
database (`IMailboxes.take_turns`). Only its read-write sessions see messages as \\Recent, each
message the first of them that learns of it. What such sessions have learned of is thus always a
beginning of the mailbox, and one UID says it all. While a process has the turn, nothing is asked
and nothing is written, whatever arrives, and no EXISTS waits. It takes the turn with the statement
by which a SELECT, or somebody who waits for it, reads the mailbox anyway. It gives it back when
the last of these sessions has left, or, when no other process is there, with the mailbox.

New mail that nobody saw is \\Recent for whoever selects the mailbox first, in whatever process,
also after a restart; but sessions that come while another process has the turn are not the first.
So a process whose sessions have not asked for news for `ATTENTION` seconds, while there are some,
gives the turn up: else who looks elsewhere would not find what those have not seen.

What a process that died has told is not known: it may be told once more (§2.3.2: what cannot be
determined counts as recent).
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from twisted.logger import Logger

from sora.deferreds import Tasks
from sora.errors import Unavailable
from sora.storage.interfaces import IMailboxes
from sora.storage.rows import Turn

ATTENTION: Final = 30.0
"""Seconds for which messages may wait for a session of the process that has the turn."""
_MAX_KEPT: Final = 65_536


class Recency:
    """What one process may say of \\Recent in one mailbox."""

    def __init__(self) -> None:
        self.known: int | None = None
        """up to which UID read-write sessions have learned of messages; None is not known"""
        self.waits_since: float | None = None
        """since when there are messages that none of them has learned of"""
        self.is_ignored = False
        """whether they did not come to learn of them"""
        self._is_free = False
        self._turn = 0
        self._ended = 0

    @property
    def is_ours(self) -> bool:
        """Whether this process has the turn."""
        return self._turn > 0

    @property
    def is_known(self) -> bool:
        """Whether what is \\Recent can be told to who takes it from nobody (EXAMINE)."""
        return self._turn > 0 or self._is_free

    def heard(self, turn: Turn | None) -> None:
        """What storage has said; it may be late. A turn that was given back never comes again."""
        if turn is not None and turn.number > max(self._turn, self._ended):
            self._turn, self.known = turn.number, turn.known
            self.waits_since, self.is_ignored = None, False
        elif not self._turn:
            self._is_free = turn is not None
            if turn is not None and turn.number == 0:
                self.known = turn.known

    def learned(self, up_to: int) -> None:
        """A read-write session has learned of everything up to this UID."""
        self.is_ignored = False
        if self._turn:
            self.known = max(self.known or 0, up_to)
            self.waits_since = None

    def end(self) -> Turn:
        """The turn is over; gives what storage has to hear."""
        ended = Turn(self._turn, self.known)
        self._ended, self._turn = self._turn, 0
        self._is_free, self.waits_since = True, None
        return ended


class Turns:
    """The turns of this process. What ended is told to storage in the background, and told again
    as long as storage cannot be reached."""

    log = Logger()

    def __init__(self, mailboxes: IMailboxes, process_id: UUID, tasks: Tasks) -> None:
        self.process_id = process_id
        self._mailboxes = mailboxes
        self._tasks = tasks
        self._all: WeakValueDictionary[int, Recency] = WeakValueDictionary()
        self._kept: OrderedDict[int, Recency] = OrderedDict()
        self._ours: dict[int, Recency] = {}
        self._ended: dict[int, Turn] = {}
        self._is_telling = False

    def of(self, mailbox_id: int) -> Recency:
        """What is known of one mailbox: always the same object, as long as somebody has it."""
        recency = self._all.get(mailbox_id)
        if recency is None:
            recency = self._all[mailbox_id] = Recency()
        return recency

    def heard(self, mailbox_id: int, turn: Turn | None) -> Recency:
        """What storage has said of a mailbox."""
        recency = self.of(mailbox_id)
        recency.heard(turn)
        if recency.is_ours:
            self._ours[mailbox_id] = recency
        return recency

    @property
    def ours(self) -> list[int]:
        """The mailboxes in which this process has the turn."""
        return list(self._ours)

    def last_known(self, mailbox_id: int) -> int | None:
        """Up to which UID sessions of this process have learned of messages; None if there was
        none lately."""
        recency = self._all.get(mailbox_id)
        return None if recency is None else recency.known

    # -------------------------------------------------------------- taking and giving

    async def take(self, mailbox_ids: Iterable[int]) -> None:
        """Take the turns that are free. At most one round trip."""
        wanted = [
            one for one in mailbox_ids if not self.of(one).is_ours and not self._all[one].is_ignored
        ]
        if wanted:
            turns = await self._mailboxes.take_turns(wanted, self.process_id)
            for mailbox_id, turn in turns.items():
                self.heard(mailbox_id, turn)

    def end(self, mailbox_id: int) -> None:
        """Give the turn in a mailbox back, if it is ours."""
        recency = self._ours.pop(mailbox_id, None)
        if recency is None:
            return
        self._ended[mailbox_id] = recency.end()
        self._kept[mailbox_id] = recency
        self._kept.move_to_end(mailbox_id)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        self.tell()

    def tell(self) -> None:
        """Tell storage what ended, if it does not know yet."""
        if self._ended and not self._is_telling:
            self._is_telling = True
            self._tasks.start(self._tell(), "give turns back")

    async def _tell(self) -> None:
        try:
            while self._ended:
                ended, self._ended = self._ended, {}
                try:
                    await self._mailboxes.end_turns(ended, self.process_id)
                except Unavailable as error:
                    self._ended = {**ended, **self._ended}
                    self.log.info("turns cannot be given back now: {error}", error=error.text)
                    return
        finally:
            self._is_telling = False
