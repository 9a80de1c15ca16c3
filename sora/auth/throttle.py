"""What slows down the guessing of passwords, and stops it in the end (G55).

Failures are counted for an address (an IPv6 /64 counts as one) and for a user, each in a
window of time. Before the next attempt is looked at, it waits longer with each failure that
this address had with this user; an address with too many failures is blocked; a user with too
many is delayed as long as possible, for addresses from which that user has not logged in
lately: so that nobody can lock out somebody else.

An attempt is counted before it is looked at, and given back when it was right (reserve, then
check). All maps are bounded, and so is the number of attempts that wait.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Literal

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from sora.config.servers import AuthRateLimit
from sora.net.networks import Networks, counted_as
from sora.net.peer import Peer


@define
class _Tally:
    """Failures of one address or user: in this window, and in flight."""

    since: float
    failures: int = 0
    trying: int = 0


@define
class _Tallies:
    """A bounded map of tallies; those that were looked at least lately are forgotten first."""

    capacity: int
    entries: OrderedDict[object, _Tally] = field(factory=OrderedDict)

    def of(self, key: object, now: float, window: float) -> _Tally:
        tally = self.entries.get(key)
        if tally is None:
            tally = self.entries[key] = _Tally(now)
            if len(self.entries) > self.capacity:
                self.entries.popitem(last=False)
        elif tally.since + window <= now:
            tally.since, tally.failures = now, 0
        self.entries.move_to_end(key)
        return tally

    def drop_if_empty(self, key: object) -> None:
        tally = self.entries.get(key)
        if tally is not None and not tally.failures and not tally.trying:
            del self.entries[key]


@define
class Attempt:
    """One attempt that was let in. Exactly one of `succeeded`, `failed`, `given_up` ends it."""

    _throttle: "Throttle"
    _tallies: tuple[tuple[_Tallies, object, _Tally], ...]
    _pair: tuple[str, str]

    def succeeded(self) -> None:
        """The password was right: this pair's failures are forgotten, and this address is
        known for the user. The address's other failures stay (G53)."""
        self._end(0)
        self._throttle.remember_good(self._pair)

    def failed(self) -> None:
        """The password was wrong, or there is no such user."""
        self._end(1)

    def given_up(self) -> None:
        """Nobody could tell."""
        self._end(0)

    def _end(self, failures: int) -> None:
        for tallies, key, tally in self._tallies:
            tally.trying -= 1
            tally.failures += failures
            tallies.drop_if_empty(key)


@frozen
class Blocked:
    """An address that is refused, or a user who is delayed as long as possible: over which
    protocols, after how many failures, and for how many seconds more at least."""

    kind: Literal["address", "user"]
    name: str
    failures: int
    protocols: tuple[str, ...]
    seconds: float


