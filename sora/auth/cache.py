"""Verified passwords, so that a client that logs in again costs no bcrypt (G54).

What is kept is a keyed digest (BLAKE3, with a random key of this process) of the credential,
its version, the verifier and the password: nothing from which a password could be guessed
without the key. The credential is read from the database at every login, so a change of
password on any node, which raises the version, makes the entries of the old one useless.
"""

from collections import OrderedDict
from collections.abc import Callable

from blake3 import blake3
from twisted.internet.interfaces import IReactorTime


class VerifiedPasswords:
    """A bounded set of digests, each forgotten after `lifetime` seconds, or earlier when there
    are more than `capacity`: those that were used least lately go first."""

    def __init__(
        self,
        clock: IReactorTime,
        random: Callable[[int], bytes],
        *,
        capacity: int = 100_000,
        lifetime: float = 900.0,
    ) -> None:
        self._clock = clock
        self._key = random(32)
        self._capacity = capacity
        self._lifetime = lifetime
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def knows(self, credential_id: int, version: int, verifier: str, password: str) -> bool:
        """Whether this password was verified lately against this verifier."""
        digest = self._digest(credential_id, version, verifier, password)
        until = self._until.get(digest)
        if until is None:
            return False
        if until <= self._clock.seconds():
            del self._until[digest]
            return False
        self._until.move_to_end(digest)
        return True

    def remember(self, credential_id: int, version: int, verifier: str, password: str) -> None:
        """It was verified just now."""
        if self._lifetime <= 0 or self._capacity <= 0:
            return
        digest = self._digest(credential_id, version, verifier, password)
        self._until[digest] = self._clock.seconds() + self._lifetime
        self._until.move_to_end(digest)
        while len(self._until) > self._capacity:
            self._until.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._until.clear()

    def _digest(self, credential_id: int, version: int, verifier: str, password: str) -> bytes:
        # The verifier has no NUL, and the password comes last: no two inputs look the same.
        text = f"{credential_id}\0{version}\0{verifier}\0{password}"
        return blake3(text.encode("utf-8", "surrogatepass"), key=self._key).digest()
