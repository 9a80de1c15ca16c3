"""Real processes of Sora that share one database, reached over their ports."""

import re
import smtplib
import socket
import zlib
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from trial_tests.support.sora_node import SoraNode

WAIT_SECONDS: Final = 60.0


class SocketWire:
    """A connection to a process, compressed (RFC 4978) or not."""

    def __init__(self, node: SoraNode, user: str, password: str, compresses: bool) -> None:
        self._socket = socket.create_connection(("127.0.0.1", node.imap), WAIT_SECONDS)
        self._data = b""
        self._deflate: Any = None
        self._inflate: Any = None
        self.take(b"* OK")
        self.send(f'login LOGIN {user} "{password}"\r\n'.encode())
        said = self.take(b"login")
        assert b"login OK" in said, said
        if compresses:
            self.send(b"z COMPRESS DEFLATE\r\n")
            said = self.take(b"z ")
            assert b"z OK" in said and not self._data, said
            self._deflate = zlib.compressobj(wbits=-15)
            self._inflate = zlib.decompressobj(wbits=-15)

    def send(self, data: bytes) -> None:
        """Send octets."""
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._socket.sendall(data)

    def _receive(self) -> bool:
        """Take in what comes, waiting as long as the socket does; False when it is the end."""
        data = self._socket.recv(65536)
        self._data += data if self._inflate is None else self._inflate.decompress(data)
        return bool(data)

    def take(self, until: bytes) -> bytes:
        """What was said up to a line that begins with `until`, or the goodbye; what is there in
        whole lines when that is empty."""
        if not until:
            self._receive_what_is_there()
            end = self._data.rfind(b"\r\n") + 2 if b"\r\n" in self._data else 0
        else:
            line = re.compile(rb"(?m)^(?:%b|\* BYE)[^\r\n]*\r\n" % re.escape(until))
            while (found := line.search(self._data)) is None:
                assert self._receive(), self._data
            end = found.end()
        said, self._data = self._data[:end], self._data[end:]
        return said

    def _receive_what_is_there(self) -> None:
        self._socket.setblocking(False)
        try:
            while self._receive():
                pass
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
        """A connection that has logged in; every second one is compressed."""
        compresses = len(self._wires) % 2 == 1
        wire = SocketWire(self._nodes[process], self._user, self._password, compresses)
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
