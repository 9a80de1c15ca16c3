"""What `sora-admin sieve filter` works with: the mailboxes of a database and the bodies of its
store, opened when they are needed."""

from random import SystemRandom
from time import thread_time
from typing import Any
from uuid import uuid4

from attrs import evolve
from prometheus_client import CollectorRegistry

from sora.app.database import database_id
from sora.app.filtering import SEPARATOR, settings_of
from sora.app.sharing import shared_namespace
from sora.app.storage import body_storage
from sora.app.tree import OrderedServices
from sora.config.config import Config
from sora.mailbox.filtering import FilterRooms, Filters
from sora.mailbox.folders import FolderRooms
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.scripts import Compiler
from sora.operations.sieve_filter import SieveFiltering
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.cleaning import Cleaning
from sora.storage.postgres.database import Database
from sora.storage.postgres.indexing import Indexing
from sora.storage.postgres.mailboxes import Mailboxes
from sora.storage.postgres.messages import Messages
from sora.storage.postgres.metadata import Metadata
from sora.storage.postgres.rights import RightsTable
from sora.storage.postgres.scripts import Scripts
from sora.storage.postgres.uploads import Uploads
from sora.storage.rows import Operation
from sora.threads import Threads

PATIENCE = 10.0
"""seconds that the store may take to stop"""


class FilteringOpener:
    """Opens it at most once, and closes it before the database."""

    def __init__(
        self, config: Config, compiler: Compiler, database: Database, reactor: Any
    ) -> None:
        self._config = config
        self._compiler = compiler
        self._database = database
        self._reactor = reactor
        self._services: OrderedServices | None = None

    async def open(self) -> SieveFiltering:
        """What filters stored mail. Raises Unavailable."""
        # The cache of a server is that server's own.
        config = evolve(self._config, cache=evolve(self._config.cache, path=""))
        database, reactor = self._database, self._reactor
        messages, mailboxes = Messages(database, reactor), Mailboxes(database, reactor)
        storage = body_storage(
            config,
            await database_id(database),
            messages=messages,
            uploads=Uploads(database),
            cleaning=Cleaning(database),
            indexing=Indexing(database),
            reactor=reactor,
            random=SystemRandom(),
            registry=CollectorRegistry(),
        )
        threads = Threads(reactor, 1, "scripts")
        self._services = services = OrderedServices(reactor, PATIENCE)
        for service in (*storage.stores, threads):
            services.addService(service)
        await services.startService()
        rights = RightsTable(database, reactor, config.s3.dedup)  # type: ignore[arg-type]
        filters = FilterRooms(
            compiler=self._compiler,
            scripts=Scripts(database),
            messages=messages,
            metadata=Metadata(database),
            rights=rights,
            threads=threads,
            clock=reactor,
            cpu=thread_time,
            limits=self._compiler.limits,
            separator=SEPARATOR,
            settings=settings_of(config.sieve),
        )
        folders = FolderRooms(
            mailboxes,
            OpenMailboxes(mailboxes, reactor, process_id=uuid4()),
            Owners(rights, reactor),
            uuid4,
            shared_namespace(config.shared_mailboxes),
        )
        return SieveFiltering(
            accounts=Accounts(database, config.s3.dedup),  # type: ignore[arg-type]
            mailboxes=mailboxes,
            messages=messages,
            filters=Filters(filters),
            folders=folders,
            bodies=storage.bodies,
            new_operation=_new_operation,
        )

    async def close(self) -> None:
        """Stop it, and close the database's connections."""
        services, self._services = self._services, None
        if services is not None:
            await services.stopService()
        await self._database.pool.close()


def _new_operation() -> Operation:
    return Operation(uuid4(), actor="operator", protocol="sora-admin")
