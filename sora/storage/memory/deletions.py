"""Unusual runs of deletions, in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from math import ceil

from attrs import evolve, frozen
from zope.interface import implementer

from sora.storage.interfaces import IDeletions
from sora.storage.memory.store import ExpungedRecord, MemoryStore, operation
from sora.storage.rows import HABIT_DAYS, LEAST_SHARE, DeletionRun, LookedAt, Unusual

_DAY = timedelta(days=1)


@implementer(IDeletions)
@frozen
class MemoryDeletions:
    """`IDeletions` in dicts. A look goes to the end at once."""

    tables: MemoryStore

    @operation
    def look(self, unusual: Unusual, limit: int, settled: timedelta) -> LookedAt:
        """See `IDeletions.look`."""
        tables, until = self.tables, self.tables.now() - settled
        new = [
            gone
            for gone in tables.expunged
            if not gone.is_counted and _counts(gone) and gone.expunged_at <= until
        ]
        counts = Counter(self._account(gone) for gone in new)
        for gone in new:
            gone.is_counted = True
            key = self._account(gone), gone.expunged_at.astimezone(UTC).date()
            tables.deletions[key] = tables.deletions.get(key, 0) + 1
        begun = [self._judge(account, counts[account], until, unusual) for account in counts]
        return LookedAt(len(new), tuple(run for run in begun if run is not None))

    @operation
    def extend(self, extra: timedelta, limit: int) -> int:
        """See `IDeletions.extend`."""
        for runs in self.tables.deletion_runs.values():
            for place, run in enumerate(runs):
                if run.extended:
                    continue
                going = [gone for gone in self.tables.expunged if self._is_of(gone, run)][:limit]
                for gone in going:
                    gone.extended_from = gone.expunged_at + extra
                if not going:
                    runs[place] = evolve(run, extended=True)
                return len(going) or 1
        return 0

    @operation
    def runs(self, since: datetime) -> Sequence[DeletionRun]:
        """See `IDeletions.runs`."""
        found = [
            run
            for runs in self.tables.deletion_runs.values()
            for run in runs
            if run.last_at >= since or run.noticed_at >= since
        ]
        return sorted(found, key=lambda run: (-run.last_at.timestamp(), run.account_id))

    # ------------------------------------------------------------ parts

    def _account(self, gone: ExpungedRecord) -> int:
        return self.tables.mailboxes[gone.mailbox_id].account_id

    def _is_of(self, gone: ExpungedRecord, run: DeletionRun) -> bool:
        is_whose = _counts(gone) and self._account(gone) == run.account_id
        is_new = gone.extended_from is None
        return is_whose and is_new and run.began_at <= gone.expunged_at <= run.last_at

    def _judge(
        self, account_id: int, count: int, until: datetime, unusual: Unusual
    ) -> DeletionRun | None:
        """The run that is new, if there is one; one that goes on is noted."""
        tables = self.tables
        days = {day: n for (account, day), n in tables.deletions.items() if account == account_id}
        last = max(days)
        recent = sum(n for day, n in days.items() if day >= last - _DAY)
        first, end = (last - days_ * _DAY for days_ in HABIT_DAYS)
        habit = max((n for day, n in days.items() if first <= day <= end), default=0)
        remaining = sum(len(each.messages) for each in tables.mailboxes_of(account_id))
        share = max(LEAST_SHARE, ceil(unusual.share * (recent + remaining)))
        if recent <= unusual.factor * habit or recent < min(unusual.messages, share):
            return None
        runs = tables.deletion_runs.setdefault(account_id, [])
        began = datetime.combine(last - _DAY, time(), UTC)
        if runs and runs[-1].last_at >= began:
            messages = runs[-1].messages + count
            runs[-1] = evolve(
                runs[-1], last_at=until, messages=messages, remaining=remaining, extended=False
            )
            return None
        primary = tables.primary(account_id)
        run = DeletionRun(
            account_id=account_id,
            address="" if primary is None else primary.address,
            began_at=began,
            last_at=until,
            messages=recent,
            habit=habit,
            remaining=remaining,
            noticed_at=tables.now(),
            extended=False,
        )
        runs.append(run)
        return run


def _counts(gone: ExpungedRecord) -> bool:
    return gone.kind in ("expunged", "mailbox deleted")
