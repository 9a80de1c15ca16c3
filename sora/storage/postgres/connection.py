"""One connection to PostgreSQL: opened, asked, and closed when it is no longer clean.

txpostgres drives psycopg2's asynchronous mode: it opens the connection and watches it in the
reactor. Statements are asked here (`_Wire.ask`), because its cursors do it otherwise:

- They turn PostgreSQL's query_canceled into `CancelledError`. A time limit of the server would
  look like a hang-up, so here the error is left as it is (docs/architecture.md, trap 2).
- Cancelling their Deferreds sends a cancel request, synchronously, and leaves the connection in
  a state nobody knows (trap 1). Here a statement that must not be waited for any more ends by
  `abort`, and the connection with it (G13).
- For each statement they enter and leave the reactor's readers several times, and wait for one
  more turn of it at the end. Here the connection is the reader all its life.
- When an idle connection is closed by the server, it raises out of the reactor's `doRead`.
  Here the connection is marked as lost and its owner is told, before anybody uses it.

It works behind PgBouncer in transaction mode: no session state is set, no statement is
prepared, and no `options` are sent; encoding and application name are startup parameters that
PgBouncer tracks.
"""

import os
import select
import socket
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

import psycopg2
from attrs import field, frozen
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE
from psycopg2.extras import register_uuid
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionClosed, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from txpostgres import txpostgres

from sora.deferreds import shielded
from sora.errors import BadArgument, Unavailable
from sora.storage.postgres.errors import Lost, ends_connection

# Registers the adapter of uuid.UUID in psycopg2; it has no narrower place for adapters.
register_uuid()

Parameters = Sequence[Any] | Mapping[str, Any] | None


@frozen
class Server:
    """Where a database is, and how to reach it.

    `host` is a name, an address, or the directory of a Unix socket (begins with `/`).
    `connect_timeout` is in seconds and covers the whole of opening, the name look-up too.
    """

    host: str
    port: int = 5432
    database: str = "sora_mail_db"
    user: str = "sora"
    password: str = field(default="", repr=False)
    sslmode: str = ""
    ca_file: str = ""
    application_name: str = "sora"
    connect_timeout: float = 5.0

    @property
    def where(self) -> str:
        """Its host and port, for people; of a Unix socket the directory."""
        return self.host if self.host.startswith("/") else f"{self.host}:{self.port}"

    def parameters(self, hostaddr: str = "") -> dict[str, Any]:
        """What libpq is given."""
        wanted: dict[str, Any] = {
            "host": self.host,
            "hostaddr": hostaddr,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
            "sslmode": self.sslmode,
            "sslrootcert": self.ca_file,
            "application_name": self.application_name,
            "client_encoding": "UTF8",
        }
        if not self.host.startswith("/"):
            wanted |= {
                "keepalives": 1,
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
                "tcp_user_timeout": 60_000,
            }
        return {name: value for name, value in wanted.items() if value != ""}


@frozen
class Answer:
    """What one execute gave: the rows of its last statement, how many rows that statement
    returned or changed, and its command tag."""

    rows: list[tuple[Any, ...]]
    count: int
    status: str


class _Wire(txpostgres.Connection):
    """txpostgres' connection, with a way of its own to ask.

    It tells `gone` when the server closes it while it idles.

    Once it is open, the reactor watches a duplicate of its descriptor. When a connection ends,
    libpq closes its own in the middle of a call; the reactor would still know the number, and
    take the next socket, which gets the same one, for ours.
    """

    gone: Callable[[], None] | None = None
    _watched: int = -1
    _answered: "Deferred[None] | None" = None
    """Fires when the statement under way has its whole answer."""

    async def open(self, parameters: Mapping[str, Any]) -> None:
        """Connect, and begin to watch."""
        await self.connect(**parameters)
        self.reactor.removeReader(self)
        self._watched = os.dup(self._connection.fileno())
        self.reactor.addReader(self)

    def fileno(self) -> int:
        if self._watched >= 0:
            return self._watched
        return int(super().fileno())

    def close(self) -> None:
        super().close()
        watched, self._watched = self._watched, -1
        if watched >= 0:
            os.close(watched)

    def ask(self, cursor: Any, statement: bytes) -> "Deferred[None]":
        """Send a statement through a cursor of psycopg2, which has the answer when this fires.

        Raises psycopg2.Error: nothing was sent. The Deferred fails with psycopg2.Error, or with
        ConnectionDone when the connection was closed meanwhile.
        """
        cursor.execute(statement)
        answered = self._answered = Deferred()
        self._go_on()
        return answered

    def new_cursor(self) -> Any:
        """A cursor of psycopg2, for `ask`."""
        return self._connection.cursor()

    def _go_on(self) -> None:
        try:
            state = self._connection.poll()
        except psycopg2.Error:
            self._tell(Failure())
            return
        if state == POLL_OK:
            self._tell(None)
        elif state == POLL_WRITE:
            self.reactor.addWriter(self)
        elif state != POLL_READ:
            self._tell(Failure(ConnectionLost()))

    def _tell(self, outcome: Failure | None) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered.callback(outcome)  # a Failure makes it fail

    def doRead(self) -> None:
        if self._answered is not None:
            self._go_on()
            return
        if self._watched < 0:
            # It is being opened. When that fails, libpq has closed its descriptor: there is
            # nothing to go on watching, and who opens it hears of it from the poll.
            txpostgres._PollingMixin.doRead(self)
            return
        try:
            super().doRead()
        except psycopg2.Error:
            self.close()
            if self.gone is not None:
                self.gone()

    def doWrite(self) -> None:
        if self._answered is None:
            super().doWrite()
            return
        self.reactor.removeWriter(self)
        self._go_on()

    def connectionLost(self, reason: Failure) -> None:
        if self._answered is not None:
            # The reactor does not watch it any more: what is not told now is never told.
            if not self._connection.closed:
                self._go_on()
            self._tell(reason)
        else:
            super().connectionLost(reason)


