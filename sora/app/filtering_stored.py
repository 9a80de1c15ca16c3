"""What runs scripts over stored mail: for `sora-admin sieve filter`, on the mailboxes of a database
and the bodies of its store, opened when they are needed; and inside a server."""

import os
from collections.abc import Callable
from random import SystemRandom
from socket import gethostname
from time import thread_time
from typing import Any
from uuid import uuid4

from attrs import frozen

from sora.app.filtering import SEPARATOR, DeliveryRooms, settings_of
from sora.app.past import past_prefix
from sora.app.sharing import shared_namespace
from sora.app.stored import StoredBodies
from sora.app.tables import Tables
from sora.config.config import Config
from sora.mailbox.bodies import Bodies
from sora.mailbox.chains import FilterRooms
from sora.mailbox.filtering import Filters
from sora.mailbox.folders import FolderRooms
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.redirecting import Rates
from sora.mailbox.scripts import Compiler
from sora.mailbox.stored import Occasions, ReadsBodies, StoredSending
from sora.operations.sieve_filter import SieveFiltering
from sora.relay.deposit import Deposit
from sora.relay.interfaces import IRelay, RelayOff
from sora.relay.queue import RelayQueue
from sora.storage.rows import Operation
from sora.threads import Threads


def filtering_here(
    tables: Tables,
    bodies: Bodies,
    rooms: DeliveryRooms,
    relay: IRelay | None,
    *,
    reactor: Any,
    new_operation: Callable[[], Operation],
) -> Callable[[bool], SieveFiltering]:
    """What filters stored mail in a server, with what its deliveries run scripts with. What that
    gives sends on, if it is asked to; it raises RelayOff where it cannot."""

    def filtering(sends: bool) -> SieveFiltering:
        if sends and relay is None:
            raise _relay_off()
        return SieveFiltering(
            accounts=tables.accounts,
            mailboxes=tables.mailboxes,
            messages=tables.messages,
            filters=rooms.filters,
            folders=rooms.folders,
            bodies=bodies,
            new_operation=new_operation,
            now=reactor.seconds,
            sending=_sending(relay, bodies, reactor) if sends and relay is not None else None,
        )

    return filtering


def _sending(relay: IRelay, bodies: ReadsBodies, reactor: Any) -> StoredSending:
    return StoredSending(
        relay=relay,
        # The operator has asked for it.
        rates=Rates(reactor, 0),
        bodies=bodies,
        occasions=Occasions(random=os.urandom, host=gethostname()),
    )


def _relay_off() -> RelayOff:
    return RelayOff("No relay is configured ([relay]): nothing can be sent")


@frozen
class FilteringOpener:
    """Makes it when a command wants it."""

    config: Config
    compiler: Compiler
    tables: Tables
    reactor: Any
    stored: StoredBodies
    new_operation: Callable[[], Operation]

    async def open(self, sends: bool = False) -> SieveFiltering:
        """What filters stored mail; `sends`: what scripts redirect is put into the queue of the
        relay. Raises Unavailable, RelayOff."""
        config, tables, reactor = self.config, self.tables, self.reactor
        storage = await self.stored.open()
        threads = Threads(reactor, 1, "scripts")
        deposit = self._deposit(threads) if sends else None
        await self.stored.start(threads, *([] if deposit is None else [deposit]))
        filters = FilterRooms(
            compiler=self.compiler,
            scripts=tables.scripts,
            messages=tables.messages,
            metadata=tables.metadata,
            rights=tables.rights,
            threads=threads,
            clock=reactor,
            cpu=thread_time,
            limits=self.compiler.limits,
            separator=SEPARATOR,
            settings=settings_of(config.sieve),
        )
        folders = FolderRooms(
            tables.mailboxes,
            OpenMailboxes(tables.mailboxes, reactor, process_id=uuid4()),
            Owners(tables.rights, reactor),
            uuid4,
            shared_namespace(config.shared_mailboxes),
            past_prefix(config),
        )
        return SieveFiltering(
            accounts=tables.accounts,
            mailboxes=tables.mailboxes,
            messages=tables.messages,
            filters=Filters(filters),
            folders=folders,
            bodies=storage.bodies,
            new_operation=self.new_operation,
            now=reactor.seconds,
            sending=None if deposit is None else _sending(deposit, storage.bodies, reactor),
        )

    def _deposit(self, threads: Threads) -> Deposit:
        relay = self.config.relay
        if not relay.type:
            raise _relay_off()
        return Deposit(
            RelayQueue(
                relay.queue.path,
                threads,
                clock=self.reactor,
                random=SystemRandom(),
                max_messages=relay.queue.max_messages,
                max_size=relay.queue.max_size,
            )
        )
