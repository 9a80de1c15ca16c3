"""Who is connected to this process, and how many connections each user has.

The limit per user holds over all servers of the process: a place is reserved when somebody
has logged in, before the login is answered (G55).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import count
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sora.errors import SoraError, TooMany
from sora.metrics.connections import ConnectionMetrics
from sora.net.interfaces import Registration
from sora.net.peer import Peer
from sora.net.standing import Standing
from sora.net.transcript import Transcript, Transcripts


class Conversation(Protocol):
    """What is asked of a connection, whatever it speaks (`net.connection.Connection` is one)."""

    peer: Peer
    session: Registration | None
    ended: "Deferred[None]"
    octets_in: int
    octets_out: int
    describe: Callable[[], Standing]
    memory: Callable[[], int]
    transcript: Transcript | None

    @property
    def is_tls(self) -> bool:
        """Whether it is encrypted."""

    def shutdown(self, why: SoraError) -> None:
        """Say goodbye, and why, and end soon."""

    def abort(self) -> None:
        """Hang up now."""


@define(eq=False)
class Session:
    """One connection. `user` is empty until somebody has logged in."""

    id: int
    connection: Conversation
    protocol: str
    server: str
    since: float
    user: str = ""
    counted_in: int = 0
    """octets that the metrics know of already"""
    counted_out: int = 0
    _tracker: "Tracker | None" = field(default=None, repr=False)
    _left: list[Callable[[], None]] = field(factory=list, repr=False)

    def identify(self, user: str) -> None:
        """Say who has logged in. Raises TooMany when the user has too many connections."""
        if self._tracker is not None:
            self._tracker._identify(self, user)

    def unidentify(self) -> None:
        """Nobody is logged in any more."""
        if self._tracker is not None:
            self._tracker._forget_user(self)

    def timed_out(self, reason: str) -> None:
        """The connection is ended because the client took too long: `login`, `idle` or
        `stalled`."""
        if self._tracker is not None:
            self._tracker._timed_out(self, reason)

    def when_left(self, work: Callable[[], None]) -> None:
        """Call `work` when the connection is gone and its conversation has ended."""
        self._left.append(work)

    def leave(self) -> None:
        """The connection is gone. Doing it again does nothing."""
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            tracker._leave(self)
            for work in self._left:
                work()


class Tracker:
    """All connections of the process. `per_user` 0 is no limit."""

    log = Logger()

    def __init__(
        self, seconds: Callable[[], float], metrics: ConnectionMetrics, *, per_user: int = 0
    ) -> None:
        """`seconds` tells the time."""
        self._seconds = seconds
        self._metrics = metrics
        self._per_user = per_user
        self.transcripts = Transcripts(seconds)
        self._ids = count(1)
        self._sessions: dict[int, Session] = {}
        self._by_user: dict[str, set[int]] = {}
        metrics.watch(self._count_users, self._count_addresses, self._count_octets)

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def memory(self) -> tuple[int, int]:
        """About how many octets all sessions hold by themselves, and the largest."""
        held = [session.connection.memory() for session in self]
        return sum(held), max(held, default=0)

    def of_user(self, user: str) -> list[Session]:
        """The connections of a user, oldest first."""
        return [self._sessions[id] for id in sorted(self._by_user.get(user, ()))]

    def change(self, *, per_user: int) -> None:
        """Another limit, from the next login on."""
        self._per_user = per_user

    def write_transcripts(self, users: Collection[str], directory: str) -> None:
        """Write what these users' clients and the server say, into files below `directory`: of
        those who are logged in, too, and of nobody else any more."""
        self.transcripts.change(users, directory)
        for session in self:
            wanted = bool(session.user) and self.transcripts.wants(session.user)
            if wanted and session.connection.transcript is None:
                self._begin_transcript(session)
            elif not wanted:
                _end_transcript(session)

    def _begin_transcript(self, session: Session) -> None:
        session.connection.transcript = self.transcripts.begin(
            session.user, session.protocol, session.id, session.connection.peer.host
        )

    def enter(self, connection: Conversation, protocol: str, server: str) -> Session:
        """A connection was accepted."""
        session = Session(
            next(self._ids), connection, protocol, server, self._seconds(), tracker=self
        )
        self._sessions[session.id] = session
        self._metrics.total.labels(protocol, server).inc()
        self._metrics.current.labels(protocol, server).inc()
        return session

    def _timed_out(self, session: Session, reason: str) -> None:
        self._metrics.timeouts.labels(session.protocol, session.server, reason).inc()

    def _count_users(self) -> int:
        return len(self._by_user)

    def _count_addresses(self) -> int:
        return len({session.connection.peer.host for session in self._sessions.values()})

    def _count_octets(self, sessions: Iterable[Session] | None = None) -> None:
        """Tell the metrics what has come together since the last time, of all or of these."""
        found: Counter[tuple[str, str]] = Counter()
        for session in self._sessions.values() if sessions is None else sessions:
            into, out = session.connection.octets_in, session.connection.octets_out
            found[session.protocol, "in"] += into - session.counted_in
            found[session.protocol, "out"] += out - session.counted_out
            session.counted_in, session.counted_out = into, out
        for labels, octets in found.items():
            self._metrics.octets.labels(*labels).inc(octets)

    def _identify(self, session: Session, user: str) -> None:
        if session.user == user:
            return
        ids = self._by_user.get(user, set())
        if self._per_user and len(ids) >= self._per_user:
            self._metrics.refused.labels(session.protocol, session.server, "user").inc()
            raise TooMany(f"There are {len(ids)} connections of this user already")
        self._forget_user(session)
        self._by_user.setdefault(user, set()).add(session.id)
        session.user = user
        self.log.info(
            "{user} logged in over {protocol} from {peer}",
            user=user,
            protocol=session.protocol,
            peer=str(session.connection.peer),
            connection=session.id,
            tls=session.connection.is_tls,
        )
        if self.transcripts.wants(user):
            self._begin_transcript(session)
        self._metrics.authenticated.labels(session.protocol, session.server).inc()

    def _leave(self, session: Session) -> None:
        if session.user:
            self._tell_end(session)
        del self._sessions[session.id]
        self._forget_user(session)
        self._count_octets([session])
        labels = session.protocol, session.server
        self._metrics.current.labels(*labels).dec()
        self._metrics.duration.labels(*labels).observe(self._seconds() - session.since)

    def _tell_end(self, session: Session) -> None:
        connection = session.connection
        self.log.info(
            "{user} left {protocol} after {duration} seconds",
            user=session.user,
            protocol=session.protocol,
            duration=round(self._seconds() - session.since, 1),
            peer=str(connection.peer),
            connection=session.id,
            octets_in=connection.octets_in,
            octets_out=connection.octets_out,
        )

    def _forget_user(self, session: Session) -> None:
        _end_transcript(session)
        if session.user:
            ids = self._by_user[session.user]
            ids.discard(session.id)
            if not ids:
                del self._by_user[session.user]
            self._metrics.authenticated.labels(session.protocol, session.server).dec()
            session.user = ""


def _end_transcript(session: Session) -> None:
    transcript, session.connection.transcript = session.connection.transcript, None
    if transcript is not None:
        transcript.close()
