"""How many connections a server takes, in all and from one address (G55).

A place is reserved before anything else is done for a connection, and given back exactly
once. The map holds only addresses that have a connection now: it is as bounded as they are.
"""

from collections import Counter
from typing import Literal

from sora.net.networks import Networks, counted_as

Refusal = Literal["server", "address"]


class ConnectionLimits:
    """The places of one server. 0 is no limit. Addresses in `exempt` count only in all."""

    def __init__(self, *, total: int, per_address: int, exempt: Networks) -> None:
        self._total = total
        self._per_address = per_address
        self._exempt = exempt
        self._by_address: Counter[str] = Counter()
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many places are taken."""
        return self._taken

    def change(self, *, total: int, per_address: int) -> None:
        """Other limits, from the next connection on."""
        self._total, self._per_address = total, per_address

    def take(self, host: str) -> "Place | Refusal":
        """A place for a connection from `host`, or why there is none."""
        if self._total and self._taken >= self._total:
            return "server"
        key = ""
        if self._per_address and host not in self._exempt:
            key = counted_as(host)
            if self._by_address[key] >= self._per_address:
                return "address"
            self._by_address[key] += 1
        self._taken += 1
        return Place(self, key)

    def _give_back(self, key: str) -> None:
        self._taken -= 1
        if key:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]


class Place:
    """A place that was taken."""

    def __init__(self, limits: ConnectionLimits, key: str) -> None:
        self._limits: ConnectionLimits | None = limits
        self._key = key

    def give_back(self) -> None:
        """The connection is gone. Doing it again does nothing."""
        limits, self._limits = self._limits, None
        if limits is not None:
            limits._give_back(self._key)
