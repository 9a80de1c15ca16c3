"""Clients of IMAP, LMTP and POP3 for the load: asyncio, small, and strict about what ends a session.

Whatever ends a connection is `Cut`: the last command may have been done or not.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

from attrs import frozen

PATIENCE: Final = 30.0
"""seconds for an answer: longer than any limit of the servers under test"""
_LITERAL: Final = re.compile(rb"\{(\d+)\}\r\n\Z")


class Cut(Exception):
    """The connection ended, or no answer came."""


class Refused(Exception):
    """The server took the session for the time being not (greeting, login)."""


class Wire:
    """A connection that reads lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect; raises Cut."""
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))
        except OSError as error:
            raise Cut(str(error)) from error

    async def line(self) -> bytes:
        """The next line, with its CRLF."""
        return await self._within(self._reader.readline())

    async def octets(self, count: int) -> bytes:
        """So many octets."""
        return await self._within(self._reader.readexactly(count))

    async def _within(self, reading) -> bytes:
        try:
            data = await asyncio.wait_for(reading, PATIENCE)
        except TimeoutError as error:
            self.close()
            raise Cut(f"no answer within {PATIENCE:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise Cut(str(error)) from error
        if not data:
            raise Cut("closed")
        return data

    async def send(self, data: bytes) -> None:
        """Write it all."""
        try:
            self._writer.write(data)
            await asyncio.wait_for(self._writer.drain(), PATIENCE)
        except (OSError, TimeoutError) as error:
            raise Cut(str(error)) from error

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError, RuntimeError):
            self._writer.close()


@frozen
class Said:
    """An answer of IMAP: the tagged line without its tag, and each untagged response with its
    literals in place."""

    tagged: bytes
    untagged: Sequence[bytes]

    @property
    def is_ok(self) -> bool:
        """Whether it was done."""
        return self.tagged.startswith(b"OK")

    def all(self) -> bytes:
        """Everything, in one."""
        return b"".join(self.untagged) + self.tagged


class Imap(Wire):
    """A session of IMAP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._tag = 0

    async def greeted(self) -> None:
        """Read the greeting."""
        line = await self.line()
        if not line.startswith(b"* OK"):
            self.close()
            raise Refused(line.decode("ascii", "replace"))

    async def ask(self, command: bytes) -> Said:
        """One command (literals as LITERAL+), and its answer."""
        self._tag += 1
        tag = b"t%d" % self._tag
        await self.send(tag + b" " + command + b"\r\n")
        untagged = []
        while True:
            response = await self._response()
            if response.startswith(tag + b" "):
                return Said(response[len(tag) + 1 :], untagged)
            if response.startswith(b"* BYE"):
                raise Cut(response.decode("ascii", "replace"))
            untagged.append(response)

    async def leave(self) -> None:
        """LOGOUT, and the server's goodbye."""
        await self.send(b"out LOGOUT\r\n")
        with suppress(Cut):
            while not (await self.line()).startswith(b"out "):
                pass

    async def _response(self) -> bytes:
        response = await self.line()
        while (literal := _LITERAL.search(response)) is not None:
            response += await self.octets(int(literal[1]))
            response += await self.line()
        return response


class Lmtp(Wire):
    """A session of LMTP."""

    async def reply(self) -> bytes:
        """A reply, all of its lines."""
        said = line = await self.line()
        while line[3:4] == b"-":
            line = await self.line()
            said += line
        return said

    async def greeted(self) -> None:
        """Read the greeting, and say LHLO."""
        for command in (b"", b"LHLO load.example\r\n"):
            if command:
                await self.send(command)
            said = await self.reply()
            if not said.startswith((b"220", b"250")):
                self.close()
                raise Refused(said.decode("ascii", "replace"))

    async def deliver(self, recipients: Sequence[str], octets: bytes) -> dict[str, bytes]:
        """One message; gives the reply for each recipient. Raises Cut: none of them is known, but
        those that were answered (`replies` of the error)."""
        replies: dict[str, bytes] = {}
        try:
            await self.send(b"MAIL FROM:<load@example.org>\r\n")
            said = await self.reply()
            if not said.startswith(b"2"):
                return dict.fromkeys(recipients, said)
            taken = []
            for recipient in recipients:
                await self.send(b"RCPT TO:<%s>\r\n" % recipient.encode())
                said = await self.reply()
                if said.startswith(b"2"):
                    taken.append(recipient)
                else:
                    replies[recipient] = said
            if not taken:
                await self.send(b"RSET\r\n")
                await self.reply()
                return replies
            await self.send(b"DATA\r\n")
            said = await self.reply()
            if not said.startswith(b"354"):
                return {**replies, **dict.fromkeys(taken, said)}
            await self.send(octets + b".\r\n")
            for recipient in taken:
                replies[recipient] = await self.reply()
        except Cut as cut:
            self.close()
            cut.replies = replies  # type: ignore[attr-defined]
            raise
        return replies


class Pop3(Wire):
    """A session of POP3."""

    async def ask(self, command: bytes, lines: bool = False) -> tuple[bytes, bytes]:
        """A command; gives its status line and, with `lines`, what follows up to the dot."""
        if command:
            await self.send(command + b"\r\n")
        status = await self.line()
        found = b""
        if lines and status.startswith(b"+OK"):
            parts = []
            while (line := await self.line()) != b".\r\n":
                parts.append(line[1:] if line.startswith(b".") else line)
            found = b"".join(parts)
        return status, found
