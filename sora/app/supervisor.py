"""What systemd is told (sd_notify(3)): what Sora is doing, when it serves, that it lives,
and that it ends. `systemctl start` waits for the mail to be served, `systemctl status` shows the
last sentence, and a process that does nothing any more is started anew.

Where nobody wants to know, which is everywhere but below systemd, nothing is sent.
"""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

PATIENCE: Final = 0.5
"""seconds that a word may take; who supervises reads at once, or hangs itself"""
LONGEST: Final = 500
"""characters of a sentence for `systemctl status`"""


class Supervisor(Service):
    """What has started this process and asks for words: while this service runs it is told
    regularly that the reactor turns."""

    log = Logger()
    name = "supervisor"

    def __init__(self, address: str, watchdog: float | None, clock: IReactorTime) -> None:
        """`address` is the path of a socket, `@name` an abstract one, and empty when nobody
        asks; within `watchdog` seconds it wants a sign of life."""
        self._address = address
        self._interval = None if watchdog is None else watchdog / 2
        self._beat = LoopingCall(self._send, "WATCHDOG=1")
        self._beat.clock = clock

    def startService(self) -> None:
        """Give signs of life from now on."""
        super().startService()
        if self._address and self._interval is not None:
            self._beat.start(self._interval)

    def stopService(self) -> None:
        """The last one that stops: no more signs of life."""
        super().stopService()
        if self._beat.running:
            self._beat.stop()

    def doing(self, what: str) -> None:
        """What goes on, in a sentence."""
        line = " ".join(what.split())
        self._send(f"STATUS={line[:LONGEST]}")

    def ready(self, sentence: str) -> None:
        """Mail is served from now on."""
        self._send(f"READY=1\nSTATUS={sentence}")

    def ending(self) -> None:
        """Nobody new is served."""
        self._send("STOPPING=1\nSTATUS=saying goodbye to clients")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(PATIENCE)
                sock.sendto(text.encode("utf-8", "replace"), address)
        except OSError as error:
            self.log.warn("systemd was not told: {error}", error=str(error))


def supervisor_of(environ: MutableMapping[str, str], clock: IReactorTime) -> Supervisor:
    """What the environment names. It is taken out of it: what this process starts is
    not to speak for it."""
    address = environ.pop("NOTIFY_SOCKET", "")
    microseconds = environ.pop("WATCHDOG_USEC", "")
    process = environ.pop("WATCHDOG_PID", "")
    is_meant = (
        microseconds.isdecimal() and int(microseconds) > 0 and process in ("", str(os.getpid()))
    )
    return Supervisor(address, int(microseconds) / 1e6 if is_meant else None, clock)