class Throttle:
    """Failures of addresses and users. One for the process, whatever the protocol.

    `limits` is by protocol; `exempt` are networks whose addresses are never blocked as a
    whole, because many users come from them (a webmail server, a proxy, this machine).
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Mapping[str, AuthRateLimit],
        *,
        exempt: Networks,
        capacity: int = 50_000,
        most_waiting: int = 1_000,
    ) -> None:
        self._clock = clock
        self._limits = dict(limits)
        self._exempt = exempt
        self._capacity = capacity
        self._most_waiting = most_waiting
        self._addresses = _Tallies(capacity)
        self._users = _Tallies(capacity)
        self._pairs = _Tallies(capacity)
        self._good: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.waiting = 0

    async def admit(self, peer: Peer, user: str, protocol: str) -> Attempt | None:
        """Let an attempt in, after the delay it deserves; None when it is blocked.

        `user` is the folded key of the account's address (G50).
        """
        limit = self._limits.get(protocol) or AuthRateLimit()
        pair = (counted_as(peer.host), user)
        if not limit.enabled:
            return Attempt(self, (), pair)
        now = self._clock.seconds()
        by_address = self._addresses.of(pair[0], now, limit.ip_window_duration)
        by_user = self._users.of(user, now, limit.username_window_duration)
        by_pair = self._pairs.of(pair, now, limit.username_window_duration)
        if (
            by_address.failures
            and by_address.failures + by_address.trying >= limit.max_attempts_per_ip
            and peer.host not in self._exempt
        ):
            return None
        delay = self._delay(limit, by_user, by_pair, self._is_good(pair, now, limit))
        if delay and self.waiting >= self._most_waiting:
            return None
        attempt = Attempt(
            self,
            (
                (self._addresses, pair[0], by_address),
                (self._users, user, by_user),
                (self._pairs, pair, by_pair),
            ),
            pair,
        )
        for tally in (by_address, by_user, by_pair):
            tally.trying += 1
        if delay:
            await self._wait(delay)
        return attempt

    def remember_good(self, pair: tuple[str, str]) -> None:
        """This user has logged in from this address."""
        self._good[pair] = self._clock.seconds()
        self._good.move_to_end(pair)
        if len(self._good) > self._capacity:
            self._good.popitem(last=False)
        tally = self._pairs.entries.get(pair)
        if tally is not None:
            tally.failures = 0
            self._pairs.drop_if_empty(pair)

    def blocked(self) -> list[Blocked]:
        """Who is kept out now, the most failures first."""
        now = self._clock.seconds()
        found = [
            *self._over("address", self._addresses, self._address_limits(), now),
            *self._over(
                "user",
                self._users,
                {
                    name: (limit.max_attempts_per_username, limit.username_window_duration)
                    for name, limit in self._limits.items()
                    if limit.enabled and limit.progressive_delay_enabled
                },
                now,
            ),
        ]
        return sorted(found, key=lambda one: -one.failures)

    @property
    def entries(self) -> tuple[int, int, int]:
        """Of how many addresses, users, and pairs of the two failures are remembered."""
        return len(self._addresses.entries), len(self._users.entries), len(self._pairs.entries)

    def count_blocked(self) -> int:
        """How many addresses are refused now."""
        found = self._over(
            "address", self._addresses, self._address_limits(), self._clock.seconds()
        )
        return sum(1 for _ in found)

    def _address_limits(self) -> Mapping[str, tuple[int, float]]:
        return {
            name: (limit.max_attempts_per_ip, limit.ip_window_duration)
            for name, limit in self._limits.items()
            if limit.enabled
        }

    def _over(
        self,
        kind: Literal["address", "user"],
        tallies: _Tallies,
        limits: Mapping[str, tuple[int, float]],
        now: float,
    ) -> Iterator[Blocked]:
        least = min((most for most, _ in limits.values()), default=0)
        for key, tally in tallies.entries.items():
            if tally.failures < least:
                continue
            ends = {
                name: tally.since + window
                for name, (most, window) in limits.items()
                if tally.failures >= most and tally.since + window > now
            }
            if ends and not (kind == "address" and str(key).partition("/")[0] in self._exempt):
                left = max(ends.values()) - now
                yield Blocked(kind, str(key), tally.failures, tuple(sorted(ends)), left)

    def forget(self, *, address: str = "", user: str = "") -> bool:
        """Forget the failures of an address (as `counted_as` has it), or of a user. Gives whether
        there were any."""
        found = False
        for tallies, wanted in (
            (self._addresses, lambda key: key == address),
            (self._users, lambda key: key == user),
            (self._pairs, lambda key: (address or user) in key),
        ):
            for key in [key for key in tallies.entries if wanted(key)]:
                tally = tallies.entries[key]
                found = found or tally.failures > 0
                tally.failures = 0
                tallies.drop_if_empty(key)
        return found

    def _is_good(self, pair: tuple[str, str], now: float, limit: AuthRateLimit) -> bool:
        since = self._good.get(pair)
        return since is not None and now < since + limit.username_window_duration

    def _delay(self, limit: AuthRateLimit, user: _Tally, pair: _Tally, good: bool) -> float:
        if not limit.progressive_delay_enabled:
            return 0.0
        longest = limit.progressive_delay_max
        if user.failures >= limit.max_attempts_per_username and not good:
            return longest
        # A known address may mistype a few times before it is slowed down.
        failures = pair.failures - (3 if good else 0)
        if failures <= 0:
            return 0.0
        return float(min(longest, limit.progressive_delay_min * 2 ** min(failures - 1, 30)))

    async def _wait(self, delay: float) -> None:
        self.waiting += 1
        rung: Deferred[None] = Deferred()
        bell = self._clock.callLater(delay, rung.callback, None)
        try:
            await rung
        finally:
            self.waiting -= 1
            if bell.active():
                bell.cancel()
