"""What an operator can do with the cleaner."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from attrs import frozen

from sora.storage.interfaces import ICleaning
from sora.storage.rows import CleaningRound, CleaningStatus
from sora.workers.cleaner import Cleaned, Cleaner, Graces


@frozen
class CleaningOperations:
    """What waits to be removed, and a round that is done now. `open_cleaner` gives the cleaner,
    with its object stores."""

    cleaning: ICleaning
    graces: Graces
    open_cleaner: Callable[[], Awaitable[Cleaner]]

    async def status(self) -> CleaningStatus:
        """What waits to be removed. Raises Unavailable."""
        status: CleaningStatus = await self.cleaning.status(
            timedelta(seconds=self.graces.deleted), timedelta(seconds=self.graces.orphans)
        )
        return status

    async def rounds(self) -> Sequence[CleaningRound]:
        """The last round of each node."""
        rounds: Sequence[CleaningRound] = await self.cleaning.rounds()
        return rounds

    async def run(self) -> Cleaned:
        """One round, now. Raises Unavailable."""
        return await (await self.open_cleaner()).clean()
