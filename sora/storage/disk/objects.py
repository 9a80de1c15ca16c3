"""Objects in a directory: for one machine, and for the embedded mode.

An object lies at `<path>/<xyz>/<uuid>`, where `xyz` are the first three digits of its name.
All 4,096 directories are made, and made durable, at the start: a PUT then costs two fsyncs and
no third and fourth for directories of its own (measured: 0.5 ms in place of 0.8 ms), and ten
million objects are 2,400 in a directory.

A PUT writes to a temporary name in the same directory, fsyncs the file, renames it, and fsyncs
the directory: after that the bytes and the name survive a loss of power. What is under an
object's name is always whole.

A disk that is not mounted looks like a store without objects. So the directory holds a mark,
and an object is only missing for certain while the mark is there (G6).
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from errno import EDQUOT, ENOENT, ENOSPC, EROFS
from stat import S_ISDIR
from typing import Final, ParamSpec, TypeVar
from uuid import UUID, uuid4

from twisted.internet.defer import Deferred
from zope.interface import implementer

from sora.deferreds import deferred
from sora.errors import ObjectMissing, SoraError, StorageFull, StoreRefused, Unavailable
from sora.metrics.bodies import ObjectMetrics
from sora.storage.digests import BLOCK, Metered, is_whole
from sora.storage.disk.at_once import AtOnce
from sora.storage.disk.together import SYNC_ALL, Together
from sora.storage.interfaces import IObjects
from sora.storage.rows import Listed
from sora.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")

MARK: Final = ".sora-objects"
AT_ONCE: Final = 512 * 1024
"""Octets of objects that are read at once, which takes less than a millisecond."""
STREAM_BLOCK: Final = 1024 * 1024
"""Octets that a thread reads at a time for a stream."""
LEFTOVER_AGE: Final = 3600.0
"""Seconds after which a temporary file cannot belong to a PUT that still runs."""

_TEMPORARY: Final = re.compile(r"\.put-[0-9a-f]{32}\Z")
_NAME: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_DIRECTORIES: Final = tuple(f"{number:03x}" for number in range(4096))


@implementer(IObjects)
class DiskObjects:
    """The filesystem store. `prepare` is called once, before anything else."""

    def __init__(
        self,
        path: str,
        threads: Threads,
        seconds: Callable[[], float] = time.monotonic,
        metrics: ObjectMetrics | None = None,
    ) -> None:
        """`metrics` count what takes a thread, and not what the system has in its memory."""
        self._path = path
        self._seconds = seconds
        self._metrics = metrics
        self._threads = threads
        self._at_once = AtOnce(seconds)

    @property
    def path(self) -> str:
        """The directory."""
        return self._path

    @deferred
    async def prepare(self) -> int:
        """Make the directories and remove what a crash left; gives how many leftovers.

        Raises Unavailable, with the mend, when the directory is missing or read-only.
        """
        return await self._threads.run(_prepare, self._path)

    @deferred
    async def put(self, name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> str:
        """See IObjects. Raises StorageFull when the disk is full."""
        return await self._in_thread("put", _put, self._path, name, open_body, size, hash)

    @deferred
    async def put_many(
        self, bodies: Sequence[tuple[UUID, bytes, bytes]]
    ) -> Sequence[str | Exception]:
        """See IObjects. They share their waits for the disk (`sora.storage.disk.together`)."""
        return await self._in_thread("put", _put_many, self._path, tuple(bodies))

    @deferred
    async def get(self, name: UUID, start: int, end: int) -> bytes:
        """See IObjects."""
        return await self._in_thread("get", _get, self._path, name, start, end)

    @deferred
    async def get_many(self, wanted: Sequence[tuple[UUID, int]]) -> Sequence[bytes | Exception]:
        """See IObjects. One call of a thread for all that are not in memory."""
        found: list[bytes | Exception] = []
        octets = 0
        for name, size in wanted:
            octets += size
            if octets > AT_ONCE:
                break
            data = self.at_hand(name, size)
            if data is None:
                break
            found.append(data)
        if len(found) == len(wanted):
            return found
        rest = tuple(wanted[len(found) :])
        return [*found, *await self._in_thread("get", _get_many, self._path, rest)]

    def at_hand(self, name: UUID, size: int) -> bytes | None:
        """See `ObjectStore`: a small file that the system has in its memory."""
        return self._at_once.read(_place(self._path, name), size)

    @deferred
    async def stream(
        self,
        name: UUID,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """See IObjects."""
        while start < end:
            stop = min(start + STREAM_BLOCK, end)
            waiting = deliver(await self._in_thread("get", _get, self._path, name, start, stop))
            if waiting is not None:
                await waiting
            start = stop

    @deferred
    async def delete(self, name: UUID) -> None:
        """See IObjects."""
        await self._in_thread("delete", _delete, self._path, name)

    @deferred
    async def exists(self, name: UUID) -> int | None:
        """See IObjects."""
        return await self._in_thread("exists", _exists, self._path, name)

    @deferred
    async def names(self, after: UUID | None, limit: int) -> Sequence[Listed]:
        """See IObjects. Other files than objects are passed over."""
        return await self._in_thread("list", _names, self._path, after, limit)

    @deferred
    async def probe(self) -> None:
        """See IObjects."""
        await self._in_thread("probe", _check_mark, self._path)

    async def _in_thread(
        self, operation: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        begun, status = self._seconds(), "unavailable"
        try:
            done = await self._threads.run(work, *args, **kwargs)
            status = "success"
        except SoraError as error:
            status = "unavailable" if isinstance(error, Unavailable) else "refused"
            raise
        finally:
            if self._metrics is not None:
                self._metrics.did("filesystem", operation, status, self._seconds() - begun)
        return done


def _place(path: str, name: UUID) -> str:
    text = str(name)
    return f"{path}/{text[:3]}/{text}"


def _translated(error: OSError, path: str) -> SoraError:
    if error.errno in (ENOSPC, EDQUOT):
        return StorageFull(f"The disk of {path} is full")
    return Unavailable(f"The object store {path} failed: {error.strerror}")


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_mark(path: str) -> None:
    """Whether the store itself is there."""
    try:
        os.stat(f"{path}/{MARK}")
    except OSError as error:
        raise Unavailable(
            f"The object store {path} is not there (no {MARK}: is its disk mounted?)"
        ) from error


# ---------------------------------------------------------------- at the start


def _prepare(path: str) -> int:
    mend = f"sudo install -d -o $(id -un) -m 0700 {path}"
    try:
        if not S_ISDIR(os.stat(path).st_mode):
            raise Unavailable(f"The object store {path} is not a directory")
        present = set(os.listdir(path))
    except FileNotFoundError:
        raise Unavailable(f"The object store {path} does not exist; make it: {mend}") from None
    except PermissionError:
        raise Unavailable(f"The object store {path} may not be read; mend it: {mend}") from None
    try:
        _try_writing(path)
        missing = [name for name in _DIRECTORIES if name not in present]
        for name in missing:
            # Another process may be starting on the same directory.
            os.makedirs(f"{path}/{name}", 0o700, exist_ok=True)
        if missing:
            _sync_directory(path)
        if MARK not in present:
            _write_mark(path)
    except OSError as error:
        if error.errno == EROFS or isinstance(error, PermissionError):
            raise Unavailable(
                f"The object store {path} is read-only for this user; mend it: {mend}"
            ) from None
        raise _translated(error, path) from error
    return _remove_leftovers(path)


def _try_writing(path: str) -> None:
    probe = f"{path}/.put-{uuid4().hex}"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(probe)


def _write_mark(path: str) -> None:
    descriptor = os.open(f"{path}/{MARK}", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, b"Objects of Sora lie here: see docs/architecture.md\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_directory(path)


def _remove_leftovers(path: str) -> int:
    """Remove temporary files of our own pattern that no running PUT can own."""
    removed = 0
    oldest = time.time() - LEFTOVER_AGE  # the file system's clock, to compare with its times
    for directory in ("", *_DIRECTORIES):
        with os.scandir(f"{path}/{directory}") as entries:
            names = [entry for entry in entries if _TEMPORARY.match(entry.name)]
        for entry in names:
            try:
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)
                    removed += 1
            except FileNotFoundError:
                continue
    return removed


# ---------------------------------------------------------------- in a thread


def _put(path: str, name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> str:
    final = _place(path, name)
    directory = os.path.dirname(final)
    temporary = f"{directory}/.put-{uuid4().hex}"
    body = Metered(open_body())
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            _write(descriptor, body)
            body.verify(size, hash)
            os.fsync(descriptor)
            os.rename(temporary, final)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
        _sync_directory(directory)
    except OSError as error:
        raise _translated(error, path) from error
    finally:
        body.close()
    return hash.hex()


def _put_many(path: str, bodies: Sequence[tuple[UUID, bytes, bytes]]) -> list[str | Exception]:
    results: list[str | Exception] = []
    written: list[tuple[str, str, int]] = []
    try:
        with Together(path, len(bodies), SYNC_ALL) as together:
            for place, (name, body, hash) in enumerate(bodies):
                final = _place(path, name)
                temporary = f"{os.path.dirname(final)}/.put-{uuid4().hex}"
                try:
                    _check_body(body, hash)
                    together.write(temporary, body)
                except OSError as error:
                    results.append(_translated(error, path))
                except SoraError as error:
                    results.append(error)
                else:
                    results.append(hash.hex())
                    written.append((temporary, final, place))
            together.sync()
            for temporary, final, _ in written:
                os.rename(temporary, final)
            together.sync_directories({os.path.dirname(final) for _, final, _ in written})
    except OSError as error:
        for temporary, _, place in written:
            results[place] = _translated(error, path)
            with suppress(OSError):
                os.unlink(temporary)  # one that has its name already is written over later
    return results


def _check_body(body: bytes, hash: bytes) -> None:
    if not is_whole(body, len(body), hash):
        raise StoreRefused(f"A body of {len(body)} octets is not what it should be")


def _write(descriptor: int, body: Metered) -> None:
    while data := body.read(BLOCK):
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _get(path: str, name: UUID, start: int, end: int) -> bytes:
    try:
        descriptor = os.open(_place(path, name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == ENOENT:
            _check_mark(path)
            raise ObjectMissing(f"There is no object {name} in {path}") from None
        raise _translated(error, path) from error
    try:
        data = os.pread(descriptor, end - start, start)
        while len(data) < end - start:
            more = os.pread(descriptor, end - start - len(data), start + len(data))
            if not more:
                raise Unavailable(f"Object {name} in {path} is shorter than {end} octets")
            data += more
    except OSError as error:
        raise _translated(error, path) from error
    finally:
        os.close(descriptor)
    return data


def _get_many(path: str, wanted: Sequence[tuple[UUID, int]]) -> list[bytes | Exception]:
    found: list[bytes | Exception] = []
    for name, size in wanted:
        try:
            found.append(_get(path, name, 0, size))
        except SoraError as error:
            found.append(error)
    return found


def _delete(path: str, name: UUID) -> None:
    place = _place(path, name)
    try:
        os.unlink(place)
        _sync_directory(os.path.dirname(place))  # its row goes next: it must not come back
    except FileNotFoundError:
        _check_mark(path)
    except OSError as error:
        raise _translated(error, path) from error


def _exists(path: str, name: UUID) -> int | None:
    try:
        return os.stat(_place(path, name)).st_size
    except FileNotFoundError:
        _check_mark(path)
        return None
    except OSError as error:
        raise _translated(error, path) from error


def _names(path: str, after: UUID | None, limit: int) -> list[Listed]:
    """The directories are named by the beginnings of the names in them."""
    _check_mark(path)
    last = "" if after is None else str(after)
    found: list[Listed] = []
    try:
        for directory in _DIRECTORIES:
            if directory < last[:3]:
                continue
            with os.scandir(f"{path}/{directory}") as entries:
                there = sorted(
                    (entry for entry in entries if entry.name > last and _NAME.match(entry.name)),
                    key=lambda entry: entry.name,
                )
            for entry in there[: limit - len(found)]:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    stat = entry.stat(follow_symlinks=False)
                    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                    found.append(Listed(UUID(entry.name), stat.st_size, modified))
            if len(found) >= limit:
                break
    except OSError as error:
        raise _translated(error, path) from error
    return found
