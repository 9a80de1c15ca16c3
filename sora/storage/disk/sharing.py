"""Processes that have one directory for their caches: each gets a part of it, and all together
keep to the capacity.

A process takes the first number that is free, with a lock that ends with the process. Number 0 has
the directory itself, the others directories in it; so a restart finds its cache again. Each number
has a *grant* in its lock's file: octets that it may have at most, and never less than it has. The
grants of all, also of those that have ended and left files behind, are never more than the
capacity: a process is granted an equal part, or what the others leave of it, and grows only after
that was written. Whoever has more than his part by then makes room when he looks again. What is
left behind by a process that does not come back is removed after a while.

Everything here blocks, shortly, and is called in threads, one call at a time.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

MOST: Final = 64
"""processes that may share a directory"""
ABANDONED: Final = 600.0
"""seconds after which what a process has left behind is removed"""
_NUMBER: Final = "process-{}"
_GRANT_OCTETS: Final = 32


class Share:
    """The part of one process. `capacity` is that of all together; `seconds` is a clock."""

    def __init__(self, path: str, capacity: int, seconds: Callable[[], float]) -> None:
        self._path = path
        self._capacity = capacity
        self._seconds = seconds
        self._lock: int | None = None
        self._ended: dict[int, float] = {}
        self.number = 0
        """which process this is, from 0 on"""

    @property
    def directory(self) -> str:
        """Where its files are."""
        return self._directory(self.number)

    def take(self) -> None:
        """Take the first number that is free. Raises OSError, also when there is none."""
        os.makedirs(self._path, mode=0o700, exist_ok=True)
        with self._all_alone():
            for number in range(MOST):
                lock = self._try(number)
                if lock is not None:
                    self.number, self._lock = number, lock
                    os.makedirs(self.directory, mode=0o700, exist_ok=True)
                    return
        raise OSError(0, f"{MOST} processes use it already")

    def release(self) -> None:
        """Let somebody else have the number, with what is there."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def grant(self, octets: int) -> int:
        """How many octets this process may have now, while it has so many. Where that is less, what
        is over is to be removed, and this is to be called again. Raises OSError."""
        assert self._lock is not None, "take comes first"
        with self._all_alone():
            live, others = 1, 0
            for number in self._others():
                granted = self._granted(number)
                others += granted
                has_ended = self._has_ended(number)
                live += not has_ended
                if has_ended and granted:
                    self._ended.setdefault(number, self._seconds())
                else:
                    self._ended.pop(number, None)
            mine = max(0, min(self._capacity // live, self._capacity - others))
            _write(self._lock, max(mine, octets))
        return mine

    def clear_abandoned(self) -> None:
        """Remove what processes have left behind that have not come back for long."""
        now = self._seconds()
        for number in [number for number, at in self._ended.items() if now - at >= ABANDONED]:
            lock = self._try(number)
            if lock is None:
                continue
            try:
                for name in [f"{one:02x}" for one in range(256)]:
                    shutil.rmtree(f"{self._directory(number)}/{name}", ignore_errors=True)
                with self._all_alone():
                    _write(lock, 0)
            finally:
                os.close(lock)
            del self._ended[number]

    # ------------------------------------------------------------ inside

    def _directory(self, number: int) -> str:
        return f"{self._path}/{_NUMBER.format(number)}" if number else self._path

    def _file(self, number: int) -> str:
        return f"{self._path}/{_NUMBER.format(number)}.lock"

    def _others(self) -> Iterator[int]:
        for number in range(MOST):
            if number != self.number and os.path.exists(self._file(number)):
                yield number

    def _try(self, number: int) -> int | None:
        lock = os.open(self._file(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise
        return lock

    def _has_ended(self, number: int) -> bool:
        lock = self._try(number)
        if lock is None:
            return False
        os.close(lock)
        return True

    def _granted(self, number: int) -> int:
        with suppress(OSError, ValueError), open(self._file(number), "rb") as file:
            return int(file.read(_GRANT_OCTETS) or b"0")
        return 0

    @contextmanager
    def _all_alone(self) -> Iterator[None]:
        """Nobody else reads or writes grants meanwhile."""
        directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)


def _write(lock: int, octets: int) -> None:
    os.pwrite(lock, b"%-31d\n" % octets, 0)
