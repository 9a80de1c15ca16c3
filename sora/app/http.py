"""What the HTTP API works on, put together."""

from collections.abc import Iterable
from typing import Any, Final

from twisted.internet.defer import Deferred

from sora.app.accounts import accounts_on
from sora.app.stores import uploader_operations
from sora.app.tables import Tables
from sora.config.s3 import S3Config
from sora.errors import SoraError
from sora.health import Health
from sora.net.tracker import Session
from sora.operations.cache import CacheOperations
from sora.operations.connections import ConnectionOperations
from sora.operations.database import DatabaseOperations
from sora.operations.health import HealthOperations
from sora.protocols.http.nouns import Nouns
from sora.storage.postgres.database import Database, Tx

REMEMBERED: Final = 1.0
"""seconds for which an answer about readiness holds: who asks often costs nothing"""


def nouns_on(
    tables: Tables,
    sessions: Iterable[Session],
    s3: S3Config,
    health: Health | None,
    cache: CacheOperations,
) -> Nouns:
    """The operations on a database, and on the connections, health and cache of this process."""
    parts = accounts_on(tables)
    return Nouns(
        accounts=parts.accounts,
        credentials=parts.credentials,
        quota=parts.quota,
        connections=ConnectionOperations(lambda: sessions),
        cache=cache,
        database=DatabaseOperations(tables.upkeep),
        uploader=uploader_operations(s3, tables),
        health=HealthOperations(lambda: health),
    )


class Readiness:
    """Whether this process can serve: its database answers in time. One question at a time, however
    many ask."""

    def __init__(self, database: Database, clock: Any, timeout: float) -> None:
        self._database = database
        self._clock = clock
        self._timeout = timeout
        self._asking: list[Deferred[bool]] | None = None
        self._answer = False
        self._until = float("-inf")

    async def __call__(self) -> bool:
        """Whether it is ready."""
        if self._clock.seconds() < self._until:
            return self._answer
        if self._asking is not None:
            waiting: Deferred[bool] = Deferred()
            self._asking.append(waiting)
            return await waiting
        self._asking = []
        try:
            await self._database.run("ready", _select_one, write=False, timeout=self._timeout)
            self._answer = True
        except SoraError:
            self._answer = False
        finally:
            self._until = self._clock.seconds() + REMEMBERED
            asking, self._asking = self._asking, None
            for waiting in asking:
                waiting.callback(self._answer)
        return self._answer


async def _select_one(tx: Tx) -> None:
    await tx.value("SELECT 1")
