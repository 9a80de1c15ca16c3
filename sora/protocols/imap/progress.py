"""INPROGRESS (RFC 9585): a client whose command takes long hears that it is worked on.

    with session.working() as progress:
        found = await mailbox.finding.search(criterion)

While the block runs, a line is sent every `PACE` seconds. `progress.done` counts what is done of
`goal`, where that is known. No block may write a part of a line: the next piece of a literal
would come behind the one of here. What takes no time costs a timer that is set and cancelled.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from twisted.internet.interfaces import IDelayedCall

if TYPE_CHECKING:
    from sora.protocols.imap.session import Session

PACE: Final = 12.0
"""seconds between lines (§4: 10 to 15)"""


class Progress:
    """One piece of work that a client waits for."""

    def __init__(self, session: "Session", goal: int | None = None) -> None:
        self.done = 0
        self._goal = goal
        self._session = session
        self._call: IDelayedCall | None = None

    def __enter__(self) -> Self:
        self._call = self._session.connection.clock.callLater(PACE, self._tell)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _tell(self) -> None:
        session = self._session
        if not session.connection.is_open:
            return
        self._call = session.connection.clock.callLater(PACE, self._tell)
        if session.dialect.has(b"INPROGRESS"):
            session.untagged(b"OK [INPROGRESS (%b %b)] Still working on it" % self._details())
        else:
            session.untagged(b"OK Still working on it")
        session.connection.flush()

    def _details(self) -> tuple[bytes, bytes]:
        """The tag, and the numbers (§5, inprogress-state)."""
        tag = self._session.tag
        named = b"NIL" if b"]" in tag else b'"%b"' % tag
        if self._goal is None or self.done >= self._goal:
            return named, b"NIL NIL"
        return named, b"%d %d" % (self.done, self._goal)
