"""Bodies that wait in the database for their upload, and how many of them may.

A small body comes with the statement that makes its messages; a large one, while the object store
cannot be reached, in pieces before it. How much waits is not asked for with each of them: what this
process adds is counted, and what all have is asked for from time to time.
"""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.deferreds import Tasks
from sora.errors import SoraError, StorageFull
from sora.mailbox.spool import Spool
from sora.storage.interfaces import IUploads
from sora.storage.rows import PIECE

BACKLOG_AGE: Final = 10.0
"""Seconds for which the size of the backlog is taken as known."""
FULL_AGE: Final = 1.0
"""The same while it is over its bound."""


class Staging:
    """The staging tables, in which `total` octets may wait. `poke` is called when there are more:
    the uploader has work."""

    log = Logger()

    def __init__(
        self,
        uploads: IUploads,
        clock: IReactorTime,
        tasks: Tasks,
        *,
        total: int,
        poke: Callable[[], None] | None,
    ) -> None:
        self._uploads = uploads
        self._clock = clock
        self._tasks = tasks
        self._total = total
        self._poke = poke
        self._backlog = 0
        self._asked: float | None = None

    async def check_room(self, size: int) -> None:
        """Raises StorageFull when the staging tables would grow over their bound.

        How much waits is asked for in the background, and only waited for near the bound.
        """
        now = self._clock.seconds()
        is_over = self._backlog + size > self._total
        if self._asked is None or now - self._asked > (FULL_AGE if is_over else BACKLOG_AGE):
            self._asked = now
            asking = self._tasks.start(
                self._ask_backlog(), "asking for the upload backlog", awaited=is_over
            )
            if is_over:
                await asking
        if self._backlog + size > self._total:
            raise StorageFull(
                f"{self._backlog} octets wait for the object store, which is all that may"
                " ([upload] staging_total); try again later"
            )

    async def in_pieces(self, scope_id: int, spool: Spool) -> int:
        """Stage a body of its own, for a content that is pending until `place` names it: its id.
        A round trip for each piece. Raises StorageFull, Unavailable."""
        await self.check_room(spool.size)
        content_id: int | None = None
        number = 0
        body = spool.open()
        try:
            while piece := body.read(PIECE):
                content_id = await self._uploads.stage_piece(
                    scope_id, spool.hash, spool.size, content_id, number, piece
                )
                number += 1
        finally:
            body.close()
        assert content_id is not None, "an empty body is never too large"
        return content_id

    def grew(self, octets: int) -> None:
        """So many more wait now."""
        self._backlog += octets
        if self._poke is not None:
            self._poke()

    async def _ask_backlog(self) -> None:
        try:
            self._backlog = (await self._uploads.backlog()).octets
        except SoraError as error:
            self.log.info("the upload backlog is not known: {error}", error=error.text)
