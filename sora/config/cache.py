"""`[cache]`: bodies kept on the local disk."""

from attrs import frozen

from sora.config.keys import key
from sora.config.units import SIZE


@frozen
class CacheConfig:
    """A bounded cache of bodies on a local disk. It may be deleted at any time."""

    path: str = key(
        "/var/cache/sora", "Its directory, which processes of a machine may share. Empty: no cache."
    )
    capacity: int = key(
        "1gb", "Its size at most, of all processes together. 0: no cache.", unit=SIZE
    )
    max_object_size: int = key("5mb", "Larger bodies are not kept.", unit=SIZE)
