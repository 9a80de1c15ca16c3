"""How logins went in the last day, for operators: counts, and who failed most.

Kept by this process in spans of five minutes, in bounded memory: of each span the names that
failed most are known, the counts are those of all.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

SPAN: Final = 300.0
"""seconds that are counted together"""
DAY: Final = 86400.0
MOST_NAMES: Final = 100
"""users and addresses that are remembered of each span"""
SHOWN: Final = 20


@frozen
class LoginCounts:
    """What became of the attempts of `window` seconds: by result, by protocol and result; and the
    users and addresses that failed most, with how often (about, where there were very many)."""

    window: float
    results: Mapping[str, int]
    protocols: Mapping[str, Mapping[str, int]]
    users: Sequence[tuple[str, int]]
    addresses: Sequence[tuple[str, int]]


@define
class _Span:
    since: float
    counts: Counter[tuple[str, str]] = field(factory=Counter)
    users: Counter[str] = field(factory=Counter)
    addresses: Counter[str] = field(factory=Counter)


class LoginStatistics:
    """The attempts that this process has seen."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._spans: deque[_Span] = deque(maxlen=int(DAY / SPAN) + 1)

    def note(self, protocol: str, result: str, user: str, address: str) -> None:
        """One attempt has ended. Names count when it has failed, or was blocked."""
        now = self._clock.seconds()
        if not self._spans or self._spans[-1].since + SPAN <= now:
            self._spans.append(_Span(now - now % SPAN))
        span = self._spans[-1]
        span.counts[protocol, result] += 1
        if result in ("failed", "blocked"):
            _add(span.users, user)
            _add(span.addresses, address)

    def of_last(self, window: float) -> LoginCounts:
        """The attempts of the last `window` seconds, rounded up to a whole span, at most a day."""
        begin = self._clock.seconds() - min(window, DAY)
        counts: Counter[tuple[str, str]] = Counter()
        users: Counter[str] = Counter()
        addresses: Counter[str] = Counter()
        for span in self._spans:
            if span.since + SPAN > begin:
                counts += span.counts
                users += span.users
                addresses += span.addresses
        results: Counter[str] = Counter()
        protocols: dict[str, Counter[str]] = {}
        for (protocol, result), count in counts.items():
            results[result] += count
            protocols.setdefault(protocol, Counter())[result] += count
        return LoginCounts(min(window, DAY), results, protocols, _most(users), _most(addresses))


def _add(names: Counter[str], name: str) -> None:
    """Count a name; when there are too many, it takes the place of the rarest and what that had
    (Metwally et al., "Space-Saving"): what is frequent is never missed."""
    if not name:
        return
    if name not in names and len(names) >= MOST_NAMES:
        rarest = min(names, key=names.__getitem__)
        names[name] = names.pop(rarest)
    names[name] += 1


def _most(names: Counter[str]) -> Sequence[tuple[str, int]]:
    return tuple(names.most_common(SHOWN))
