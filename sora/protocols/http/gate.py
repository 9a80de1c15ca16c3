"""Who may ask: the networks, the keys, and how often (G51, G55, G57).

An address that shows wrong keys again and again is refused for a while, whatever it shows then;
requests in general are bounded by a bucket for each address. Both maps are bounded: what was
looked at least lately is forgotten first. The address is that of the connection, or of a trusted
PROXY header, never one of a header of the request.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from attrs import define, frozen

from sora.net.networks import Networks, counted_as
from sora.protocols.http.endpoint import Caller, Scope
from sora.protocols.http.keys import Key, Keys
from sora.protocols.http.problems import (
    FOREIGN,
    NO_KEY,
    NOT_PERMITTED,
    TOO_OFTEN,
    WRONG_KEY,
    Refused,
)

ADDRESSES: Final = 10_000
"""addresses that are remembered"""


@frozen(kw_only=True)
class Rates:
    """How much an address may: requests in a second and at once, and wrong keys in a window.

    0 requests in a second is no limit.
    """

    per_second: float = 50.0
    at_once: int = 200
    wrong_keys: int = 20
    window: float = 900.0


@define
class _Bucket:
    left: float
    at: float
    wrong: int = 0
    since: float = 0.0


class Gate:
    """Lets requests in, or raises Refused."""

    def __init__(
        self,
        keys: Keys,
        allowed: Networks | None,
        seconds: Callable[[], float],
        rates: Rates = Rates(),
    ) -> None:
        """`allowed` is None when every address may call; `seconds` is a clock that only rises."""
        self._keys = keys
        self._allowed = allowed
        self._seconds = seconds
        self._rates = rates
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def change(self, keys: Keys, allowed: Networks | None, rates: Rates) -> None:
        """Let others in from the next request on. What addresses have done is remembered."""
        self._keys, self._allowed, self._rates = keys, allowed, rates

    def admit_address(self, address: str) -> None:
        """Whether the address may call at all, and now. Raises Refused."""
        if self._allowed is not None and address not in self._allowed:
            raise Refused(FOREIGN, "Ask from a network of allowed_hosts")
        self._take(self._bucket(address))

    def admit(self, address: str, authorization: str | None, scope: Scope) -> Caller:
        """Who calls, when the address was let in. Raises Refused."""
        return self.caller(self.key(address, authorization), address, scope)

    def caller(self, key: Key, address: str, scope: Scope) -> Caller:
        """Who shows a key, when it may do such things. Raises Refused."""
        if not key.may(scope):
            raise Refused(NOT_PERMITTED, f"The key {key.name} lacks the scope {scope}")
        return Caller(key.name, address)

    def would_admit(self, address: str, authorization: str | None, scope: Scope) -> bool:
        """Whether a request with this head will be let in if nothing changes until it is there. It
        is not counted: that is done when it is."""
        if self._allowed is not None and address not in self._allowed:
            return False
        try:
            self._require_few_failures(self._bucket(address))
        except Refused:
            return False
        scheme, _, shown = (authorization or "").strip().partition(" ")
        key = self._keys.find(shown.strip()) if scheme.lower() == "bearer" else None
        return key is not None and key.may(scope)

    def key(self, address: str, authorization: str | None) -> Key:
        """The key that is shown, when the address was let in. Raises Refused."""
        bucket = self._bucket(address)
        self._require_few_failures(bucket)
        scheme, _, shown = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            raise Refused(NO_KEY, "Send the header `Authorization: Bearer KEY`")
        key = self._keys.find(shown.strip())
        if key is None:
            bucket.wrong += 1
            raise Refused(WRONG_KEY)
        return key

    def _require_few_failures(self, bucket: _Bucket) -> None:
        now = self._seconds()
        if bucket.since + self._rates.window <= now:
            bucket.since, bucket.wrong = now, 0
        if bucket.wrong >= self._rates.wrong_keys:
            wait = int(bucket.since + self._rates.window - now) + 1
            raise Refused(TOO_OFTEN, "Too many wrong keys came from your address", wait=wait)

    def _take(self, bucket: _Bucket) -> None:
        if not self._rates.per_second:
            return
        now = self._seconds()
        filled = bucket.left + (now - bucket.at) * self._rates.per_second
        bucket.left, bucket.at = min(float(self._rates.at_once), filled), now
        if bucket.left < 1:
            raise Refused(TOO_OFTEN, "Ask more slowly", wait=1)
        bucket.left -= 1

    def _bucket(self, address: str) -> _Bucket:
        key = counted_as(address)
        bucket = self._buckets.get(key)
        if bucket is None:
            now = self._seconds()
            bucket = self._buckets[key] = _Bucket(float(self._rates.at_once), now, since=now)
            if len(self._buckets) > ADDRESSES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket
