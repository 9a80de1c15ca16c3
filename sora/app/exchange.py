"""What `import-` and `export-` commands of `sora-admin` work with, opened when they are needed."""

from collections.abc import Callable
from random import SystemRandom
from typing import Any
from uuid import uuid4

from attrs import frozen

from sora.app.stored import StoredBodies
from sora.app.tables import Tables
from sora.config.config import Config
from sora.exchange.exporter import ExportRooms
from sora.exchange.importing import ImportRooms
from sora.mailbox.scripts import ScriptStore
from sora.operations.exporting import ExportOperations
from sora.operations.importing import ImportOperations
from sora.operations.owners import OwnerLookup
from sora.storage.rows import Operation
from sora.threads import Threads

FILE_THREADS = 4
"""threads that read and write files of maildirs"""


@frozen
class ExchangeOpener:
    """Makes it when a command wants it."""

    config: Config
    owners: OwnerLookup
    scripts: ScriptStore
    tables: Tables
    reactor: Any
    stored: StoredBodies
    new_operation: Callable[[], Operation]

    async def open_export(self) -> ExportOperations:
        """What exports. Raises Unavailable."""
        storage = await self.stored.open()
        rooms = ExportRooms(self.tables.mailboxes, self.tables.messages, storage.bodies)
        return ExportOperations(self.owners, rooms)

    async def open(self) -> ImportOperations:
        """What imports. Raises Unavailable."""
        storage = await self.stored.open()
        threads = Threads(self.reactor, FILE_THREADS, "files")
        await self.stored.start(threads)
        rooms = ImportRooms(
            importing=self.tables.importing,
            mailboxes=self.tables.mailboxes,
            messages=self.tables.messages,
            arrivals=storage.arrivals,
            new_operation=self.new_operation,
            new_uuid=uuid4,
            clock=self.reactor,
            random=SystemRandom(),
        )
        limit = self.config.limits.max_message_size
        return ImportOperations(self.owners, rooms, self.scripts, threads, limit)
