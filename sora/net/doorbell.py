"""The doorbell between the processes of one node that share a database: Unix-domain sockets.

Each process listens on a socket of its own in a directory that all of them know, and is
connected to the sockets of the others; what it has to say goes to each of them. A newcomer
connects to whom it finds and introduces itself, whereupon the others connect to it. The names
of sockets begin with the database's, so that processes of different databases do not meet.

Ringing costs an entry in a dictionary for each other process: it never waits and never fails.
What was rung in a turn of the reactor leaves in one write, and while a process does not read,
what is rung is collected for it, each mailbox once, up to `MAX_WAITING`; what is beyond is
dropped and counted. That is no loss: the doorbell only makes quick what the poll
(`sora.mailbox.change_poll`) makes certain.

A process that was killed leaves its socket behind; whoever finds that nobody listens there
removes it.
"""

import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint, connectProtocol
from twisted.internet.error import CannotListenError, ConnectError, ConnectionRefusedError
from twisted.internet.interfaces import IListeningPort, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.deferreds import Tasks
from sora.metrics.doorbell import DoorbellMetrics
from sora.net.rings import Kind, Ring, RingReader, Waiting, hello, introduced, written

MAX_WAITING: Final = 10_000
"""mailboxes and accounts that are kept for a process that does not read"""
LOOK_AROUND: Final = 5.0
"""seconds between two looks at the directory"""
STALE_AFTER: Final = 10.0
"""seconds after which a socket at which nobody listens is one that was left behind"""
CONNECT_TIMEOUT: Final = 2.0

_NAME: Final = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{12}")
"""of a socket: the database, and the beginning of the process's UUID"""

Heard = Callable[[Ring], None]


