"""The embedded PostgreSQL, for the reactor: `PostgresServer` in a thread."""

from collections.abc import Callable, Mapping
from pathlib import Path

from twisted.internet.defer import DeferredLock
from twisted.internet.threads import deferToThread

from sora.app.postgres_server import DURABLE, PostgresServer
from sora.storage.postgres.connection import Server


class EmbeddedPostgres:
    """A PostgreSQL in `directory`, started or adopted, and stopped at the end.

    `say` hears what is being done, in the reactor's thread or another.
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: Mapping[str, str] = DURABLE,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._server = PostgresServer(Path(directory), settings, say)
        self._lock = DeferredLock()

    @property
    def server(self) -> Server:
        """How to connect, once it is started."""
        return self._server.server()

    @property
    def adopted(self) -> bool:
        """Whether it ran already."""
        return self._server.adopted

    async def start(self) -> Server:
        """Have it running. Raises PostgresRefused, whose text says what to do."""
        await self._lock.run(deferToThread, self._server.start)
        return self.server

    async def stop(self) -> None:
        """Stop it, and wait until it has ended. Also before or while it starts."""
        await self._lock.run(deferToThread, self._server.stop)
