"""What a user's clients and the server say to each other, written to files for whoever hunts a bug.

A transcript begins when the user has logged in and ends when nobody is logged in any more, so it
never has a password in it. It does have mail: the directory is for its owner alone, and a file
ends at `MOST` octets.

    2026-11-27T16:40:02.113Z C: a3 SELECT INBOX
    2026-11-27T16:40:02.117Z S: * 172 EXISTS
"""

import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from twisted.logger import Logger

MOST: Final = 64 * 1024 * 1024
"""octets of one file"""
LONGEST: Final = 64 * 1024
"""octets of a line that are waited for"""


class Transcript:
    """One conversation. `heard` takes what the client says, `said` what the server says, each in
    pieces of any size."""

    log = Logger()

    def __init__(self, file: BinaryIO, seconds: Callable[[], float]) -> None:
        self._file = file
        self._seconds = seconds
        self._left = MOST
        self._parts = {b"C": b"", b"S": b""}

    def heard(self, data: bytes) -> None:
        """Octets of the client."""
        self._add(b"C", data)

    def said(self, data: bytes) -> None:
        """Octets of the server."""
        self._add(b"S", data)

    def close(self) -> None:
        """Nothing more comes."""
        for who, rest in self._parts.items():
            if rest:
                self._write(who, [rest])
        self._parts = {}
        self._file.close()

    def _add(self, who: bytes, data: bytes) -> None:
        if who not in self._parts or not self._left:
            return
        *lines, rest = (self._parts[who] + data).split(b"\n")
        if len(rest) > LONGEST:
            lines.append(rest)
            rest = b""
        self._parts[who] = rest
        self._write(who, lines)

    def _write(self, who: bytes, lines: list[bytes]) -> None:
        moment = datetime.fromtimestamp(self._seconds(), UTC).isoformat(timespec="milliseconds")
        start = moment.replace("+00:00", "Z").encode() + b" " + who + b": "
        text = b"".join([start + line.removesuffix(b"\r") + b"\n" for line in lines])
        if len(text) > self._left:
            text, self._left = b"(this is enough)\n", 0
        else:
            self._left -= len(text)
        try:
            self._file.write(text)
        except OSError as error:
            self._left = 0
            self.log.warn("a transcript ends: {error}", error=error.strerror or str(error))


class Transcripts:
    """Whose conversations are written, and where; nobody's at first."""

    log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._users: frozenset[str] = frozenset()
        self._directory: Path | None = None

    def change(self, users: Collection[str], directory: str) -> None:
        """Write those of these users from now on, into files below this directory."""
        self._users = frozenset(user.casefold() for user in users)
        self._directory = Path(directory) if directory else None

    def wants(self, user: str) -> bool:
        """Whether this user's are written."""
        return self._directory is not None and user.casefold() in self._users

    def begin(self, user: str, protocol: str, number: int, address: str) -> Transcript | None:
        """A new one, in a file of its own; None when it cannot be written, which the log says."""
        assert self._directory is not None
        moment = datetime.fromtimestamp(self._seconds(), UTC).strftime("%Y%m%dT%H%M%S")
        name = "".join(letter if letter.isalnum() or letter in "@.-_+" else "_" for letter in user)
        place = self._directory / name.lstrip(".")
        file = place / f"{moment}-{protocol}-{os.getpid()}-{number}.log"
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            self.log.warn(
                "the transcript {file} cannot be written: {error}",
                file=str(file),
                error=error.strerror or str(error),
            )
            return None
        self.log.info(
            "a transcript of {user}, from {address}, is written to {file}",
            user=user,
            address=address,
            file=str(file),
        )
        return Transcript(os.fdopen(handle, "ab", buffering=0), self._seconds)
