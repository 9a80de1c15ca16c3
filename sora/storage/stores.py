"""An object store by its name, and how its objects are read and written: plain or encrypted."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from attrs import frozen

from sora.errors import KeyMissing
from sora.storage.interfaces import IObjects
from sora.storage.sealed.layout import sealed_size

SECOND: Final = "second"
"""what the second bucket is called on the rows of its objects"""


@frozen
class ObjectStore:
    """A store. `name` is what is on the rows of its objects.

    `is_remote`: it is reached over a network, which may be away. `sealed` is the same store with
    its objects encrypted; with `key_id` new objects are, with that key. `at_hand` gives all octets
    of a plain object, by its name and size, when they can be had without waiting for anything; a
    store that never can has none.
    """

    name: str
    objects: IObjects
    is_remote: bool = False
    sealed: IObjects | None = None
    key_id: str | None = None
    at_hand: Callable[[UUID, int], bytes | None] | None = None

    @property
    def writer(self) -> IObjects:
        """Where new objects are put; also deletes any object."""
        return self.reader(self.key_id)

    def reader(self, key_id: str | None) -> IObjects:
        """Where objects are read whose rows name this key, or none. Raises KeyMissing."""
        if key_id is None:
            return self.objects
        if self.sealed is None:
            raise KeyMissing(
                f"An object of {self.name} is encrypted with the key {key_id}, and no key is"
                " configured: add it to [[s3.encryption_keys]]"
            )
        return self.sealed

    def stored_size(self, size: int) -> int:
        """How many octets the object of a new body of `size` octets has."""
        return size if self.key_id is None else sealed_size(size)
