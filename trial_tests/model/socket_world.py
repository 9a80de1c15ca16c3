"""Real processes of Sora that share one database, reached over their ports."""

import re
import smtplib
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from trial_tests.support.sora_node import SoraNode

WAIT_SECONDS: Final = 60.0


class SocketWire:
    """A connection to a process."""

    def __init__(self, node: SoraNode, user: str, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", node.imap), WAIT_SECONDS)
        self._data = b""
        self.take(b"* OK")
        self.send(f'login LOGIN {user} "{password}"\r\n'.encode())
        said = self.take(b"login")
        assert b"login OK" in said, said

    def send(self, data: bytes) -> None:
        """Send octets."""
        self._socket.sendall(data)

    def take(self, until: bytes) -> bytes:
        """What was said up to a line that begins with `until`, or the goodbye; what is there in
        whole lines when that is empty."""
        if not until:
            self._receive_what_is_there()
            end = self._data.rfind(b"\r\n") + 2 if b"\r\n" in self._data else 0
        else:
            line = re.compile(rb"(?m)^(?:%b|\* BYE)[^\r\n]*\r\n" % re.escape(until))
            while (found := line.search(self._data)) is None:
                data = self._socket.recv(65536)
                assert data, self._data
                self._data += data
            end = found.end()
        said, self._data = self._data[:end], self._data[end:]
        return said

    def _receive_what_is_there(self) -> None:
        self._socket.setblocking(False)
        try:
            while data := self._socket.recv(65536):
                self._data += data
        except BlockingIOError:
            return
        finally:
            self._socket.settimeout(WAIT_SECONDS)

    def hang_up(self) -> None:
        """The connection is lost."""
        self._socket.close()


class SocketWorld:
    """`World` over processes that run."""

    def __init__(self, nodes: Sequence[SoraNode], user: str, password: str) -> None:
        self.processes = len(nodes)
        self.is_held = self.is_prompt = False
        self._nodes, self._user, self._password = nodes, user, password
        self._wires: list[SocketWire] = []

    def connect(self, process: int) -> SocketWire:
        """A connection that has logged in."""
        wire = SocketWire(self._nodes[process], self._user, self._password)
        self._wires.append(wire)
        return wire

    def deliver(self, process: int, message: bytes) -> None:
        """A message comes for the account's INBOX."""
        with closing(smtplib.LMTP("127.0.0.1", self._nodes[process].lmtp)) as client:
            client.sendmail("a@example.org", [self._user], message)

    def close(self) -> None:
        """All connections end."""
        for wire in self._wires:
            wire.hang_up()
