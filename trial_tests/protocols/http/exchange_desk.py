"""Imports and exports for a desk, on memory storage and directories of the disk."""

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import uuid4

from twisted.internet.task import Clock

from sora.app.delivering import delivering_by
from sora.config.limits import LimitsConfig
from sora.exchange.exporter import ExportRooms
from sora.exchange.importing import ImportRooms
from sora.mail.facts import derive
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.delivery import Delivery
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.scripts import ScriptStore
from sora.metrics.messages import MessageMetrics
from sora.operations.delivering import DeliveryOperations
from sora.operations.downloading import DownloadOperations
from sora.operations.exchange_places import ExchangePlaces
from sora.operations.exporting import ExportOperations
from sora.operations.importing import ImportOperations
from sora.operations.owners import OwnerLookup
from sora.retry import Delays
from sora.storage.memory.storage import MemoryStorage
from sora.storage.rows import Operation
from sora.storage.stores import ObjectStore

LIMIT = 400_000


def delivering_on(
    storage: MemoryStorage,
    store: ObjectStore,
    threads: Any,
    clock: Clock,
    messages: MessageMetrics,
) -> DeliveryOperations:
    """Deliveries without filters: all mail goes to INBOX."""
    arrivals = Arrivals(
        storage.messages, storage.uploads, store, derive=derive, threads=threads, clock=clock
    )
    mailboxes = OpenMailboxes(storage.mailboxes, clock, uuid4())
    delivery = Delivery(storage.accounts, arrivals, mailboxes, clock)
    return delivering_by(delivery, LimitsConfig(), "sora.example.com", messages)


def exchange_on(
    storage: MemoryStorage,
    owners: OwnerLookup,
    scripts: ScriptStore,
    store: ObjectStore,
    bodies: Bodies,
    threads: Any,
    clock: Clock,
    directories: Sequence[str],
) -> dict[str, Any]:
    """The nouns."""
    rooms = ImportRooms(
        importing=storage.importing,
        mailboxes=storage.mailboxes,
        messages=storage.messages,
        arrivals=Arrivals(
            storage.messages, storage.uploads, store, derive=derive, threads=threads, clock=clock
        ),
        new_operation=lambda: Operation(uuid4(), "operator"),
        new_uuid=uuid4,
        clock=clock,
        random=Random(1),
        patience=Delays(1, 1, attempts=2),
    )
    out = ExportRooms(storage.mailboxes, storage.messages, bodies, threads)
    return {
        "importing": ImportOperations(owners, rooms, scripts, threads, LIMIT),
        "exporting": ExportOperations(owners, out),
        "downloading": DownloadOperations(owners, out, clock.seconds),
        "places": ExchangePlaces(tuple(directories), threads),
    }
