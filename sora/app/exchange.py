"""What imports and exports, for a process that serves, and for commands of `sora-admin`, which open
it when they need it."""

from collections.abc import Callable
from random import SystemRandom
from typing import Any
from uuid import uuid4

from attrs import frozen

from sora.app.storage import BodyStorage
from sora.app.stored import StoredBodies
from sora.app.tables import Tables
from sora.config.config import Config
from sora.exchange.exporter import ExportRooms
from sora.exchange.importing import ImportRooms
from sora.mailbox.scripts import ScriptStore
from sora.operations.downloading import DownloadOperations
from sora.operations.exchange_places import ExchangePlaces
from sora.operations.exporting import ExportOperations
from sora.operations.importing import ImportOperations
from sora.operations.owners import OwnerLookup
from sora.storage.rows import Operation
from sora.threads import Threads

FILE_THREADS = 4
"""threads that read and write files of maildirs"""


@frozen
class Exchange:
    """What imports and exports in a process that serves, and where from and to."""

    importing: ImportOperations
    exporting: ExportOperations
    downloading: DownloadOperations
    places: ExchangePlaces


def exchange_here(
    config: Config,
    owners: OwnerLookup,
    scripts: ScriptStore,
    tables: Tables,
    storage: BodyStorage,
    files: Threads,
    *,
    reactor: Any,
    new_operation: Callable[[], Operation],
) -> Exchange:
    """On what runs in this process anyway; `files` are threads that read and write files."""
    rooms = _import_rooms(tables, storage, reactor, new_operation)
    limit = config.limits.max_message_size
    out = _export_rooms(tables, storage, files)
    return Exchange(
        ImportOperations(owners, rooms, scripts, files, limit),
        ExportOperations(owners, out),
        DownloadOperations(owners, out, reactor.seconds),
        ExchangePlaces(config.admin.exchange_directories, files),
    )


def file_threads(reactor: Any) -> Threads:
    """Threads that read and write files of maildirs. They are not started."""
    return Threads(reactor, FILE_THREADS, "files")


def _export_rooms(tables: Tables, storage: BodyStorage, files: Threads) -> ExportRooms:
    return ExportRooms(tables.mailboxes, tables.messages, storage.bodies, files)


def _import_rooms(
    tables: Tables, storage: BodyStorage, reactor: Any, new_operation: Callable[[], Operation]
) -> ImportRooms:
    return ImportRooms(
        importing=tables.importing,
        mailboxes=tables.mailboxes,
        messages=tables.messages,
        arrivals=storage.arrivals,
        new_operation=new_operation,
        new_uuid=uuid4,
        clock=reactor,
        random=SystemRandom(),
    )


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
        storage, threads = await self._opened()
        return ExportOperations(self.owners, _export_rooms(self.tables, storage, threads))

    async def open(self) -> ImportOperations:
        """What imports. Raises Unavailable."""
        storage, threads = await self._opened()
        rooms = _import_rooms(self.tables, storage, self.reactor, self.new_operation)
        limit = self.config.limits.max_message_size
        return ImportOperations(self.owners, rooms, self.scripts, threads, limit)

    async def _opened(self) -> tuple[BodyStorage, Threads]:
        storage = await self.stored.open()
        threads = file_threads(self.reactor)
        await self.stored.start(threads)
        return storage, threads
