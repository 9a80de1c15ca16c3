"""An object store in a dict, for fast tests."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import ObjectMissing, SoraError, Unavailable
from sora.storage.digests import BLOCK, put_each, read_all
from sora.storage.interfaces import IObjects
from sora.storage.rows import Listed

LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""When all objects were written, as `names` tells it."""


@implementer(IObjects)
class MemoryObjects:
    """Objects in memory. While `down` is True, the store cannot be reached.

    `written` counts the PUTs that were begun, for tests of what touches no object (G2).
    """

    def __init__(self) -> None:
        self.objects: dict[UUID, bytes] = {}
        self.down = False
        self.written = 0

    @deferred
    async def put(self, name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> str:
        """See IObjects."""
        self.written += 1
        self._reach()
        self.objects[name] = read_all(open_body, size, hash)
        return hash.hex()

    @deferred
    async def put_many(
        self, bodies: Sequence[tuple[UUID, bytes, bytes]]
    ) -> Sequence[str | Exception]:
        """See IObjects."""
        return await put_each(self, bodies)

    @deferred
    async def get(self, name: UUID, start: int, end: int) -> bytes:
        """See IObjects."""
        return self._read(name, start, end)

    @deferred
    async def get_many(self, wanted: Sequence[tuple[UUID, int]]) -> Sequence[bytes | Exception]:
        """See IObjects."""
        found: list[bytes | Exception] = []
        for name, size in wanted:
            try:
                found.append(self._read(name, 0, size))
            except SoraError as error:
                found.append(error)
        return found

    @deferred
    async def stream(
        self,
        name: UUID,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """See IObjects."""
        data = self._read(name, start, end)
        for place in range(0, len(data), BLOCK):
            waiting = deliver(data[place : place + BLOCK])
            if waiting is not None:
                await waiting

    @deferred
    async def delete(self, name: UUID) -> None:
        """See IObjects."""
        self._reach()
        self.objects.pop(name, None)

    @deferred
    async def exists(self, name: UUID) -> int | None:
        """See IObjects."""
        self._reach()
        data = self.objects.get(name)
        return None if data is None else len(data)

    @deferred
    async def names(self, after: UUID | None, limit: int) -> Sequence[Listed]:
        """See IObjects."""
        self._reach()
        names = sorted(name for name in self.objects if after is None or name > after)
        return [Listed(name, len(self.objects[name]), LONG_AGO) for name in names[:limit]]

    @deferred
    async def probe(self) -> None:
        """See IObjects."""
        self._reach()

    def _reach(self) -> None:
        if self.down:
            raise Unavailable("The object store cannot be reached")

    def _read(self, name: UUID, start: int, end: int) -> bytes:
        self._reach()
        data = self.objects.get(name)
        if data is None:
            raise ObjectMissing(f"There is no object {name}")
        if end > len(data):
            raise Unavailable(f"Object {name} has {len(data)} octets, not {end}")
        return data[start:end]
