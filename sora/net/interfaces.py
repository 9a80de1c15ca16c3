"""What a connection needs of others: who reads what comes, and who keeps the books."""

from typing import Any, Protocol


class Registration(Protocol):
    """A connection's entry in the books of who is connected."""

    def identify(self, user: str) -> None:
        """Say who has logged in. Raises TooMany when the user has too many connections."""

    def unidentify(self) -> None:
        """Nobody is logged in any more."""

    def timed_out(self, reason: str) -> None:
        """The connection is ended because the client took too long: `login`, `idle` or
        `stalled`."""

    def leave(self) -> None:
        """The connection is gone. Doing it again does nothing."""


class Reader(Protocol):
    """A sans-IO reader: octets in, events out."""

    def receive(self, data: bytes) -> None:
        """Take octets as they came."""

    def next_event(self) -> Any:
        """The next event, or None when more octets are needed for one."""

    def discard(self) -> None:
        """Forget all octets that were received and not yet read (STARTTLS, G59)."""

    @property
    def buffered(self) -> int:
        """How many octets are held."""