class Doorbell(Service):
    """The doorbell of one process. `ring` may be called at any time, also before the start.

    `heard` is called with what others ring. A `directory` that cannot be used is logged, and all
    goes on without.
    """

    log = Logger()
    name = "doorbell"

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        database_id: UUID,
        process_id: UUID,
        metrics: DoorbellMetrics,
        heard: Heard,
    ) -> None:
        self._reactor = reactor
        self._directory = directory
        self._database = database_id.hex
        self.process_id = process_id
        self._metrics = metrics
        self._heard = heard
        self._others: dict[str, _Other] = {}
        self._open: set[_Wire] = set()
        self._tasks = Tasks()
        self._port: IListeningPort | None = None
        self._is_flushing = False
        self._loop = LoopingCall(self._look_around)
        self._loop.clock = reactor

    @property
    def others(self) -> int:
        """How many other processes hear this one."""
        return len(self._others)

    # ---------------------------------------------------------- ringing

    def mailbox_changed(self, mailbox_id: int, modseq: int) -> None:
        """Tell the others of a write that was committed."""
        self._ring(Ring(Kind.MAILBOX, mailbox_id, modseq))

    def names_changed(self, account_id: int) -> None:
        """Tell the others that an account's names or subscriptions have changed."""
        self._ring(Ring(Kind.NAMES, account_id, 0))

    def annotated(self, mailbox_id: int, reader: int, names: bytes) -> None:
        """Tell the others of annotations that were changed; see `Kind.ANNOTATED`."""
        self._ring(Ring(Kind.ANNOTATED, mailbox_id, reader, names))

    def _ring(self, ring: Ring) -> None:
        if not self._others:
            return
        for other in self._others.values():
            if not other.waiting.add(ring):
                self._metrics.dropped.inc()
        if not self._is_flushing:
            self._is_flushing = True
            self._reactor.callLater(0, self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        for other in self._others.values():
            other.flush()

    # ---------------------------------------------------------- start and stop

    def startService(self) -> "Deferred[None]":
        """Listen, and look for the others."""
        super().startService()
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        await self._listen()
        self._loop.start(LOOK_AROUND, now=True)
        for name in self._names():
            if not name.startswith(self._database + "."):
                self._tasks.start(self._tidy(self._directory / name), f"look at {name}")

    async def _listen(self) -> None:
        await self._stop_listening()
        try:
            prepare(self._directory)
            endpoint = UNIXServerEndpoint(self._reactor, str(self._own), mode=0o600, wantPID=False)
            self._port = await endpoint.listen(_Factory(self._arrived))
        except (OSError, CannotListenError) as error:
            self.log.warn(
                "other processes on this machine will learn of changes only after a while: "
                "no socket can be made in {directory}: {error}",
                directory=str(self._directory),
                error=str(error),
            )

    async def _stop_listening(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            # Twisted removes the socket's file, and would never come to an end without it.
            self._own.touch()
            await maybeDeferred(port.stopListening)

    def stopService(self) -> "Deferred[None]":
        """Hang up."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._loop.running:
            self._loop.stop()
        await self._tasks.cancel()
        await self._stop_listening()
        wires = list(self._open)
        for wire in wires:
            wire.hang_up()
        await DeferredList([wire.gone for wire in wires])

    @property
    def _own(self) -> Path:
        return self._path(self.process_id)

    def _path(self, process_id: UUID) -> Path:
        # Not the whole UUID: the path of a socket may have 107 octets.
        return self._directory / f"{self._database}.{process_id.hex[:12]}"

    # ---------------------------------------------------------- the others

    def _names(self) -> list[str]:
        """The sockets in the directory, by their names; other files are not ours to touch."""
        try:
            return list(filter(_NAME.fullmatch, os.listdir(self._directory)))
        except OSError as error:
            self.log.debug("cannot look for other processes: {error}", error=str(error))
            return []

    def _look_around(self) -> None:
        names = self._names()
        own = self._own.name
        for name in names:
            if name.startswith(self._database + ".") and name != own and name not in self._others:
                self._meet(self._directory / name)
        if self._port is not None and own not in names:
            # Somebody has tidied up; newcomers would not find us.
            self._tasks.start(self._listen(), "listen")

    async def _tidy(self, path: Path) -> None:
        """The socket of another database: it is removed if it was left behind."""
        endpoint = UNIXClientEndpoint(self._reactor, str(path), timeout=CONNECT_TIMEOUT)
        try:
            stranger = await connectProtocol(endpoint, _Wire(self))
        except ConnectionRefusedError:
            self._remove_if_stale(path)
        except ConnectError as error:
            self.log.debug("{name} cannot be reached: {error}", name=path.name, error=error)
        else:
            stranger.hang_up()

    def _meet(self, path: Path) -> None:
        if path.name not in self._tasks.names:
            self._tasks.start(self._connect(path), path.name)

    async def _connect(self, path: Path) -> None:
        endpoint = UNIXClientEndpoint(self._reactor, str(path), timeout=CONNECT_TIMEOUT)
        try:
            await connectProtocol(endpoint, _Other(self, path.name))
        except ConnectionRefusedError:
            self._remove_if_stale(path)
        except ConnectError as error:
            # It has gone meanwhile, or has no room for us now: the next look tells.
            self.log.debug("{name} cannot be reached: {error}", name=path.name, error=error)

    def _remove_if_stale(self, path: Path) -> None:
        """Nobody listens there: a process was killed, or is about to listen."""
        with suppress(OSError):
            found = path.lstat()
            is_old = self._reactor.seconds() - found.st_mtime > STALE_AFTER
            if is_old and stat.S_ISSOCK(found.st_mode):
                path.unlink()

    def _arrived(self) -> "_Listener":
        return _Listener(self)

    def listen_to(self, ring: Ring) -> None:
        """Another process rang."""
        if ring.kind == Kind.HELLO:
            path = self._path(introduced(ring))
            if path.name not in self._others and self.running:
                self._meet(path)
        else:
            self._metrics.heard.inc()
        self._heard(ring)

    def opened(self, wire: "_Wire") -> None:
        """A connection was made, in either direction."""
        self._open.add(wire)

    def closed(self, wire: "_Wire") -> None:
        """A connection has ended."""
        self._open.discard(wire)

    def met(self, other: "_Other") -> None:
        """Another process hears us from now on."""
        self._others[other.name] = other
        self._metrics.others.set(len(self._others))

    def lost(self, other: "_Other") -> None:
        """It does not any more."""
        if self._others.get(other.name) is other:
            del self._others[other.name]
            self._metrics.others.set(len(self._others))

    def sent(self, rings: int) -> None:
        """So many have left."""
        self._metrics.sent.inc(rings)


class _Wire(Protocol):
    """One connection."""

    transport: Any

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self._doorbell.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._doorbell.closed(self)
        self.gone.callback(None)

    def hang_up(self) -> None:
        """End the connection; what was not sent is lost."""
        self.transport.abortConnection()


class _Listener(_Wire):
    """A connection that another process made: it speaks."""

    def __init__(self, doorbell: Doorbell) -> None:
        super().__init__(doorbell)
        self._reader = RingReader()

    def dataReceived(self, data: bytes) -> None:
        for ring in self._reader.receive(data):
            self._doorbell.listen_to(ring)


@implementer(IPushProducer)
class _Other(_Wire):
    """A connection to another process: it listens."""

    def __init__(self, doorbell: Doorbell, name: str) -> None:
        super().__init__(doorbell)
        self.name = name
        self.waiting = Waiting(MAX_WAITING)
        self._is_blocked = False

    def flush(self) -> None:
        """Send what waits, if it is read."""
        if not self._is_blocked and len(self.waiting):
            self._doorbell.sent(len(self.waiting))
            self.transport.write(self.waiting.take())

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.registerProducer(self, True)
        self.transport.write(written([hello(self._doorbell.process_id)]))
        self._doorbell.met(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._doorbell.lost(self)
        super().connectionLost(reason)

    def pauseProducing(self) -> None:
        """It does not read."""
        self._is_blocked = True

    def resumeProducing(self) -> None:
        """It reads again."""
        self._is_blocked = False
        self.flush()

    def stopProducing(self) -> None:
        """It is gone."""
        self._is_blocked = True


class _Factory(Factory):
    noisy = False

    def __init__(self, make: Callable[[], _Listener]) -> None:
        self._make = make

    def buildProtocol(self, addr: object) -> _Listener:
        return self._make()


def prepare(directory: Path) -> None:
    """Have the directory, for this user alone. Raises OSError when it is somebody else's."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError("it is not a directory of this user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        directory.chmod(0o700)
