"""Messages that come from elsewhere, many at a time."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from attrs import frozen

from sora.mail.flags import Flags

MAX_IMPORTED: Final = 200
"""Messages of one `IImporting.put`."""


@frozen
class Incoming:
    """A message that is to be imported.

    `key` is a digest, of at most 32 octets, of what names it at its source: a mailbox takes each
    key once. With `uid` it is put there under that UID, else under the next one.
    """

    key: bytes
    internal_date: datetime
    email_id: UUID
    flags: Flags = Flags()
    uid: int | None = None


class ImportFate(StrEnum):
    """What became of a message that was to be imported."""

    PLACED = "placed"
    DUPLICATE = "duplicate"
    """its key is known, or it is there under its UID"""
    UID_TAKEN = "uid taken"
    """its UID is below uidnext, and not that of this message"""


@frozen
class Imported:
    """What became of one message. `used_object` as in `Placement`."""

    fate: ImportFate
    uid: int
    content_id: int
    used_object: bool


@frozen
class ImportDone:
    """The answer to `put`: one `Imported` for each message; or, when some came without bytes that
    are not there, only their places in `missing`: then nothing was done."""

    imported: tuple[Imported, ...] = ()
    missing: frozenset[int] = frozenset()
