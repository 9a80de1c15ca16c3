"""What waits to be removed, what was removed, and who deleted far more than usually."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import asdict, frozen

from sora.operations.cleaning import KeptRun
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.storage.rows import CleaningRound, Overdue
from sora.workers.tasks import TaskCancelled, Told


@frozen
class Removable:
    """What could be removed now; nothing is counted beyond 100,000."""

    count: int = said("How many.", minimum=0)
    oldest: int = said("For how many seconds the oldest could have been removed.", minimum=0)


@frozen
class Round:
    """The last round of a node's cleaner."""

    node: str = said("The node; `sora-admin` for the command line.")
    began: datetime = said("When it began.")
    ended: datetime = said("When it ended.")
    done: dict[str, int] = said("What it removed, by kind.")
    error: str = said("Why it ended early; empty when it did not.")


@frozen
class CleanerStatus:
    """What waits to be removed, for all nodes together."""

    messages: Removable = said("Expunged messages past their grace.")
    mailboxes: Removable = said("Deleted mailboxes past theirs.")
    accounts: Removable = said("Deleted accounts past theirs.")
    contents: Removable = said("Octets that lost a message, and have to be looked at.")
    objects: Removable = said("Objects that are to be deleted from their stores.")
    octets: int = said("The octets of these objects.", minimum=0)
    stores: tuple[str, ...] = said("Where they are.")
    deleted_mailboxes: int = said("Deleted mailboxes, within their grace or past it.", minimum=0)
    deleted_accounts: int = said("Deleted accounts, within their grace or past it.", minimum=0)
    history_from: datetime | None = said(
        "Since when the history of changes is whole; null: since the beginning."
    )
    rounds: tuple[Round, ...] = said("The last round of each node.")


@frozen
class DeletionRun:
    """An account that deleted far more than is its habit. It is kept longer."""

    account: str = said("The primary address of the account.")
    began: datetime = said("From when on what it deleted is kept longer.")
    last: datetime = said("Until when the run went on, as far as is known.")
    messages: int = said("Messages that it deleted.", minimum=0)
    habit: int = said("The most that it deleted in one day before.", minimum=0)
    remaining: int = said("Messages that it had left.", minimum=0)
    noticed: datetime = said("When it was noticed.")
    kept_until: datetime = said("Until then at least all of it can be restored.")


@frozen
class DeletionRuns:
    """Unusual runs of deletions, the last one first; 1,000 at most."""

    items: tuple[DeletionRun, ...] = said("The runs.")


def _waiting(overdue: Overdue) -> Removable:
    return Removable(count=overdue.count, oldest=round(overdue.age))


def _round(row: CleaningRound) -> Round:
    return Round(
        node=row.node,
        began=row.began_at,
        ended=row.ended_at,
        done=dict(row.done),
        error=row.error,
    )


def _run_of(kept: KeptRun) -> DeletionRun:
    run = kept.run
    return DeletionRun(
        account=run.address,
        began=run.began_at,
        last=run.last_at,
        messages=run.messages,
        habit=run.habit,
        remaining=run.remaining,
        noticed=run.noticed_at,
        kept_until=kept.kept_until,
    )


async def _status(nouns: Nouns, call: Call) -> CleanerStatus:
    status = await nouns.cleaning.status()
    return CleanerStatus(
        messages=_waiting(status.messages),
        mailboxes=_waiting(status.mailboxes),
        accounts=_waiting(status.accounts),
        contents=_waiting(status.contents),
        objects=_waiting(status.objects),
        octets=status.octets,
        stores=status.stores,
        deleted_mailboxes=status.deleted_mailboxes,
        deleted_accounts=status.deleted_accounts,
        history_from=status.history_from,
        rounds=tuple(map(_round, await nouns.cleaning.rounds())),
    )


async def _clean(nouns: Nouns, call: Call) -> Task:
    async def job(told: Told) -> Mapping[str, Any]:
        def is_over(done: Mapping[str, int]) -> bool:
            try:
                told(None, **done)
            except TaskCancelled:
                return True
            return False

        cleaned = asdict(await nouns.cleaning.run(is_over))
        told(1.0, **cleaned)
        return cleaned

    about = "do a round of the cleaner"
    return await begun(nouns, call, "cleaner", about, job)


async def _runs(nouns: Nouns, call: Call) -> DeletionRuns:
    return DeletionRuns(items=tuple(map(_run_of, await nouns.cleaning.runs())))


_endpoint = partial(Endpoint, group="cleaner")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/cleaner/status",
        name="showCleaner",
        summary="Show what waits to be removed, and the last round of each node",
        answer=CleanerStatus,
        run=_status,
    ),
    task_endpoint(
        path="/cleaner/run",
        name="runCleaner",
        summary="Do a round of the cleaner now; a task",
        group="cleaner",
        errors=(),
        run=_clean,
    ),
    _endpoint(
        method="GET",
        path="/cleaner/runs",
        name="listDeletionRuns",
        summary="List accounts that deleted far more than is their habit, while it is kept",
        answer=DeletionRuns,
        run=_runs,
    ),
)
