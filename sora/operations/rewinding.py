"""What a mailbox was at a time, from what it is now and what has happened since.

Events are taken in their order. A message that was there then is named by the UID that it had
then: it may be there under that UID, be gone, or have come back under another one, and that several
times over. Only what changed is remembered: a large mailbox in which little happened costs
little.
"""

from collections.abc import Iterable
from typing import Final

from sora.errors import BadArgument, TooMany
from sora.storage.rows import EventKind, Happened

MOST: Final = 1_000_000
"""changes of single messages"""
_CAME: Final = (EventKind.ARRIVED, EventKind.COPIED_IN, EventKind.MOVED_IN)
_WENT: Final = (EventKind.EXPUNGED, EventKind.MOVED_OUT)


class Rewinding:
    """The differences between a mailbox then and now.

    `now` is the UID that a message has that is not the one that it had then; of one that is in
    `gone` the last one. `was` are the masks of flags of those whose flags changed; of those in
    `unknown` they are not recorded.
    """

    def __init__(self, mailbox_id: int) -> None:
        self.came: set[int] = set()
        self.gone: set[int] = set()
        self.now: dict[int, int] = {}
        self.was: dict[int, int] = {}
        self.unknown: set[int] = set()
        self._then: dict[int, int] = {}
        self._mailbox_id = mailbox_id
        self._changes = 0

    def take(self, event: Happened) -> None:
        """The next event. Raises BadArgument when the mailbox was not there before; TooMany."""
        self._changes += len(event.uids)
        if self._changes > MOST:
            raise TooMany(f"More than {MOST} changes since then: choose a later time")
        if event.kind is EventKind.CREATED:
            raise BadArgument(f"The mailbox was made at {event.at.isoformat(timespec='seconds')}")
        if event.kind in _CAME:
            self.came.update(event.uids)
        elif event.kind in _WENT:
            for uid, then in self._those(event.uids):
                self.gone.add(then)
                self._set_now(then, uid)
        elif event.kind is EventKind.RESTORED:
            self._take_restored(event)
        elif event.kind is EventKind.FLAGS:
            self._take_flags(event)

    def uid_now(self, then: int) -> int:
        """The UID that a message has now, or had last, by the one that it had then."""
        return self.now.get(then, then)

    def is_new(self, uid: int) -> bool:
        """Whether what has this UID now had none then, or another one."""
        return uid in self.came or uid in self._then

    def _those(self, uids: Iterable[int]) -> "Iterable[tuple[int, int]]":
        """UIDs of messages that were there then, and those that they had then."""
        for uid in uids:
            then = self._then.get(uid, uid)
            if then not in self.came:
                yield uid, then

    def _set_now(self, then: int, uid: int) -> None:
        if uid != then:
            self.now[then] = uid
            self._then[uid] = then

    def _take_restored(self, event: Happened) -> None:
        sources = event.detail.sources
        if event.detail.other != self._mailbox_id or len(sources) != len(event.uids):
            self.came.update(event.uids)
            return
        for uid, source in zip(event.uids, sources, strict=True):
            then = self._then.get(source, source)
            if then in self.gone:
                self.gone.remove(then)
                self._set_now(then, uid)
            else:
                # It was gone then already, or came and went since.
                self.came.add(uid)

    def _take_flags(self, event: Happened) -> None:
        recorded = set()
        for mask, uids in event.detail.was:
            for uid, then in self._those(uids):
                recorded.add(uid)
                if then not in self.unknown:
                    self.was.setdefault(then, mask)
        for uid, then in self._those(event.uids):
            if uid not in recorded and then not in self.was:
                self.unknown.add(then)
