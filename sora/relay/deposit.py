"""A queue that is only written to: for a command that puts mail into it and ends.

It takes a lane of its own; when it has ended, a Sora that runs on the same directory finds that
nobody has the lane any more, and sends what is there.
"""

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from zope.interface import implementer

from sora.deferreds import deferred
from sora.relay.interfaces import Content, Held, IRelay, Outgoing
from sora.relay.queue import RelayQueue


@implementer(IRelay)
class Deposit(Service):
    """Puts mail into the queue, and sends nothing."""

    name = "relay deposit"

    def __init__(self, queue: RelayQueue) -> None:
        self._queue = queue

    def startService(self) -> "Deferred[None]":
        """Take a lane. Raises Unavailable."""
        super().startService()
        return Deferred.fromCoroutine(self._queue.open())

    def stopService(self) -> "Deferred[None]":
        """Leave it to others."""
        super().stopService()
        return Deferred.fromCoroutine(self._queue.close())

    @deferred
    async def hold(self, messages: Sequence[tuple[Outgoing, Content]]) -> Held:
        """See IRelay."""
        return await self._queue.hold(messages)

    @deferred
    async def release(self, held: Held) -> None:
        """See IRelay."""
        await self._queue.release(held)

    @deferred
    async def drop(self, held: Held) -> None:
        """See IRelay."""
        await self._queue.drop(held)

    @deferred
    async def send(self, messages: Sequence[tuple[Outgoing, Content]]) -> None:
        """See IRelay."""
        await self._queue.release(await self._queue.hold(messages))
