"""The log's way to syslog and journald: datagrams over a local socket, none lost to a burst.

Such a socket takes a handful of records (net.unix.max_dgram_qlen: 10 on many systems) until its
daemon reads them. What it does not take at once waits here, in order, and a thread sends it on; the
reactor never waits.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from errno import EMSGSIZE
from socket import AF_UNIX, SOCK_DGRAM, socket
from threading import Condition, Thread
from time import monotonic
from typing import Final

WAITING: Final = 10_000
"""records that wait at most: what comes then is lost, and counted"""
_SHORTEST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 1.0
"""seconds between two attempts: each pause is twice as long as the one before"""
_LAST: Final = 2.0
"""seconds that `close` gives to what waits"""


class LogSocket:
    """Sends datagrams to the local socket at `path`. Raises OSError if it is not there now; a
    daemon that goes away later is waited for. When records were lost, `lost` makes the one that
    says so."""

    def __init__(self, path: str, lost: Callable[[int], bytes], waiting: int = WAITING) -> None:
        self._path = path
        self._lost_record = lost
        self._most = waiting
        self._lost = 0
        self._waiting: deque[bytes] = deque()
        self._changed = Condition()
        self._closing = False
        self._thread: Thread | None = None
        self._socket = self._open()

    def _open(self) -> socket:
        opened = socket(AF_UNIX, SOCK_DGRAM)
        opened.setblocking(False)
        try:
            opened.connect(self._path)
        except OSError as error:
            opened.close()
            raise OSError(error.errno, error.strerror, self._path) from None
        return opened

    def send(self, packet: bytes) -> None:
        """Send one record, now or as soon as it can be."""
        with self._changed:
            if self._closing:
                return
            if self._waiting or not self._sent(packet):
                if len(self._waiting) < self._most:
                    self._waiting.append(packet)
                else:
                    self._lost += 1
            if self._waiting or self._lost:
                self._start()

    def _start(self) -> None:
        # A thread does not live on in the child of a fork.
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._send_on, name="log", daemon=True)
            self._thread.start()

    def reopen(self) -> None:
        """Find the socket anew, if it is there: else the next record looks for it."""
        with self._changed, suppress(OSError):
            self._reopen()

    def _reopen(self) -> None:
        fresh = self._open()
        self._socket.close()
        self._socket = fresh

    def close(self) -> None:
        """Send nothing more, but for what waits, if that goes quickly."""
        with self._changed:
            end = monotonic() + _LAST
            while self._waiting and (left := end - monotonic()) > 0:
                self._changed.wait(left)
            self._closing = True
            self._changed.notify_all()
            self._socket.close()

    def _sent(self, packet: bytes) -> bool:
        """Whether this record needs no further attempt."""
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == EMSGSIZE:
                self._lost += 1  # it is too long today and tomorrow
                return True
            return self._sent_anew(packet)
        return True

    def _sent_anew(self, packet: bytes) -> bool:
        """The daemon was restarted: its socket is another one by now."""
        try:
            self._reopen()
            self._socket.send(packet)
        except OSError:
            return False
        return True

    def _send_on(self) -> None:
        """The thread: until nothing waits."""
        pause = _SHORTEST_PAUSE
        with self._changed:
            while not self._closing:
                if self._waiting and self._sent(self._waiting[0]):
                    self._waiting.popleft()
                    pause = _SHORTEST_PAUSE
                elif self._waiting:
                    self._changed.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                elif self._lost:
                    self._waiting.append(self._lost_record(self._lost))
                    self._lost = 0
                else:
                    break
            self._thread = None
            self._changed.notify_all()
