"""ManageSieve sessions whose answers can be compared: condition, response code, data; not the words
for people."""

import re
import socket
from base64 import b64encode
from pathlib import Path
from typing import Final

from attrs import frozen

from trial_tests.support.dovecot import PASSWORD, Dovecot
from trial_tests.support.ports import free_port
from trial_tests.support.transcript import Client

_STRING: Final = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"|\{(\d+)\}\r\n')
_CONDITION: Final = re.compile(rb"(OK|NO|BYE)(?: \(([A-Z/-]+)( )?)?", re.IGNORECASE)


class Incomplete(Exception):
    """More octets are needed."""


@frozen
class Answer:
    """What a server says to a command. `data` are the lines before the condition, each as its
    strings and atoms; their order is the server's own affair (RFC 5804 §2.7)."""

    condition: str
    code: str
    data: tuple[tuple[str, ...], ...] = ()


def read_answer(said: bytes) -> Answer:
    """The answer that stands in these octets. Raises Incomplete."""
    place, data = 0, []
    while (condition := _CONDITION.match(said, place)) is None:
        text, place = _string(said, place)
        line = [text]
        if said.startswith(b" ACTIVE", place):
            line.append("ACTIVE")
            place += 7
        elif said.startswith(b" ", place):
            text, place = _string(said, place + 1)
            line.append(text)
        data.append(tuple(line))
        place = _end(said, place)
    place = condition.end()
    code = (condition[2] or b"").decode().upper()
    if condition[3]:
        text, place = _string(said, place)
        code += " " + text
    place += bool(condition[2])
    if said.startswith(b" ", place):
        _, place = _string(said, place + 1)
    _end(said, place)
    return Answer(condition[1].decode().upper(), code, tuple(sorted(data)))


def _string(said: bytes, place: int) -> tuple[str, int]:
    found = _STRING.match(said, place)
    if found is None:
        raise Incomplete
    if found[2] is None:
        return re.sub(rb"\\(.)", rb"\1", found[1]).decode(), found.end()
    end = found.end() + int(found[2])
    if end > len(said):
        raise Incomplete
    return said[found.end() : end].decode(), end


def _end(said: bytes, place: int) -> int:
    if not said.startswith(b"\r\n", place):
        raise Incomplete
    return place + 2


class SoraSession:
    """A client of the dialogue tests, which has logged in."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, command: bytes) -> Answer:
        """The answer to a command."""
        return read_answer(self._client.ask(command))


class DovecotSession:
    """A connection to Dovecot, which has logged in as `user`."""

    def __init__(self, server: "SieveDovecot", user: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.sieve), 30)
        self._read()
        response = b64encode(f"\0{user}\0{PASSWORD}".encode())
        said = self.ask(b'AUTHENTICATE "PLAIN" "' + response + b'"')
        assert said.condition == "OK", said

    def ask(self, command: bytes) -> Answer:
        """The answer to a command."""
        self._socket.sendall(command + b"\r\n")
        return self._read()

    def _read(self) -> Answer:
        said = b""
        while True:
            more = self._socket.recv(65536)
            assert more, said
            said += more
            try:
                return read_answer(said)
            except Incomplete:
                continue

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class SieveDovecot(Dovecot):
    """A Dovecot with ManageSieve, and with the limits of our tests."""

    def __init__(self, program: str, directory: Path) -> None:
        super().__init__(program, directory)
        self.sieve = free_port()

    def _configuration(self) -> str:
        text = super()._configuration().replace("protocols = imap\n", "protocols = imap sieve\n")
        return f"""{text}
service managesieve-login {{
  chroot =
  inet_listener sieve {{
    address = 127.0.0.1
    port = {self.sieve}
  }}
}}
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_max_script_size = 1000B
  sieve_quota_max_scripts = 5
  sieve_quota_max_storage = 2500B
}}
"""
