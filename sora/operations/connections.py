"""What an operator can do with connections of this process: see them, and end them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime

from attrs import frozen

from sora.errors import AccountClosed, BadArgument, SessionEnded, SoraError
from sora.net.tracker import Session


@frozen
class ConnectionRow:
    """A connection. `user` is empty until somebody has logged in; `since` is aware; `state`
    is in the protocol's words, `client` what the client says that it is; octets are
    those of the client's protocol, without TLS."""

    id: int
    user: str
    protocol: str
    server: str
    address: str
    port: int
    tls: bool
    since: datetime
    state: str
    client: str
    octets_in: int
    octets_out: int


@frozen(kw_only=True)
class Chosen:
    """Which connections: those that match all that is given."""

    user: str = ""
    domain: str = ""
    """that of users, who have logged in"""
    protocol: str = ""
    server: str = ""
    address: str = ""

    @property
    def is_everybody(self) -> bool:
        """Whether nothing is given."""
        return self == Chosen()

    def has(self, session: Session) -> bool:
        """Whether it is one of them."""
        user = session.user.casefold()
        return (
            (not self.user or user == self.user.casefold())
            and (not self.domain or user.rpartition("@")[2] == self.domain.casefold())
            and (not self.protocol or session.protocol == self.protocol)
            and (not self.server or session.server == self.server)
            and (not self.address or session.connection.peer.host == self.address)
        )


@frozen
class ConnectionStats:
    """How many connections there are, how many of them are logged in, and of which protocols."""

    connections: int
    authenticated: int
    users: int
    protocols: dict[str, int]
    servers: dict[str, int]


@frozen
class ConnectionOperations:
    """Connections of this process; `sessions` gives all of them now."""

    sessions: Callable[[], Iterable[Session]]

    def list(self, chosen: Chosen) -> list[ConnectionRow]:
        """Those that are chosen, oldest first."""
        found = self._matching(chosen)
        return [_row(session) for session in sorted(found, key=lambda one: one.id)]

    def stats(self, chosen: Chosen) -> ConnectionStats:
        """Counts of those that are chosen."""
        found = self._matching(chosen)
        return ConnectionStats(
            connections=len(found),
            authenticated=sum(1 for one in found if one.user),
            users=len({one.user for one in found if one.user}),
            protocols=dict(sorted(Counter(one.protocol for one in found).items())),
            servers=dict(sorted(Counter(one.server for one in found).items())),
        )

    def kick(self, chosen: Chosen) -> int:
        """End those that are chosen; gives how many it were. Each is told goodbye in its protocol's
        words, and that an administrator did it, when what it has asked for is answered. Raises
        BadArgument when nothing is given: that would be everybody."""
        if chosen.is_everybody:
            raise BadArgument(
                "Say whose connections are to end: a user, domain, protocol, server, address"
            )
        return _end(self._matching(chosen), SessionEnded())

    def close(self, user: str) -> int:
        """End those of a user whose account was disabled or deleted, and say so; gives how many it
        were."""
        return _end(self._matching(Chosen(user=user)), AccountClosed())

    def _matching(self, chosen: Chosen) -> tuple[Session, ...]:
        return tuple(filter(chosen.has, self.sessions()))


def _end(sessions: Collection[Session], why: SoraError) -> int:
    for session in sessions:
        session.connection.shutdown(why)
    return len(sessions)


def _row(session: Session) -> ConnectionRow:
    connection = session.connection
    standing = connection.describe()
    return ConnectionRow(
        id=session.id,
        user=session.user,
        protocol=session.protocol,
        server=session.server,
        address=connection.peer.host,
        port=connection.peer.port,
        tls=connection.is_tls,
        since=datetime.fromtimestamp(session.since, UTC),
        state=standing.state,
        client=standing.client,
        octets_in=connection.octets_in,
        octets_out=connection.octets_out,
    )
