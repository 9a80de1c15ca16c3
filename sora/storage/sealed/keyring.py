"""The keys that objects are encrypted with (pure): the first encrypts, all decrypt."""

from collections.abc import Iterable
from uuid import UUID

from sora.errors import KeyMissing
from sora.storage.sealed.layout import SealingKey, key_id_of, sealing_key


class Keyring:
    """Keys by id. `missing` are ids that objects named and nobody configured, at most 16."""

    def __init__(self, keys: Iterable[tuple[str, bytes]]) -> None:
        """`keys`: ids, and 32 octets for each; at least one."""
        made = [sealing_key(id_, octets) for id_, octets in keys]
        self.first = made[0]
        self._keys = {key.id: key for key in made}
        self.missing: set[str] = set()

    @property
    def ids(self) -> list[str]:
        """The ids of all keys, in their order."""
        return list(self._keys)

    def key_for(self, name: UUID, head: bytes) -> SealingKey:
        """The key that the head of an object names. Raises KeyMissing, ObjectDamaged."""
        id_ = key_id_of(name, head)
        key = self._keys.get(id_)
        if key is None:
            if len(self.missing) < 16:
                self.missing.add(id_)
            raise KeyMissing(
                f"Object {name} is encrypted with the key {id_}, which is not configured: add it to"
                " [[s3.encryption_keys]], after the first"
            )
        return key
