"""A bounded cache of bodies on the local disk, by their BLAKE3.

A body lies at `<path>/<xy>/<hash>`, where `xy` are the first two digits. The capacity holds at
all times: what has to go is removed before what comes is written, and one writer does both,
in batches. What is read is served only if its length and hash match; otherwise it is a miss,
and is removed (G9). Nothing is fsynced: what a loss of power spoils is a miss.

Processes may share a path: each has a directory of its own there, and all together the capacity
(`sharing.py`). The index is in memory. At the start it is built from the names and sizes of the
files.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final
from uuid import uuid4

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from zope.interface import implementer

from sora.deferreds import Tasks, deferred
from sora.errors import Unavailable
from sora.metrics.bodies import CacheMetrics
from sora.storage.digests import is_whole
from sora.storage.disk.at_once import AtOnce
from sora.storage.disk.eviction import Eviction
from sora.storage.disk.sharing import Share
from sora.storage.interfaces import IBodyCache
from sora.storage.rows import CacheStatus
from sora.threads import Threads
from sora.tracing.spans import entered

BATCH: Final = 64
"""Bodies that are written by one call of a thread."""
PURGE_BATCH: Final = 1000
"""Bodies that are removed by one, in a purge."""

_NAME: Final = re.compile(r"[0-9a-f]{64}\Z")
_TEMPORARY: Final = re.compile(r"\.new-[0-9a-f]{32}\Z")
_DIRECTORIES: Final = tuple(f"{number:02x}" for number in range(256))


@frozen
class _Write:
    hash: bytes
    data: bytes
    written: "Deferred[None]"


@implementer(IBodyCache)
class DiskCache:
    """The cache. `start` is called once, before anything else.

    `capacity` and `max_object_size` are octets; `max_waiting` bounds the octets that wait to be
    written: what comes on top is not cached.
    """

    log = Logger()

    def __init__(
        self,
        path: str,
        *,
        capacity: int,
        max_object_size: int,
        threads: Threads,
        metrics: CacheMetrics | None = None,
        max_waiting: int = 64 * 1024 * 1024,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = AtOnce(seconds)
        self.path = path
        self._share = Share(path, capacity, seconds)
        self._max_object_size = max_object_size
        self._threads = threads
        self._metrics = metrics
        self._max_waiting = max_waiting
        self._index = Eviction(capacity)
        self._waiting: dict[bytes, _Write] = {}
        self._waiting_octets = 0
        self._is_writing = False
        # Whoever changes files has it: what has gone is off the disk before more comes.
        self._changing = DeferredLock()
        self._tasks = Tasks()
        self._hits = 0
        self._misses = 0
        self._written = 0
        self._evicted = 0
        self._damaged = 0

    @property
    def max_object_size(self) -> int:
        """Larger bodies are not cached."""
        return self._max_object_size

    @property
    def status(self) -> CacheStatus:
        """How full it is, and how good."""
        return CacheStatus(
            objects=len(self._index),
            octets=self._index.octets,
            capacity=self._index.capacity,
            max_object_size=self._max_object_size,
            hits=self._hits,
            misses=self._misses,
            written=self._written,
            evicted=self._evicted,
            damaged=self._damaged,
        )

    async def start(self) -> None:
        """Make the directory and take up what is in it, the newest if it is too much.

        Raises Unavailable, naming the path and the mend.
        """
        try:
            found = await self._threads.run(self._open)
            self.path = self._share.directory
            there = sum(size for _, size in found)
            self._index.limit(await self._threads.run(self._share.grant, there))
            gone = []
            for name, size in found:
                gone += self._index.add(name, size)
            await self._threads.run(_remove, self.path, gone)
            await self._settle()
        except OSError as error:
            raise Unavailable(
                f"The cache {self.path} cannot be used: {error.strerror}; mend [cache] path, or: "
                f"sudo install -d -o $(id -un) -m 0700 {self.path}"
            ) from error
        self._measure()

    async def stop(self) -> None:
        """Wait for what is being written; then another process may have the directory."""
        await self._tasks.join()
        async with self._changing:
            self._share.release()

    @property
    def number(self) -> int:
        """See `IBodyCache`."""
        return self._share.number

    @deferred
    async def settle(self) -> None:
        """See `IBodyCache.settle`."""
        async with self._changing:
            try:
                await self._settle()
                await self._threads.run(self._share.clear_abandoned)
            except OSError as error:
                self.log.warn(
                    "the cache of bodies {path} cannot be shared: {error}",
                    path=self.path,
                    error=error.strerror,
                )
            self._measure()

    async def get(self, hash: bytes, size: int) -> bytes | None:
        """A whole body, verified; None when it is not here."""
        return (await self.get_many([(hash, size)]))[0]

    async def get_many(self, wanted: Sequence[tuple[bytes, int]]) -> list[bytes | None]:
        """Several bodies, in their order, by one call of a thread; none for a single one that
        the system has in memory."""
        with entered("cache", "get") as span:
            found = await self._get_many(wanted)
            if span is not None:
                span.facts["sora.cache.hits"] = len(found) - found.count(None)
                span.facts["sora.cache.misses"] = found.count(None)
            return found

    async def _get_many(self, wanted: Sequence[tuple[bytes, int]]) -> list[bytes | None]:
        found: list[bytes | None] = [self._written_soon(hash) for hash, _ in wanted]
        places = [
            place
            for place, (hash, _) in enumerate(wanted)
            if found[place] is None and hash in self._index
        ]
        if places:
            read = await self._read([wanted[place] for place in places])
            for place, data in zip(places, read, strict=True):
                found[place] = data
                if data is None:
                    await self._evict(wanted[place][0])
                else:
                    self._index.asked(wanted[place][0])
        for data in found:
            self._count("get", "miss" if data is None else "hit")
        missed = found.count(None)
        self._misses += missed
        self._hits += len(found) - missed
        return found

    def at_hand(self, hash: bytes, size: int) -> bytes | None:
        """A body, verified, that can be had without waiting; None says nothing: `get_many` has to
        look."""
        data = self._written_soon(hash)
        if data is None and hash in self._index:
            data = self._at_once.read(_place(self.path, hash), size)
            if data is not None and not is_whole(data, size, hash):
                data = None
        if data is not None:
            self._index.asked(hash)
            self._hits += 1
            self._count("get", "hit")
        return data

    def put(self, hash: bytes, data: bytes) -> "Deferred[None]":
        """Keep a body. Fires when it is on the disk, or not worth it, or did not work: a cache
        never fails anybody."""
        written: Deferred[None] = Deferred()
        size = len(data)
        if (
            size > min(self._max_object_size, self._index.capacity)
            or hash in self._index
            or hash in self._waiting
            or self._waiting_octets + size > self._max_waiting
        ):
            written.callback(None)
            return written
        self._waiting[hash] = _Write(hash, data, written)
        self._waiting_octets += size
        if not self._is_writing:
            self._is_writing = True
            self._tasks.start(self._write(), "writing to the cache of bodies")
        return written

    @deferred
    async def purge(self) -> tuple[int, int]:
        """See `IBodyCache.purge`. What is put meanwhile may stay. Raises Unavailable."""
        names = list(self._index)
        objects = octets = 0
        for start in range(0, len(names), PURGE_BATCH):
            async with self._changing:
                sizes = {name: self._index.size(name) for name in names[start:][:PURGE_BATCH]}
                there = {name: size for name, size in sizes.items() if size is not None}
                await self._remove(list(there))
            objects += len(there)
            octets += sum(there.values())
        return objects, octets

    # ------------------------------------------------------------ inside

    def _open(self) -> list[tuple[bytes, int]]:
        """In a thread."""
        self._share.take()
        return _scan(self._share.directory)

    async def _settle(self) -> None:
        """Keep to the part of this process. Raises OSError."""
        gone = self._index.limit(await self._threads.run(self._share.grant, self._index.octets))
        if gone:
            await self._threads.run(_remove, self.path, gone)
            await self._threads.run(self._share.grant, self._index.octets)
            self._evicted += len(gone)
            for _ in gone:
                self._count("evict", "room")

    def _written_soon(self, hash: bytes) -> bytes | None:
        write = self._waiting.get(hash)
        return None if write is None else write.data

    async def _read(self, wanted: Sequence[tuple[bytes, int]]) -> list[bytes | None]:
        if len(wanted) == 1:
            [(hash, size)] = wanted
            data = self._at_once.read(_place(self.path, hash), size)
            if data is not None and is_whole(data, size, hash):
                return [data]
        return await self._threads.run(_read, self.path, wanted)

    async def _evict(self, name: bytes) -> None:
        """A file that is not what it should be. Never fails: it is a miss in any case."""
        async with self._changing:
            if name in self._index:
                self._damaged += 1
                self._count("evict", "damaged")
                with suppress(Unavailable):
                    await self._remove([name])

    async def _remove(self, names: Sequence[bytes]) -> None:
        """Remove files, then take them off the index: it never has less than the disk. Raises
        Unavailable: what is left of them still counts."""
        try:
            await self._threads.run(_remove, self.path, names)
        except OSError as error:
            text = f"The cache {self.path} cannot be cleared: {error.strerror}"
            self.log.warn("{text}", text=text)
            raise Unavailable(text) from error
        for name in names:
            self._index.remove(name)
        self._measure()

    async def _write(self) -> None:
        """Write what waits, a batch at a time, until nothing does."""
        try:
            while self._waiting:
                async with self._changing:
                    await self._write_batch([*self._waiting.values()][:BATCH])
        finally:
            self._is_writing = False

    async def _write_batch(self, batch: list[_Write]) -> None:
        gone: list[bytes] = []
        for write in batch:
            gone += self._index.add(write.hash, len(write.data))
        kept = [write for write in batch if write.hash in self._index]
        try:
            await self._threads.run(_replace, self.path, gone, kept)
        except CancelledError:
            raise
        except OSError as error:
            for write in batch:
                self._index.remove(write.hash)
            self.log.warn(
                "the cache of bodies {path} cannot be written: {error}",
                path=self.path,
                error=error.strerror,
            )
            await self._clear([*gone, *[write.hash for write in batch]])
        else:
            self._evicted += len(gone)
            self._written += len(kept)
            for _ in gone:
                self._count("evict", "room")
            for _ in kept:
                self._count("put", "success")
        finally:
            self._measure()
            for write in batch:
                self._waiting.pop(write.hash, None)
                self._waiting_octets -= len(write.data)
                write.written.callback(None)

    async def _clear(self, names: Sequence[bytes]) -> None:
        try:
            await self._threads.run(_remove, self.path, names)
        except OSError as error:
            self.log.warn(
                "the cache of bodies {path} cannot be cleared: {error}",
                path=self.path,
                error=error.strerror,
            )

    def _count(self, operation: str, result: str) -> None:
        if self._metrics is not None:
            self._metrics.operations.labels(operation, result).inc()

    def _measure(self) -> None:
        if self._metrics is not None:
            self._metrics.octets.set(self._index.octets)
            self._metrics.objects.set(len(self._index))


# ---------------------------------------------------------------- in a thread


def _place(path: str, name: bytes) -> str:
    text = name.hex()
    return f"{path}/{text[:2]}/{text}"


def _scan(path: str) -> list[tuple[bytes, int]]:
    """Names and sizes of what is there, oldest first; no body is read."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    found: list[tuple[float, bytes, int]] = []
    for directory in _DIRECTORIES:
        os.makedirs(f"{path}/{directory}", mode=0o700, exist_ok=True)
        with os.scandir(f"{path}/{directory}") as entries:
            for entry in entries:
                if _TEMPORARY.match(entry.name):
                    os.unlink(entry.path)
                elif _NAME.match(entry.name) and entry.name[:2] == directory:
                    facts = entry.stat(follow_symlinks=False)
                    found.append((facts.st_mtime, bytes.fromhex(entry.name), facts.st_size))
    return [(name, size) for _, name, size in sorted(found)]


def _remove(path: str, names: Sequence[bytes]) -> None:
    for name in names:
        try:
            os.unlink(_place(path, name))
        except FileNotFoundError:
            continue


def _read(path: str, wanted: Sequence[tuple[bytes, int]]) -> list[bytes | None]:
    found: list[bytes | None] = []
    for name, size in wanted:
        try:
            with open(_place(path, name), "rb", buffering=0) as file:
                data = file.read(size + 1)
        except OSError:
            found.append(None)
        else:
            found.append(data if is_whole(data, size, name) else None)
    return found


def _replace(path: str, gone: Sequence[bytes], writes: Sequence[_Write]) -> None:
    _remove(path, gone)
    for write in writes:
        place = _place(path, write.hash)
        temporary = f"{os.path.dirname(place)}/.new-{uuid4().hex}"
        try:
            with open(temporary, "xb", buffering=0) as file:
                rest = memoryview(write.data)
                while rest:
                    rest = rest[file.write(rest) :]
            os.rename(temporary, place)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
