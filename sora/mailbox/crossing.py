"""Between accounts that store their mail apart (`[s3] dedup`): the bytes go first.

COPY and MOVE make rows, and are one transaction (G39). Where the two accounts share no contents,
that transaction needs each content in both places, and says so (`StoredApart`). Then the bytes are
read here and stored again there, as contents that no message has yet, and the transaction is tried
again. Whatever fails on the way, nothing was copied and nothing is lost: what was stored for
nothing is left to the cleaner, whose grace is longer than any command takes.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from attrs import frozen

from sora.errors import StoredApart, Unavailable
from sora.mail.numbers import NumberSet
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IMessages
from sora.storage.rows import BodyPlace, Read, Want

BATCH: Final = 1000
_ATTEMPTS: Final = 3
_PLACE: Final = frozenset({Want.BODY})

T = TypeVar("T")


@frozen
class Crossing:
    """What bytes are carried with; one for the whole process. `spool` makes a place for the
    bytes of one message, in bounded memory."""

    messages: IMessages
    bodies: Bodies
    arrivals: Arrivals
    spool: Callable[[], Spool] = Spool

    async def attempt(
        self,
        transfer: Callable[[], Awaitable[T]],
        mailbox_id: int,
        uids: Sequence[int],
        scope_id: int,
    ) -> T:
        """Do a transfer of messages to an account of a scope; carry what it lacks, and do it
        again. Raises Unavailable when a body cannot be read now (G8)."""
        for _ in range(_ATTEMPTS):
            try:
                return await transfer()
            except StoredApart:
                await self._carry(mailbox_id, uids, scope_id)
        raise Unavailable("Contents of messages went away while they were copied")

    async def _carry(self, mailbox_id: int, uids: Sequence[int], scope_id: int) -> None:
        """Store in the scope what it has not. Messages that are gone have nothing to carry."""
        carried: set[bytes] = set()
        for start in range(0, len(uids), BATCH):
            which = NumberSet.of(uids[start : start + BATCH])
            read: Read = await self.messages.read(mailbox_id, which, _PLACE)
            for message in read.messages:
                place = message.body
                if place is not None and place.hash not in carried:
                    carried.add(place.hash)
                    await self._carry_one(place, scope_id)

    async def _carry_one(self, place: BodyPlace, scope_id: int) -> None:
        if await self.arrivals.is_known(scope_id, place.hash):
            return
        spool = self.spool()
        try:
            await self.bodies.stream(place, 0, place.size, spool.write)
            if spool.hash != place.hash:
                raise Unavailable("A body is not what it was when it was stored")
            await self.arrivals.prepare(scope_id, spool)
        finally:
            spool.close()
