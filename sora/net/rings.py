"""What is said over the doorbell between processes. Sans-IO.

A record is a kind, two numbers, and seldom a text. It says *that* something has changed and how
far, never what: whoever is interested reads it from the database. So records may be lost,
repeated and overtaken, and of many about the same thing the one with the highest number is
enough.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

_RECORD: Final = Struct("!BQQH")
"""a kind, two numbers, and the length of the text that follows"""


class Kind(IntEnum):
    """What a record is about."""

    HELLO = 0
    """the process that speaks: the halves of its UUID"""
    MAILBOX = 1
    """a mailbox id, and its modseq"""
    NAMES = 2
    """an account id: its mailboxes' names, or its subscriptions, are not what they were"""
    ANNOTATED = 3
    """a mailbox id, 0 for the server; the account that has set them; names of annotations"""


class Ring(NamedTuple):
    """One record. Kinds that are not known here may come, from a later version."""

    kind: int
    id: int
    number: int
    text: bytes = b""


def hello(process_id: UUID) -> Ring:
    """The record that introduces a process."""
    return Ring(Kind.HELLO, process_id.int >> 64, process_id.int & (1 << 64) - 1)


def introduced(ring: Ring) -> UUID:
    """The process that a HELLO introduces."""
    return UUID(int=ring.id << 64 | ring.number)


class RingReader:
    """Octets from another process -> records."""

    def __init__(self) -> None:
        self._rest = b""

    def receive(self, data: bytes) -> Iterator[Ring]:
        """The records that are complete now."""
        data = self._rest + data
        start = 0
        found = []
        while start + _RECORD.size <= len(data):
            kind, id, number, length = _RECORD.unpack_from(data, start)
            end = start + _RECORD.size + length
            if end > len(data):
                break
            found.append(Ring(kind, id, number, data[end - length : end]))
            start = end
        self._rest = data[start:]
        return iter(found)


class Waiting:
    """Records that wait to be sent to one process: each thing once, with its highest number.

    `add` drops what is beyond `limit` things, and says so.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._numbers: dict[tuple[int, int, bytes], int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, ring: Ring) -> bool:
        """Put a record to the others; False: there are too many, and it was dropped."""
        kind, id, number, text = ring
        key = kind, id, text
        known = self._numbers.get(key)
        if known is None and len(self._numbers) >= self._limit:
            return False
        self._numbers[key] = number if known is None else max(known, number)
        return True

    def take(self) -> bytes:
        """All of them as octets."""
        numbers, self._numbers = self._numbers, {}
        return written(Ring(kind, id, number, text) for (kind, id, text), number in numbers.items())


def written(rings: Iterable[Ring]) -> bytes:
    """Records as octets."""
    return b"".join(
        _RECORD.pack(kind, id, number, len(text)) + text for kind, id, number, text in rings
    )
