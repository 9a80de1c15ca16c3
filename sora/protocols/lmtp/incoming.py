"""The octets of one message on their way in: kept up to a limit, or drained (G37, G41)."""

from typing import Final

from sora.errors import SoraError, TooBig
from sora.mailbox.spool import Spool

DRAINED: Final = 64 * 1024 * 1024
"""octets of a refused message that are read and dropped; a sender of more is cut off"""


class Incoming:
    """A message that is being received. `failure` says why it cannot be kept: then nothing of
    it is, and what still comes is dropped.

    `limit` is the size in octets that it may have.
    """

    def __init__(self, spool: Spool | None, limit: int, failure: SoraError | None = None) -> None:
        """`spool` is None only for octets that are refused before they come."""
        self.spool = spool
        self.failure = failure
        self._limit = limit
        self._drained = 0

    def take(self, data: bytes) -> None:
        """Keep octets, or drop them."""
        if self.failure is None and self.spool is not None:
            try:
                if self.spool.size + len(data) > self._limit:
                    raise too_big(self._limit)
                self.spool.write(data)
            except SoraError as error:
                self.failure = error
                self.spool.close()
        if self.failure is not None:
            self._drained += len(data)

    @property
    def is_hopeless(self) -> bool:
        """Whether so much was dropped that the sender is better cut off."""
        return self._drained > DRAINED

    def close(self) -> None:
        """Let go of the octets."""
        if self.spool is not None:
            self.spool.close()


def too_big(limit: int) -> TooBig:
    """A message is larger than `limit` octets."""
    return TooBig(f"A message has at most {limit} octets here")
