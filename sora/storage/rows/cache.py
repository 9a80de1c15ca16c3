"""What a cache of bodies is, and was."""

from datetime import datetime

from attrs import frozen


@frozen
class CacheStatus:
    """How full a cache is, and how good. Sizes are octets; what is counted is counted since the
    process began. `evicted` went to make room, `damaged` was not what it should be (G9)."""

    objects: int
    octets: int
    capacity: int
    max_object_size: int
    hits: int
    misses: int
    written: int
    evicted: int
    damaged: int

    @property
    def hit_ratio(self) -> float | None:
        """The share of bodies that were asked for and were here; None before any was."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


@frozen
class CacheSample:
    """The cache of a process at a time. `instance` is the node, and the number of its cache where
    processes share a disk; `began_at` is when the process began to count."""

    instance: str
    at: datetime
    began_at: datetime
    status: CacheStatus
