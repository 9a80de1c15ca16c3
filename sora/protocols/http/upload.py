"""A message that comes as a request's body: larger than other bodies may be, so it is kept in a
spool from its first octet on, and looked at while it comes (RFC 5322 §2.3)."""

from typing import Final

from sora.errors import BadArgument, EmptyMessage, SoraError
from sora.mailbox.spool import Spool

MESSAGE: Final = "message/rfc822"


class Upload:
    """The octets of one message. Whoever has taken it from its request closes it."""

    def __init__(self, spool: Spool, limit: int) -> None:
        """`limit` is the size in octets that it may have; its request sees to that."""
        self.spool = spool
        self.limit = limit
        self.is_ascii = True
        self.has_nul = False
        self._has_bare_ends = False
        self._after_cr = False
        self._failure: SoraError | None = None

    def take(self, data: bytes) -> None:
        """Keep octets. What cannot be kept is dropped, and told by `require_message`."""
        if self._failure is not None or not data:
            return
        self._look_at(data)
        try:
            self.spool.write(data)
        except SoraError as error:
            self._failure = error
            self.spool.close()

    def require_message(self) -> None:
        """Raises EmptyMessage, StorageFull, and BadArgument for lines with another end than CRLF: a
        signature over the message would not survive a guess of what was meant."""
        if self._failure is not None:
            raise self._failure
        if not self.spool.size:
            raise EmptyMessage("A message without an octet cannot be delivered")
        if self._has_bare_ends or self._after_cr:
            raise BadArgument("Every line of a message ends with CRLF: neither LF nor CR is alone")

    def close(self) -> None:
        """Let go of the octets."""
        self.spool.close()

    def _look_at(self, data: bytes) -> None:
        self.is_ascii = self.is_ascii and data.isascii()
        self.has_nul = self.has_nul or b"\0" in data
        ends = data.count(b"\r\n") + (self._after_cr and data.startswith(b"\n"))
        last_is_cr = data.endswith(b"\r")
        carriages = data.count(b"\r") + self._after_cr - last_is_cr
        self._has_bare_ends |= not (ends == data.count(b"\n") == carriages)
        self._after_cr = last_is_cr
