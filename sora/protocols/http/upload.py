"""A message, or an archive of them, that comes as a request's body: larger than other bodies may
be, so it is kept in a spool from its first octet on. A message is looked at while it comes (RFC
5322 §2.3)."""

from collections.abc import Callable
from typing import Final

from sora.errors import BadArgument, EmptyMessage, SoraError, TooMany
from sora.mailbox.spool import Spool
from sora.protocols.http.problems import NOT_MESSAGE, NOT_TAR, Refused

MESSAGE: Final = "message/rfc822"
TAR: Final = "application/x-tar"
ARCHIVES: Final = 4
"""archives that may be coming to one server, or be kept for their tasks, at the same time"""


class Upload:
    """The octets of one message or archive. Whoever has taken it from its request closes it."""

    def __init__(self, media: str, spool: Spool, limit: int) -> None:
        """`limit` is the size in octets that it may have; its request sees to that."""
        self.media = media
        self.spool = spool
        self.limit = limit
        self._is_handed_over = False
        self.is_ascii = True
        self.has_nul = False
        self._has_bare_ends = False
        self._after_cr = False
        self._failure: SoraError | None = None

    def take(self, data: bytes) -> None:
        """Keep octets. What cannot be kept is dropped, and told by `require_message`."""
        if self._failure is not None or not data:
            return
        if self.media == MESSAGE:
            self._look_at(data)
        try:
            self.spool.write(data)
        except SoraError as error:
            self.refuse(error)

    def refuse(self, failure: SoraError) -> None:
        """Keep nothing of it."""
        self._failure = failure
        self.spool.close()

    def require_all(self) -> None:
        """Raises what was in the way of keeping it: StorageFull, TooMany."""
        if self._failure is not None:
            raise self._failure

    def require_message(self) -> None:
        """Raises EmptyMessage, StorageFull, and BadArgument for lines with another end than CRLF: a
        signature over the message would not survive a guess of what was meant."""
        self.require_all()
        if not self.spool.size:
            raise EmptyMessage("A message without an octet cannot be delivered")
        if self._has_bare_ends or self._after_cr:
            raise BadArgument("Every line of a message ends with CRLF: neither LF nor CR is alone")

    def hand_over(self) -> Spool:
        """The octets, which stay when the request ends: whoever has them closes them."""
        self._is_handed_over = True
        return self.spool

    def close(self) -> None:
        """Let go of the octets."""
        if not self._is_handed_over:
            self.spool.close()

    def _look_at(self, data: bytes) -> None:
        self.is_ascii = self.is_ascii and data.isascii()
        self.has_nul = self.has_nul or b"\0" in data
        ends = data.count(b"\r\n") + (self._after_cr and data.startswith(b"\n"))
        last_is_cr = data.endswith(b"\r")
        carriages = data.count(b"\r") + self._after_cr - last_is_cr
        self._has_bare_ends |= not (ends == data.count(b"\n") == carriages)
        self._after_cr = last_is_cr


class Uploads:
    """The uploads of one server. `spool` makes what they come into; their sizes are in octets."""

    def __init__(
        self, spool: Callable[[], Spool], max_message_size: int, max_archive_size: int
    ) -> None:
        self._spool = spool
        self._limits = {MESSAGE: max_message_size, TAR: max_archive_size}
        self._archives: list[Spool] = []

    def knows(self, media: str) -> bool:
        """Whether a body of this kind is one."""
        return media in self._limits

    def begin(self, media: str) -> Upload:
        """What a body comes into. One archive too many is refused when it is there."""
        upload = Upload(media, self._spool(), self._limits[media])
        if media == TAR:
            self._archives = [one for one in self._archives if not one.closed]
            if len(self._archives) >= ARCHIVES:
                upload.refuse(TooMany(f"{ARCHIVES} archives are here already: wait for one to end"))
            else:
                self._archives.append(upload.spool)
        return upload


def required(upload: Upload | None, media: str) -> Upload:
    """The upload, which is of this kind and all there. Raises Refused, and what `Upload` raises."""
    if upload is None or upload.media != media:
        raise Refused(NOT_MESSAGE if media == MESSAGE else NOT_TAR)
    if media == MESSAGE:
        upload.require_message()
    else:
        upload.require_all()
    return upload
