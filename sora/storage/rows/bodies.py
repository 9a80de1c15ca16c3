"""Where octets are, and what moves them."""

from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import frozen

PIECE: Final = 256 * 1024
"""Octets of a piece of a staged body; only the last one is shorter."""


@frozen
class ObjectPlace:
    """A copy of a content in an object store."""

    id: UUID
    store: str
    key_id: str | None
    stored_size: int


@frozen
class Upload:
    """A staged content that is to be put into an object store, claimed for some time."""

    content_id: int
    object_id: UUID
    hash: bytes
    size: int
    attempts: int


@frozen
class Backlog:
    """Staged bodies that wait for their upload; `oldest` is an age in seconds."""

    contents: int
    octets: int
    oldest: float


@frozen
class UploadQueue:
    """The backlog, `claimed` by a worker now or put off for a moment, and `refused` before."""

    contents: int
    octets: int
    oldest: float
    claimed: int
    refused: int


@frozen
class Condemned:
    """An object that is to be deleted from its store; `object_id` names it there, `size` are the
    octets that it has in the store, 0 where that is not known."""

    object_id: UUID
    store: str
    content_id: int | None
    size: int = 0


@frozen
class Listed:
    """What a store says of an object when it is asked what it has: its name, its octets as they
    are stored, and when it was written."""

    name: UUID
    size: int
    modified: datetime


@frozen
class Copy:
    """A content that `store` is to have, claimed for some time."""

    content_id: int
    store: str
    hash: bytes
    size: int
    attempts: int


@frozen
class StoredObject:
    """An object, and the length and BLAKE3 of its content."""

    place: ObjectPlace
    content_id: int
    hash: bytes
    size: int
