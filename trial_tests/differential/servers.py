"""The two servers that are asked the same, and what both say.

Sora is the IMAP server over the memory storage, or a whole one with its database; Dovecot is the
installed one. `ask` takes a
command without its tag and gives all that the server said; literals in commands are
non-synchronising.
"""

import socket
from typing import Protocol

from trial_tests.support.imap_answers import lines
from trial_tests.support.transcript import Client


class Asked(Protocol):
    """One session with a server."""

    def ask(self, command: bytes) -> bytes:
        """All that the server says to a command, which has to succeed."""
        ...


def _checked(command: bytes, said: bytes) -> bytes:
    last = list(lines(said))[-1:]
    if not last or not last[0].startswith(b"t OK"):
        raise ValueError(f"{command[:300]!r}: {said[-300:]!r}")
    return said


class SoraSession:
    """A client of the transcript tests."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, command: bytes) -> bytes:
        """See Asked."""
        return _checked(command, self._client.ask(b"t " + command))


class SocketSession:
    """A session with a server at a port of this machine."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 300)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self.ask(f'LOGIN {user} "{password}"'.encode())

    def ask(self, command: bytes) -> bytes:
        """See Asked."""
        self._socket.sendall(b"t " + command + b"\r\n")
        said = []
        while True:
            line = self._file.readline()
            said.append(line)
            if line.endswith(b"}\r\n") and b"{" in line:
                said.append(self._file.read(int(line[line.rindex(b"{") + 1 : -3])))
            elif line.startswith((b"t OK", b"t NO", b"t BAD")) and _begins(said):
                return _checked(command, b"".join(said))
            elif not line:
                raise ConnectionError(f"it hung up: {b''.join(said)[-300:]!r}")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


def _begins(said: list[bytes]) -> bool:
    """Whether the last line is not what stands behind a literal."""
    return len(said) < 2 or said[-2].endswith(b"\r\n")


def append(session: Asked, name: str, message: bytes, date: str = "") -> None:
    """Put a message into a mailbox; `date` is a date-time in quotes, with a space behind it."""
    session.ask(b"APPEND %s %s{%d+}\r\n%s" % (name.encode(), date.encode(), len(message), message))
