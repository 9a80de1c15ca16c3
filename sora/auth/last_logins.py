"""Who has logged in to this process since that was last written down.

A login costs nothing for it but an entry here: `sora.workers.last_logins` writes all of them with
one statement. Who logs in again takes the place of what was known of him; while the database is
away, those who have logged in longest ago give way to others, so that memory is bounded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from sora.storage.rows import Login, NewLogin

MOST: Final = 10_000
"""credentials that are remembered, in about 3 MB"""

Key = tuple[int, int]
"""an account and its credential"""


@frozen
class Seen:
    """A login, at a time of the clock of this process."""

    at: float
    protocol: str
    address: str


class LastLogins:
    """The last login with each credential. `filling` is called when half of the places are taken;
    `lost` counts those that were forgotten before they were written."""

    def __init__(self, clock: IReactorTime, most: int = MOST) -> None:
        self.filling: Callable[[], None] = lambda: None
        self.lost = 0
        self._clock = clock
        self._most = most
        self._seen: dict[Key, Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, login: Login, protocol: str, address: str) -> None:
        """Somebody has just logged in, from this address."""
        key = login.account_id, login.credential_id
        is_new = self._seen.pop(key, None) is None
        self._seen[key] = Seen(self._clock.seconds(), protocol, address)
        self._keep_to_most()
        if is_new and len(self._seen) == self._most // 2:
            self.filling()

    def take(self) -> Mapping[Key, Seen]:
        """All of them, which are not here any more."""
        taken, self._seen = self._seen, {}
        return taken

    def rows(self, taken: Mapping[Key, Seen]) -> Sequence[NewLogin]:
        """What is written of them."""
        now = self._clock.seconds()
        return [
            NewLogin(*key, now - seen.at, seen.protocol, seen.address)
            for key, seen in taken.items()
        ]

    def give_back(self, taken: Mapping[Key, Seen]) -> None:
        """They could not be written. Who has logged in again meanwhile is newer."""
        older = {key: seen for key, seen in taken.items() if key not in self._seen}
        self._seen = older | self._seen
        self._keep_to_most()

    def _keep_to_most(self) -> None:
        while len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
            self.lost += 1
