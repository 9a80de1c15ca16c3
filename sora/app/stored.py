"""Bodies for the command line: the stores of a configuration, opened when a command needs them."""

from random import SystemRandom
from typing import Any

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.application.service import IService

from sora.app.database import database_id
from sora.app.storage import BodyStorage, body_storage
from sora.app.tables import Tables
from sora.app.tree import OrderedServices
from sora.config.config import Config

PATIENCE = 10.0
"""seconds that one of them may take to stop"""


class StoredBodies:
    """Opened at most once, and closed before the database."""

    def __init__(self, config: Config, tables: Tables, reactor: Any) -> None:
        # The cache of a server is that server's own.
        self._config = evolve(config, cache=evolve(config.cache, path=""))
        self._tables = tables
        self._reactor = reactor
        self._started: list[OrderedServices] = []
        self._opened: BodyStorage | None = None

    async def open(self) -> BodyStorage:
        """The stores, started; none of the workers is. Raises Unavailable."""
        if self._opened is not None:
            return self._opened
        storage = body_storage(
            self._config,
            await database_id(self._tables.database),
            self._tables,
            node="sora-admin",
            reactor=self._reactor,
            random=SystemRandom(),
            registry=CollectorRegistry(),
        )
        await self.start(*storage.stores)
        self._opened = storage
        return storage

    async def start(self, *services: IService) -> None:
        """Start what works on those that are started, and is stopped before them."""
        tree = OrderedServices(self._reactor, PATIENCE)
        for service in services:
            tree.addService(service)
        await tree.startService()
        self._started.append(tree)

    async def close(self) -> None:
        """Stop the stores."""
        while self._started:
            await self._started.pop().stopService()