class Connection:
    """One open connection. One statement at a time; whoever took it from its pool asks.

    `lost` is called, without arguments, when the server closes it while nobody asks.
    """

    def __init__(self, wire: _Wire) -> None:
        self.lost: Callable[[], None] | None = None
        self._wire = wire
        self._busy = False
        self._closed = False
        wire.gone = self._gone

    @property
    def usable(self) -> bool:
        """Whether it is open, and nothing is under way on it."""
        return not self._closed and not self._busy and not self._wire.closed

    @property
    def backend_pid(self) -> int:
        """The process id of the server's side."""
        return int(self._wire.get_backend_pid())

    def check(self) -> bool:
        """Whether it can be used now, asked without a round trip.

        A socket that is readable while idle holds a notice or the end: reading it tells.
        """
        if not self.usable:
            return False
        poll = select.poll()
        poll.register(self._wire.fileno(), select.POLLIN)
        for _ in range(4):
            if not poll.poll(0):
                return True
            self._wire.doRead()
            if not self.usable:
                return False
        self.close()
        return False

    async def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        """Send `sql` (one or several statements: one message, one round trip).

        Whoever cancels this loses the connection: it is closed, with the statement under way.

        Raises:
            Lost: the connection ended, and is closed.
            psycopg2.Error: a definite answer; the connection is clean, unless a transaction
                is open.
            BadArgument: a text holds NUL; nothing was sent.
        """
        assert not self._busy, "one statement at a time"
        if not self.check():
            raise Lost("the connection is closed", sent=False)
        cursor = self._wire.new_cursor()
        try:
            statement = cursor.mogrify(sql, parameters)
        except ValueError as error:  # PostgreSQL's text has no NUL (and no lone surrogates)
            raise BadArgument("The text holds a character that cannot be stored") from error
        self._busy = True
        try:
            return await self._answer(cursor, statement)
        finally:
            self._busy = False
            if self._closed:
                self._shut()

    async def _answer(self, cursor: Any, statement: bytes) -> Answer:
        sent = False
        try:
            answered = self._wire.ask(cursor, statement)
            sent = True
            await answered
        except CancelledError:
            self._closed = True
            raise
        except psycopg2.Error as error:
            if not self._closed and not self._wire.closed and not ends_connection(error):
                raise
            self._closed = True
            raise Lost(str(error).strip() or "the connection ended", sent=sent) from error
        except ConnectionClosed as error:
            self._closed = True
            raise Lost("the connection was closed", sent=sent) from error
        if self._closed:
            raise Lost("the connection was closed", sent=sent)
        rows = cursor.fetchall() if cursor.description is not None else []
        answer = Answer(rows, cursor.rowcount, cursor.statusmessage or "")
        cursor.close()
        return answer

    def close(self) -> None:
        """Close it now, whatever is under way: a statement that waits for its answer fails
        with `Lost`. May be called again."""
        if not self._closed:
            self._closed = True
            self._shut()

    abort = close

    def _gone(self) -> None:
        self.close()
        if self.lost is not None:
            self.lost()

    def _shut(self) -> None:
        self._wire.gone = None
        self._wire.close()


async def connect(server: Server, clock: IReactorTime, reactor: Any) -> Connection:
    """Open a connection.

    Raises:
        Unavailable: it could not be opened in time; the text says why.
    """
    wire = _Wire(reactor)
    opening = Deferred.fromCoroutine(_open(server, wire))
    late = clock.callLater(server.connect_timeout, _discard, wire, opening)
    try:
        await shielded(opening)
    except (psycopg2.Error, OSError, ConnectionDone, CancelledError) as error:
        _discard(wire, opening)
        if isinstance(error, CancelledError) and late.active():
            raise  # our caller hung up; otherwise the timer ended the look-up of the name
        reason = " ".join(str(error).split())
        if not late.active():
            reason = f"it did not answer within {server.connect_timeout:g} s"
        raise Unavailable(f"The database at {server.where} cannot be reached: {reason}") from error
    finally:
        if late.active():
            late.cancel()
    return Connection(wire)


async def _open(server: Server, wire: _Wire) -> None:
    hostaddr = ""
    if _is_name(server.host):
        hostaddr = await deferToThread(_look_up, server.host, server.port)
    await wire.open(server.parameters(hostaddr))


def _discard(wire: _Wire, opening: "Deferred[None] | None" = None) -> None:
    """Close what there is; without a socket yet, only the name is being looked up."""
    if wire.pollable() is not None:
        wire.close()
    elif opening is not None:
        opening.cancel()


def _is_name(host: str) -> bool:
    if host.startswith("/") or not host:
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _look_up(host: str, port: int) -> str:
    """The first address of a host. libpq would look it up in the reactor's thread."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])
