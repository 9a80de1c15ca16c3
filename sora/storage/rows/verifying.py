"""What is known of how intact the stored bodies are."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from attrs import frozen

from sora.storage.rows.bodies import ObjectPlace


class Fault(StrEnum):
    """What can be wrong with a body."""

    MISSING = "missing"
    """its store says that it is not there"""
    DAMAGED = "damaged"
    """its octets are not those that were stored"""
    BODILESS = "bodiless"
    """no store and no staging should have it: the row itself is wrong"""


@frozen
class Proof:
    """An object as it has to be: `size` and `hash` (BLAKE3) are its content's.

    `others` are further copies in other stores, `staged` whether its octets are in staging,
    `is_suspect` whether damage is known of it.
    """

    object: ObjectPlace
    content_id: int
    hash: bytes
    size: int
    staged: bool
    others: tuple[ObjectPlace, ...] = ()
    is_suspect: bool = False


@frozen
class Sweep:
    """A pass through a store. All objects that are older than `proven_since` were verified after
    it. `objects` and `octets` are those of the present pass."""

    store: str
    begun_at: datetime
    completed_at: datetime | None
    proven_since: datetime
    objects: int
    octets: int


@frozen
class Suspect:
    """A body that is not as it has to be. `store` and `object_id` are None for a bodiless one."""

    content_id: int
    fault: Fault
    store: str = ""
    object_id: UUID | None = None


@frozen
class Damage:
    """A suspect that is remembered; `number` tells it from others."""

    number: int
    suspect: Suspect
    found_at: datetime
    seen_at: datetime


@frozen
class DamagedMessage:
    """A message without its body."""

    address: str
    mailbox: str
    uid: int
    email_id: UUID
