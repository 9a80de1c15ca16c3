"""Any object store, with its objects encrypted before they come to it.

It is a store like others, put before one. It never guesses: every object that it is asked for has
to be one of its own, and who holds an object's row knows by `key_id` whether it is
(`sora.storage.stores`). An object that does not open is damaged, one whose key is not configured
is unavailable; neither is ever missing, or empty (G6, G8).
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

from attrs import evolve
from blake3 import blake3
from twisted.internet.defer import Deferred
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import SoraError, StoreRefused, Unavailable
from sora.storage.digests import BLOCK, Metered, is_whole, opener, read_all
from sora.storage.interfaces import IObjects
from sora.storage.rows import Listed
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.layout import (
    CHUNK,
    HEAD,
    Opening,
    Seal,
    body_size,
    close_all,
    open_range,
    seal_for,
    seal_of,
    sealed_size,
    span,
)
from sora.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")

IN_MEMORY: Final = 4 * 1024 * 1024
"""Octets up to which a body is encrypted as a whole, in memory."""
IN_THREAD: Final = 256 * 1024
"""Octets from which on it is done in a thread (measured: 256 KiB take 0.1 ms)."""
REMEMBERED: Final = 256
"""Objects of which the head is remembered, so that a further range takes one request."""


@implementer(IObjects)
class SealedObjects:
    """Encrypts for `objects` with the first key of `keys`, and decrypts with any."""

    def __init__(self, objects: IObjects, keys: Keyring, threads: Threads) -> None:
        self._objects = objects
        self._keys = keys
        self._threads = threads
        self._seals: OrderedDict[UUID, Seal] = OrderedDict()

    @deferred
    async def put(self, name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> str:
        """See IObjects. Large bodies are encrypted twice: their object's hash is promised to the
        store before its first octet."""
        self._seals.pop(name, None)
        seal = seal_for(self._keys.first, name, size, hash)
        if size <= IN_MEMORY:
            octets = await self._do(size, _sealed, seal, open_body, size, hash)
            sealed_hash = blake3(octets).digest()
            return await self._objects.put(name, opener(octets), len(octets), sealed_hash)

        def open_sealed() -> _SealedBody:
            return _SealedBody(seal, open_body(), size, hash)

        sealed_hash = await self._threads.run(_hash_of, open_sealed)
        return await self._objects.put(name, open_sealed, sealed_size(size), sealed_hash)

    @deferred
    async def put_many(
        self, bodies: Sequence[tuple[UUID, bytes, bytes]]
    ) -> Sequence[str | Exception]:
        """See IObjects."""
        for name, _, _ in bodies:
            self._seals.pop(name, None)
        size = sum(len(body) for _, body, _ in bodies)
        sealed = await self._do(size, _sealed_each, self._keys, tuple(bodies))
        whole = [each for each in sealed if not isinstance(each, Exception)]
        put = iter(await self._objects.put_many(whole))
        return [each if isinstance(each, Exception) else next(put) for each in sealed]

    @deferred
    async def get(self, name: UUID, start: int, end: int) -> bytes:
        """See IObjects. Raises ObjectDamaged and KeyMissing besides."""
        if start >= end:
            await self._objects.get(name, 0, 0)
            return b""
        seal = self._seals.get(name)
        octets = b""
        if seal is None and start < CHUNK:
            # With the head, as far as there would be if the body ended here: most often it does.
            octets = await self._objects.get(name, 0, sealed_size(end))
            seal = self._seal_of(name, octets)
        elif seal is None:
            seal = self._seal_of(name, await self._objects.get(name, 0, HEAD))
        _check_end(name, seal, end)
        wanted = span(seal.size, start, end)
        if not octets:
            octets = await self._objects.get(name, wanted.start, wanted.end)
        else:
            if len(octets) < wanted.end:
                octets += await self._objects.get(name, len(octets), wanted.end)
            octets = octets[HEAD:]
        return await self._do(end - start, open_range, seal, start, end, octets)

    @deferred
    async def get_many(self, wanted: Sequence[tuple[UUID, int]]) -> Sequence[bytes | Exception]:
        """See IObjects."""
        found = await self._objects.get_many([(name, sealed_size(size)) for name, size in wanted])
        size = sum(size for _, size in wanted)
        return await self._do(size, _opened_each, self._keys, tuple(wanted), tuple(found))

    @deferred
    async def stream(
        self,
        name: UUID,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """See IObjects. Decrypted chunk by chunk as they come: 0.03 ms each."""
        if start >= end:
            return
        seal = self._seals.get(name)
        if seal is None:
            seal = self._seal_of(name, await self._objects.get(name, 0, HEAD))
        _check_end(name, seal, end)
        opening = Opening(seal, start, end)

        def take(octets: bytes) -> "Deferred[None] | None":
            piece = opening.take(octets)
            return deliver(piece) if piece else None

        wanted = span(seal.size, start, end)
        await self._objects.stream(name, wanted.start, wanted.end, take)
        if not opening.is_complete:
            raise Unavailable(f"Object {name} ended too early")

    @deferred
    async def delete(self, name: UUID) -> None:
        """See IObjects."""
        self._seals.pop(name, None)
        await self._objects.delete(name)

    @deferred
    async def exists(self, name: UUID) -> int | None:
        """See IObjects. Raises ObjectDamaged for a size that no encrypted object has."""
        stored: int | None = await self._objects.exists(name)
        return None if stored is None else body_size(stored)

    @deferred
    async def names(self, after: UUID | None, limit: int) -> Sequence[Listed]:
        """See IObjects. Sizes are those of the bodies, 0 where no encrypted object has such a
        size."""
        found: Sequence[Listed] = await self._objects.names(after, limit)
        return [evolve(one, size=_size_or_none(one.size)) for one in found]

    @deferred
    async def probe(self) -> None:
        """See IObjects."""
        await self._objects.probe()

    def _seal_of(self, name: UUID, octets: bytes) -> Seal:
        head = octets[:HEAD]
        seal = seal_of(self._keys.key_for(name, head), name, head)
        self._seals[name] = seal
        if len(self._seals) > REMEMBERED:
            self._seals.popitem(last=False)
        return seal

    async def _do(self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what takes as long as `size` octets do: here, or in a thread."""
        if size > IN_THREAD:
            return await self._threads.run(work, *args, **kwargs)
        return work(*args, **kwargs)


