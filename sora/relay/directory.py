"""The queue on disk. Everything here blocks and is called in a thread.

    <path>/<n>/             a lane: of one process, which holds its lock while it lives
        lock
        new/                being written; what a crash left there is removed
        held/               durable, and not to be sent yet
        waiting/            to be sent
        sending/            being sent; after a crash: perhaps sent
        failed/             given up or refused; kept for a while
        orders/             what sora-admin asks of the process that has the lane

Several processes, also of several nodes if they share the directory, have a lane each. One that
dies lets go of its lock; another one then moves what is there to its own lane, in the order held,
waiting, sending, failed. A file is in one directory at a time, and its place is its state: what is
in `new` does not exist yet, and a rename makes it exist (`entry` says what is in a file). What a
crash has left in `sending` stays there until it is tried again, after a pause: a process that dies
again and again does not send it again and again (G48).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from errno import EDQUOT, ENOSPC
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import Final

from sora.errors import Unavailable
from sora.relay.entry import (
    FIRST_LINE,
    MAX_ENVELOPE,
    Attempt,
    Entry,
    NotAnEntry,
    decode_entry,
    encode_attempt,
    encode_envelope,
    first_line,
    read_first_line,
)
from sora.relay.interfaces import Content, Outgoing, Readable, RelayFull

BLOCK: Final = 256 * 1024
MAX_LANES: Final = 1000
MAX_ATTEMPTS: Final = 1024 * 1024
"""Octets of attempts that are read, from the end of a file."""
_LOCK: Final = "lock"


class State(StrEnum):
    """Where a message is."""

    HELD = "held"
    WAITING = "waiting"
    SENDING = "sending"
    FAILED = "failed"


_DIRECTORIES: Final = ("new", *State, "orders")


def lanes(path: str) -> list[str]:
    """The directories of all lanes, with or without a process. Raises Unavailable."""
    try:
        names = sorted((name for name in os.listdir(path) if name.isdecimal()), key=int)
    except OSError as error:
        raise _unavailable(error, path) from error
    return [f"{path}/{name}" for name in names]


def check_writable(path: str) -> None:
    """Raises Unavailable, with the mend, when the queue cannot be there."""
    mend = f"sudo install -d -o $(id -un) -m 0700 {path}"
    if not os.path.isdir(path):
        raise Unavailable(f"The relay queue {path} does not exist; make it: {mend}")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise Unavailable(f"The relay queue {path} is not writable for this user; mend it: {mend}")


class Lane:
    """One lane, whose lock we hold until `close`."""

    def __init__(self, place: str, lock: int) -> None:
        self.place = place
        self._lock = lock
        for name in _DIRECTORIES:
            os.makedirs(f"{place}/{name}", 0o700, exist_ok=True)
        with _translated(place):
            for leftover in os.listdir(f"{place}/new"):
                os.unlink(f"{place}/new/{leftover}")
            _sync(place)

    @classmethod
    def claim(cls, path: str) -> "Lane":
        """The first lane that no process has, or a new one. Raises Unavailable."""
        check_writable(path)
        with _translated(path):
            for number in range(MAX_LANES):
                place = f"{path}/{number}"
                if not os.path.isdir(place):
                    os.makedirs(place, 0o700, exist_ok=True)
                    _sync(path)
                lock = _try_lock(place)
                if lock is not None:
                    return cls(place, lock)
        raise Unavailable(f"All {MAX_LANES} lanes of the relay queue {path} are in use")

    @classmethod
    def open(cls, place: str) -> "Lane | None":
        """This lane, unless a process has it."""
        with _translated(place):
            lock = _try_lock(place)
            return None if lock is None else cls(place, lock)

    def close(self) -> None:
        """Let others have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # ------------------------------------------------------------ writing

    def write(self, name: str, outgoing: Outgoing, content: Content, queued: float) -> int:
        """Put a message into `held`; durable after the next `sync`. Gives its size in octets.

        Raises RelayFull when the disk is full, Unavailable when it refuses otherwise; then
        nothing is left.
        """
        temporary = f"{self.place}/new/{name}"
        with _translated(self.place):
            descriptor = os.open(
                temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
            try:
                size = _write_file(descriptor, outgoing, content, queued)
                os.fsync(descriptor)
                os.rename(temporary, self.file(State.HELD, name))
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
            finally:
                os.close(descriptor)
        return size

    def sync(self, state: State) -> None:
        """Make the names in a directory durable. Raises Unavailable."""
        with _translated(self.place):
            _sync(f"{self.place}/{state}")

    def append(self, state: State, name: str, attempt: Attempt) -> None:
        """Note an attempt, durably. Raises Unavailable."""
        append(self.file(state, name), attempt)

    def move(self, name: str, before: State, after: State) -> bool:
        """Change the state of a message. False when it is not there. Raises Unavailable."""
        with _translated(self.place):
            try:
                os.rename(self.file(before, name), self.file(after, name))
            except FileNotFoundError:
                return False
            return True

    def remove(self, state: State, name: str) -> bool:
        """Remove a message. False when it is not there. Raises Unavailable."""
        with _translated(self.place):
            try:
                os.unlink(self.file(state, name))
            except FileNotFoundError:
                return False
            return True

    def begin(self, name: str) -> Entry:
        """Move a message to `sending`, and read it. Raises NotAnEntry, FileNotFoundError,
        Unavailable."""
        self.move(name, State.WAITING, State.SENDING)  # unless it is there already
        return self.read(State.SENDING, name)

    def discard(self, name: str) -> None:
        """Remove a message that waits or is being sent. Raises Unavailable."""
        for state in (State.SENDING, State.WAITING):
            self.remove(state, name)

    # ------------------------------------------------------------ reading

    def file(self, state: State, name: str) -> str:
        """Where a message is, if it is in this state."""
        return f"{self.place}/{state}/{name}"

    def names(self, state: State) -> list[str]:
        """The names in a directory, oldest first. Raises Unavailable."""
        return names(self.place, state)

    def read(self, state: State, name: str) -> Entry:
        """What a file says. Raises NotAnEntry, FileNotFoundError, Unavailable."""
        return read(self.file(state, name))

    def open_message(self, state: State, name: str) -> Readable:
        """The octets of a message. Raises Unavailable."""
        return open_message(self.file(state, name))

    def prune(self, before: float) -> int:
        """Remove what failed before a moment. Gives how many messages. Raises Unavailable."""
        count = 0
        with _translated(self.place):
            for name in self.names(State.FAILED):
                with suppress(FileNotFoundError):
                    if os.stat(self.file(State.FAILED, name)).st_mtime < before:
                        os.unlink(self.file(State.FAILED, name))
                        count += 1
        return count

    # ------------------------------------------------------------ orders, other lanes

    def take_orders(self) -> list[tuple[str, str]]:
        """What sora-admin asks: (verb, name); it is taken away."""
        found = []
        with _translated(self.place):
            for order in sorted(os.listdir(f"{self.place}/orders")):
                verb, _, name = order.partition(".")
                found.append((verb, name))
                os.unlink(f"{self.place}/orders/{order}")
        return found

    def adopt(self, place: str) -> int:
        """Move what a dead process has left in its lane to this one; what was held is to be
        sent (G48). Gives how many messages. Raises Unavailable."""
        other = Lane.open(place)
        if other is None:
            return 0
        count = 0
        try:
            with _translated(self.place):
                for state in State:
                    target = State.WAITING if state is State.HELD else state
                    for name in other.names(state):
                        os.rename(other.file(state, name), self.file(target, name))
                        count += 1
                for state in State:
                    _sync(f"{self.place}/{state}")
        finally:
            other.close()
        return count


# ---------------------------------------------------------------- files


def names(place: str, state: State) -> list[str]:
    """The names in a directory of a lane, oldest first. Raises Unavailable."""
    with _translated(place):
        return sorted(name for name in os.listdir(f"{place}/{state}") if not name.startswith("."))


def read(file: str) -> Entry:
    """An entry from its file. Raises NotAnEntry, FileNotFoundError, Unavailable."""
    try:
        with open(file, "rb") as opened:
            first = opened.read(FIRST_LINE)
            length, size, _ = read_first_line(first)
            envelope = opened.read(length)
            end = os.fstat(opened.fileno()).st_size
            begin = FIRST_LINE + length + size
            if len(envelope) != length or end < begin:
                raise NotAnEntry("it is cut short")
            opened.seek(max(begin, end - MAX_ATTEMPTS))
            attempts = opened.read(MAX_ATTEMPTS).splitlines()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unavailable(error, file) from error
    return decode_entry(os.path.basename(file), first, envelope, filter(None, attempts))


def append(file: str, attempt: Attempt) -> None:
    """Note an attempt in a file, durably. Raises Unavailable."""
    with _translated(file):
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            _write(descriptor, encode_attempt(attempt))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_message(file: str) -> Readable:
    """The octets of a message, from its file. Raises Unavailable."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _unavailable(error, file) from error
    try:
        length, size, _ = read_first_line(os.read(descriptor, FIRST_LINE))
    except (OSError, NotAnEntry) as error:
        os.close(descriptor)
        raise Unavailable(f"{file} cannot be read: {error}") from error
    return _Message(descriptor, FIRST_LINE + length, size)


class _Message:
    """Reads one part of a file."""

    def __init__(self, descriptor: int, begin: int, size: int) -> None:
        self._descriptor = descriptor
        self._position = begin
        self._end = begin + size

    def read(self, size: int, /) -> bytes:
        wanted = min(size, self._end - self._position)
        if wanted <= 0:
            return b""
        with _translated("a message of the relay queue"):
            piece = os.pread(self._descriptor, wanted, self._position)
        if not piece:
            raise Unavailable("A message of the relay queue is cut short")
        self._position += len(piece)
        return piece

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write_file(descriptor: int, outgoing: Outgoing, content: Content, queued: float) -> int:
    envelope = encode_envelope(outgoing, queued)
    if len(envelope) > MAX_ENVELOPE:
        raise RelayFull("The envelope of a message is too large")
    _write(descriptor, first_line(len(envelope), 0, False) + envelope)
    size = 0
    eight_bit = False
    body = content()
    try:
        while block := body.read(BLOCK):
            _write(descriptor, block)
            size += len(block)
            eight_bit = eight_bit or not block.isascii()
    finally:
        body.close()
    os.pwrite(descriptor, first_line(len(envelope), size, eight_bit), 0)
    return size


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _try_lock(place: str) -> int | None:
    descriptor = os.open(f"{place}/{_LOCK}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unavailable(error, place) from error


def _unavailable(error: OSError, place: str) -> Unavailable:
    if error.errno in (ENOSPC, EDQUOT):
        return RelayFull(f"The disk of {place} is full")
    return Unavailable(f"The relay queue {place} failed: {error.strerror}")
