"""What a session holds in memory by itself, and the most of it (`[limits] session_memory`).

Counted is what stays between commands and grows with what the client asks for: literals that are
collected, the saved search result, contexts, mailboxes that NOTIFY is about, its own view of the
selected mailbox, and what was not sent yet. What sessions share (the states of mailboxes, what
FETCH keeps) is bounded for the process, and the work of a command in hand by other limits.

A command that would take more is refused, where that can be said before it takes it. What comes
together otherwise (a mailbox that others change while the client does not let itself be told)
ends the session at twice the limit.
"""

from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from sora.errors import TooMany

if TYPE_CHECKING:
    from sora.protocols.imap.session import Session

BASE: Final = 9 * 1024
"""octets of a session of which nothing was asked (docs/imap.md has what was measured)"""


class Holding:
    """Counts for one session; nothing is counted by message, it takes a few microseconds."""

    log = Logger()

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.peak = BASE
        """the most octets that it has held after a command"""

    @property
    def octets(self) -> int:
        """About how many octets the session holds."""
        session = self._session
        held = BASE + session.connection.held + session.saved.octets + session.contexts.octets
        if session.selected is not None:
            held += session.selected.view.octets
        if session.telling.notifying is not None:
            held += session.telling.notifying.octets
        return held

    def require(self, more: int) -> None:
        """The command in hand is about to hold so many octets more. Raises TooMany."""
        if self.has_room(more):
            return
        raise TooMany("The session would take too much memory: ask for less at a time")

    def has_room(self, more: int) -> bool:
        """Whether so many octets more may be held; one that may not is counted."""
        has_room = self.octets + more <= self._session.limits.memory
        if not has_room:
            self._session.services.memory.refused("imap")
        return has_room

    def check(self) -> None:
        """After a command: end a session that holds twice of what it may."""
        session = self._session
        octets = self.octets
        self.peak = max(self.peak, octets)
        if octets <= 2 * session.limits.memory or session.is_ending:
            return
        self.log.warn(
            "session {session} ends: it holds {octets} octets, twice of what"
            " limits.session_memory allows",
            session=session.id,
            octets=octets,
        )
        session.services.memory.ended("imap")
        session.bye(b"[UNAVAILABLE] The session takes too much memory; connect again")