class _SealedBody:
    """The octets of the object of a body, to be read; verifies what it encrypts."""

    def __init__(self, seal: Seal, body: object, size: int, hash: bytes) -> None:
        self._seal = seal
        self._body = Metered(body)
        self._size = size
        self._hash = hash
        self._number = 0
        self._ready = bytearray(seal.head)
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """The next octets; none at the end. Raises StoreRefused: see `Metered.verify`."""
        while len(self._ready) < size and not self._ended:
            self._ready += self._seal.close(self._number, self._chunk())
            self._number += 1
        octets = bytes(self._ready[:size])
        del self._ready[:size]
        return octets

    def close(self) -> None:
        """Close the body."""
        self._body.close()

    def _chunk(self) -> bytes:
        chunk = b""
        while len(chunk) < CHUNK and (more := self._body.read(CHUNK - len(chunk))):
            chunk += more
        self._ended = self._body.size >= self._size or len(chunk) < CHUNK
        if self._ended:
            self._body.read(1)  # more than was promised is as wrong as less
            self._body.verify(self._size, self._hash)
        return chunk


def _sealed(seal: Seal, open_body: Callable[[], object], size: int, hash: bytes) -> bytes:
    return close_all(seal, read_all(open_body, size, hash))


def _hash_of(open_body: Callable[[], _SealedBody]) -> bytes:
    hasher = blake3()
    body = open_body()
    try:
        while octets := body.read(BLOCK):
            hasher.update(octets)
    finally:
        body.close()
    return hasher.digest()


def _sealed_each(
    keys: Keyring, bodies: Sequence[tuple[UUID, bytes, bytes]]
) -> list[tuple[UUID, bytes, bytes] | Exception]:
    sealed: list[tuple[UUID, bytes, bytes] | Exception] = []
    for name, body, hash in bodies:
        if not is_whole(body, len(body), hash):
            text = f"A body of {len(body)} octets is not what it should be"
            sealed.append(StoreRefused(text))
            continue
        octets = close_all(seal_for(keys.first, name, len(body), hash), body)
        sealed.append((name, octets, blake3(octets).digest()))
    return sealed


def _opened_each(
    keys: Keyring, wanted: Sequence[tuple[UUID, int]], found: Sequence[bytes | Exception]
) -> list[bytes | Exception]:
    opened: list[bytes | Exception] = []
    for (name, size), octets in zip(wanted, found, strict=True):
        try:
            opened.append(
                octets if isinstance(octets, Exception) else _open(keys, name, size, octets)
            )
        except SoraError as error:
            opened.append(error)
    return opened


def _open(keys: Keyring, name: UUID, size: int, octets: bytes) -> bytes:
    seal = seal_of(keys.key_for(name, octets[:HEAD]), name, octets[:HEAD])
    _check_end(name, seal, size)
    return open_range(seal, 0, size, octets[HEAD:]) if size else b""


def _check_end(name: UUID, seal: Seal, end: int) -> None:
    if end > seal.size:
        raise Unavailable(f"Object {name} has {seal.size} octets, not {end}")


def _size_or_none(stored: int) -> int:
    try:
        return body_size(stored)
    except SoraError:
        return 0
