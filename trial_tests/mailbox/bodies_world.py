"""An account in memory storage, and what tests of bodies need around it."""

from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from sora.addresses import parse_address
from sora.mail.facts import derive
from sora.mail.numbers import NumberSet
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.spool import Spool
from sora.storage.memory.objects import MemoryObjects
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import BodyPlace, NewMailbox, Operation, Target, Want
from sora.storage.stores import ObjectStore
from sora.threads import Threads


def message(number: int, size: int = 0) -> bytes:
    """A message of its own, of about `size` octets."""
    head = f"From: a@example.com\r\nSubject: number {number}\r\n\r\n".encode()
    filler = Random(number).randbytes(max(size - len(head), 10) // 2).hex().encode()
    return head + filler + b"\r\n"


def spooled(data: bytes, threshold: int = 256 * 1024) -> Spool:
    """A spool that holds `data`."""
    spool = Spool(threshold)
    for start in range(0, len(data), 60_000):
        spool.write(data[start : start + 60_000])
    return spool


class World:
    """One account with its INBOX, object stores in memory, and arrivals."""

    def __init__(self, threads: Threads, clock: IReactorTime | None = None) -> None:
        self.clock: Any = clock or Clock()
        self.threads = threads
        self.storage = memory_storage(self.clock)
        self.objects = MemoryObjects()
        self.pokes = 0

    async def open(self, address: str = "alice@example.com") -> "World":
        """Make the account."""
        account = await self.storage.accounts.create(
            parse_address(address), [], [NewMailbox("INBOX")]
        )
        self.account_id, self.scope_id = account.id, account.scope_id
        self.inbox = (await self.storage.mailboxes.find(account.id, "INBOX")).id
        return self

    def arrivals(self, mode: Any, **other: Any) -> Arrivals:
        """Arrivals that go to the object store in memory: `direct`, all of them at once; `filed`,
        as for a directory, the small ones later; `staged`, as over a network."""
        if mode == "direct":
            other.setdefault("staging_max_size", -1)
        return Arrivals(
            other.pop("messages", self.storage.messages),
            self.storage.uploads,
            other.pop("store", None)
            or ObjectStore("main", self.objects, is_remote=mode == "staged"),
            derive=derive,
            threads=self.threads,
            clock=self.clock,
            poke=self.poke,
            **other,
        )

    def poke(self) -> None:
        self.pokes += 1

    def target(self) -> Target:
        """A message in the INBOX."""
        return Target(
            self.account_id, self.inbox, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), uuid4()
        )

    @staticmethod
    def operation() -> Operation:
        return Operation(uuid4())

    async def deliver(self, arrivals: Arrivals, data: bytes) -> Any:
        """Place `data` once; gives the Placement."""
        spool = spooled(data)
        try:
            return await arrivals.place(self.scope_id, spool, [self.target()], self.operation())
        finally:
            spool.close()

    async def append(self, arrivals: Arrivals, *bodies: bytes) -> Any:
        """Append messages together; gives the Appended."""
        spools = [spooled(data) for data in bodies]
        targets = [self.target() for _ in spools]
        try:
            return await arrivals.append(self.scope_id, spools, targets, self.operation())
        finally:
            for spool in spools:
                spool.close()

    async def places(self) -> list[BodyPlace]:
        """Where the bodies of all messages are, by UID."""
        read = await self.storage.messages.read(
            self.inbox, NumberSet(((1, 1_000_000),)), frozenset({Want.BODY})
        )
        return [each.body for each in read.messages if each.body is not None]
