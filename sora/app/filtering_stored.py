"""What `sora-admin sieve filter` works with: the mailboxes of a database and the bodies of its
store, opened when they are needed."""

import os
from random import SystemRandom
from socket import gethostname
from time import thread_time
from typing import Any
from uuid import uuid4

from attrs import evolve
from prometheus_client import CollectorRegistry

from sora.app.database import database_id
from sora.app.filtering import SEPARATOR, settings_of
from sora.app.sharing import shared_namespace
from sora.app.storage import body_storage
from sora.app.tables import Tables
from sora.app.tree import OrderedServices
from sora.config.config import Config
from sora.mailbox.filtering import FilterRooms, Filters
from sora.mailbox.folders import FolderRooms
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.redirecting import Rates
from sora.mailbox.scripts import Compiler
from sora.mailbox.stored import StoredSending
from sora.operations.sieve_filter import SieveFiltering
from sora.relay.deposit import Deposit
from sora.relay.interfaces import RelayOff
from sora.relay.queue import RelayQueue
from sora.storage.rows import Operation
from sora.threads import Threads

PATIENCE = 10.0
"""seconds that the store may take to stop"""


class FilteringOpener:
    """Opens it at most once, and closes it before the database."""

    def __init__(self, config: Config, compiler: Compiler, tables: Tables, reactor: Any) -> None:
        self._config = config
        self._compiler = compiler
        self._tables = tables
        self._reactor = reactor
        self._services: OrderedServices | None = None

    async def open(self, sends: bool = False) -> SieveFiltering:
        """What filters stored mail; `sends`: what scripts redirect is put into the queue of the
        relay. Raises Unavailable, RelayOff."""
        # The cache of a server is that server's own.
        config = evolve(self._config, cache=evolve(self._config.cache, path=""))
        tables, reactor = self._tables, self._reactor
        storage = body_storage(
            config,
            await database_id(tables.database),
            tables,
            reactor=reactor,
            random=SystemRandom(),
            registry=CollectorRegistry(),
        )
        threads = Threads(reactor, 1, "scripts")
        self._services = services = OrderedServices(reactor, PATIENCE)
        deposit = self._deposit(threads) if sends else None
        for service in (*storage.stores, threads, *([] if deposit is None else [deposit])):
            services.addService(service)
        await services.startService()
        filters = FilterRooms(
            compiler=self._compiler,
            scripts=tables.scripts,
            messages=tables.messages,
            metadata=tables.metadata,
            rights=tables.rights,
            threads=threads,
            clock=reactor,
            cpu=thread_time,
            limits=self._compiler.limits,
            separator=SEPARATOR,
            settings=settings_of(config.sieve),
        )
        folders = FolderRooms(
            tables.mailboxes,
            OpenMailboxes(tables.mailboxes, reactor, process_id=uuid4()),
            Owners(tables.rights, reactor),
            uuid4,
            shared_namespace(config.shared_mailboxes),
        )
        return SieveFiltering(
            accounts=tables.accounts,
            mailboxes=tables.mailboxes,
            messages=tables.messages,
            filters=Filters(filters),
            folders=folders,
            bodies=storage.bodies,
            new_operation=_new_operation,
            now=reactor.seconds,
            sending=None
            if deposit is None
            else StoredSending(
                relay=deposit,
                # The operator has asked for it.
                rates=Rates(reactor, 0),
                bodies=storage.bodies,
                random=os.urandom,
                host=gethostname(),
            ),
        )

    def _deposit(self, threads: Threads) -> Deposit:
        relay = self._config.relay
        if not relay.type:
            raise RelayOff("No relay is configured ([relay]): nothing can be sent")
        return Deposit(
            RelayQueue(
                relay.queue.path,
                threads,
                clock=self._reactor,
                random=SystemRandom(),
                max_messages=relay.queue.max_messages,
                max_size=relay.queue.max_size,
            )
        )

    async def close(self) -> None:
        """Stop it, and close the database's connections."""
        services, self._services = self._services, None
        if services is not None:
            await services.stopService()
        await self._tables.database.pool.close()


def _new_operation() -> Operation:
    return Operation(uuid4(), actor="operator", protocol="sora-admin")
