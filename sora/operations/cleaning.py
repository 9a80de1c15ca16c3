"""What an operator can do with the cleaner."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen

from sora.storage.interfaces import ICleaning, IDeletions
from sora.storage.rows import CleaningRound, CleaningStatus, DeletionRun, Removed
from sora.workers.cleaner import Cleaned, Cleaner, Graces, IsOver

_AGES: Final = timedelta(days=50 * 365)
"""for which nobody is deleted whose grace an operator has not ended (`IAccounts.purge`)"""
_PART: Final = 1000
"""messages that are removed at once"""


@frozen
class KeptRun:
    """An unusual run of deletions; its first messages can be restored until this time at least."""

    run: DeletionRun
    kept_until: datetime


@frozen
class CleaningOperations:
    """What waits to be removed, and a round that is done now. `open_cleaner` gives the cleaner,
    with its object stores; `seconds` is the clock."""

    cleaning: ICleaning
    graces: Graces
    open_cleaner: Callable[[], Awaitable[Cleaner]]
    deletions: IDeletions
    seconds: Callable[[], float]

    async def status(self) -> CleaningStatus:
        """What waits to be removed. Raises Unavailable."""
        status: CleaningStatus = await self.cleaning.status(
            timedelta(seconds=self.graces.deleted), timedelta(seconds=self.graces.orphans)
        )
        return status

    async def remove_purged(self, told: Callable[[int], None]) -> int:
        """Remove what accounts have whose grace an operator has ended, with themselves; what a
        cleaner removes right now is left to it. `told` hears of messages; gives how many. Raises
        Unavailable."""
        messages = 0
        while True:
            part: Removed | None = await self.cleaning.remove_account(_AGES, _PART)
            if part is None:
                return messages
            messages += part.messages
            told(messages)

    async def rounds(self) -> Sequence[CleaningRound]:
        """The last round of each node."""
        rounds: Sequence[CleaningRound] = await self.cleaning.rounds()
        return rounds

    async def runs(self) -> list[KeptRun]:
        """Unusual runs of deletions of which messages are still kept; the last one first."""
        kept = timedelta(seconds=self.graces.deleted + self.graces.extra)
        since = datetime.fromtimestamp(self.seconds(), UTC) - kept
        found: Sequence[DeletionRun] = await self.deletions.runs(since)
        return [KeptRun(run, run.began_at + kept) for run in found]

    async def run(self, is_over: IsOver = lambda done: False) -> Cleaned:
        """One round, now, or what it does until `is_over`. Raises Unavailable."""
        return await (await self.open_cleaner()).clean(is_over)
