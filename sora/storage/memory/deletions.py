"""Unusual runs of deletions, in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from math import ceil

from attrs import evolve, frozen
from zope.interface import implementer

from sora.storage.interfaces import IDeletions
from sora.storage.memory.records import ExpungedRecord
from sora.storage.memory.store import MemoryStore, operation
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
        boxes = [
            box
            for box in tables.mailboxes.values()
            if box.deleted_at and box.deleted_at <= until and box.messages and not box.is_counted
        ]
        deleted = [(self._account(gone), gone.expunged_at, 1) for gone in new]
        deleted += [
            (box.account_id, box.deleted_at, len(box.messages)) for box in boxes if box.deleted_at
        ]
        for gone in new:
            gone.is_counted = True
        for box in boxes:
            box.is_counted = True
        counts: Counter[int] = Counter()
        for account, at, count in deleted:
            counts[account] += count
            key = account, at.astimezone(UTC).date()
            tables.deletions[key] = tables.deletions.get(key, 0) + count
        begun = [self._judge(account, counts[account], until, unusual) for account in counts]
        return LookedAt(counts.total(), tuple(run for run in begun if run is not None))

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
                    self._extend_mailboxes(run, extra)
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

    def _extend_mailboxes(self, run: DeletionRun, extra: timedelta) -> None:
        for box in self.tables.mailboxes.values():
            at = box.deleted_at
            is_new = box.account_id == run.account_id and box.extended_from is None
            if at is not None and is_new and run.began_at <= at <= run.last_at:
                box.extended_from = at + extra

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
    return gone.kind == "expunged"
