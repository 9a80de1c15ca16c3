"""A stock of reserved names for objects that are written before their message is placed.

The row of an object exists before the object does, so that an orphan is a row and never a
surprise in a directory. Reserving takes a round trip; a stock of names, filled up in the
background, takes it off the way of a delivery.
"""

from collections import deque
from typing import Final
from uuid import UUID

from twisted.internet.interfaces import IReactorTime

from sora.deferreds import Tasks
from sora.storage.interfaces import IUploads

Name = tuple[UUID, float]
"""A reserved name, and when it was reserved."""

STOCK: Final = 64
MAX_AGE: Final = 6 * 3600.0
"""Seconds after which a name is not used any more: a reservation lasts a day (IUploads.reserve),
and its object must be bound long before."""


class Reserve:
    """Reserved names of one store."""

    def __init__(self, uploads: IUploads, store: str, clock: IReactorTime, tasks: Tasks) -> None:
        self.store = store
        self._uploads = uploads
        self._clock = clock
        self._tasks = tasks
        self._names: deque[Name] = deque()
        self._is_filling = False

    def __len__(self) -> int:
        return len(self._names)

    async def take(self) -> Name:
        """A name, and when it was reserved. Raises Unavailable when there is none to be had."""
        oldest = self._clock.seconds() - MAX_AGE
        while self._names and self._names[0][1] < oldest:
            self._names.popleft()
        if not self._names:
            await self._fill()
        name = self._names.popleft()
        if len(self._names) < STOCK // 2 and not self._is_filling:
            self._is_filling = True
            self._tasks.start(self._fill_up(), "reserving names of objects")
        return name

    def give_back(self, name: Name) -> None:
        """A name whose object was not bound, and is removed."""
        self._names.appendleft(name)

    async def _fill_up(self) -> None:
        try:
            await self._fill()
        finally:
            self._is_filling = False

    async def _fill(self) -> None:
        reserved = self._clock.seconds()
        names = await self._uploads.reserve(self.store, STOCK)
        self._names.extend((name, reserved) for name in names)
