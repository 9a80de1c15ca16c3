"""Length and BLAKE3 of bytes that pass through: what says that a body is whole."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Final
from uuid import UUID

from blake3 import blake3

from sora.errors import SoraError, StoreRefused
from sora.storage.interfaces import IObjects

BLOCK: Final = 256 * 1024
"""Octets that are read from a body at a time."""


class Metered:
    """A body that is being read, with its length and BLAKE3 so far."""

    def __init__(self, body: object) -> None:
        self._body = body
        self._hasher = blake3()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        """The next octets; none at the end."""
        data: bytes = self._body.read(size)  # type: ignore[attr-defined]
        self._hasher.update(data)
        self.size += len(data)
        return data

    def close(self) -> None:
        """Close the body."""
        self._body.close()  # type: ignore[attr-defined]

    def verify(self, size: int, hash: bytes) -> None:
        """Whether all of it was read, and was what was promised.

        Raises StoreRefused: another try with the same body will not help.
        """
        if self.size != size or self._hasher.digest() != hash:
            raise StoreRefused(
                f"A body is not what it should be: {self.size} of {size} octets, "
                f"BLAKE3 {self._hasher.hexdigest()} in place of {hash.hex()}"
            )


def is_whole(data: bytes, size: int, hash: bytes) -> bool:
    """Whether `data` has this length and BLAKE3."""
    return len(data) == size and blake3(data).digest() == hash


def read_all(open_body: Callable[[], object], size: int, hash: bytes) -> bytes:
    """A whole body, verified. Raises StoreRefused when it is not what was promised."""
    body = Metered(open_body())
    try:
        pieces = []
        while data := body.read(BLOCK):
            pieces.append(data)
    finally:
        body.close()
    body.verify(size, hash)
    return b"".join(pieces)


async def put_each(
    objects: IObjects, bodies: Sequence[tuple[UUID, bytes, bytes]]
) -> list[str | Exception]:
    """`IObjects.put_many` by `put`."""
    found: list[str | Exception] = []
    for name, body, hash in bodies:
        try:
            found.append(await objects.put(name, opener(body), len(body), hash))
        except SoraError as error:
            found.append(error)
    return found


def opener(data: bytes) -> Callable[[], BytesIO]:
    """What `IObjects.put` reads octets in memory from."""
    return lambda: BytesIO(data)
