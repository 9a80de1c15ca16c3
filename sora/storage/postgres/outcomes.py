"""What a write did when its answer was lost (G14).

A write is never repeated blindly. Its operation's id stands in `events`, one row for each
mailbox that it changed, written in its own transaction: a row that is there proves that the
transaction was committed, and says what it did. The transaction may still be running, since
PostgreSQL notices a lost client only when it has something to send: so the read-back waits for
the locks that it would hold, and looks again a few times. What is not found then stays unknown.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import OutcomeUnknown, Unavailable
from sora.mail.numbers import NumberSet
from sora.retry import pause
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.packing import number_set
from sora.storage.rows import EventKind

PAUSES: Final = (0.0, 0.05, 0.25, 1.0)
"""Seconds before each look."""
PATIENCE: Final = 5.0
"""Seconds that one look waits for locks."""


@frozen
class Event:
    """A row of `events`, as far as it tells what an operation did."""

    mailbox_id: int
    modseq: int
    before: int
    kind: int
    uids: NumberSet
    detail: dict[str, object]


class Outcomes:
    """Looks for what an operation did."""

    log = Logger()

    def __init__(self, database: Database, clock: IReactorTime) -> None:
        self._database = database
        self._clock = clock

    async def events(
        self,
        operation: UUID,
        mailbox_ids: Sequence[int] = (),
        *,
        account_id: int | None = None,
        unknown: OutcomeUnknown,
    ) -> list[Event]:
        """The events of an operation, ascending by modseq: at least one.

        Looked for in these mailboxes, and in all of the account. Raises `unknown` when there is
        no proof that the operation happened.
        """

        async def look(tx: Tx) -> list[Event]:
            rows = await tx.all(
                "select mailbox, modseq, before, kind, uids, detail"
                " from outcome_v1(%s, %s::bigint[], %s)",
                (account_id, list(mailbox_ids), str(operation)),
            )
            return [
                Event(box, modseq, before, kind, number_set(uids), detail or {})
                for box, modseq, before, kind, uids, detail in rows
            ]

        for delay in PAUSES:
            await pause(self._clock, delay)
            try:
                found = await self._database.run("outcome", look, write=False, timeout=PATIENCE)
            except Unavailable as error:
                self.log.info("An outcome cannot be read back yet: {reason}", reason=error.text)
                continue
            if found:
                self.log.info("An operation whose answer was lost has happened")
                return found
        raise unknown


def of_kind(events: Sequence[Event], *kinds: EventKind) -> Event | None:
    """The first event of one of these kinds."""
    return next((event for event in events if event.kind in kinds), None)
