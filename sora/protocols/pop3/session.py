"""One conversation of POP3 (RFC 1939 §3).

The session takes commands one after the other, whether or not the client waits for the answers
(PIPELINING, RFC 2449 §6.6), and answers each of them. Before the login it is in the state
AUTHORIZATION, with a maildrop in TRANSACTION; UPDATE is what QUIT does then. Whatever else ends
the conversation changes nothing: the maildrop is let go of at one place (`converse`).

A client that is silent for too long is cut off without a word, as RFC 1939 §3 has it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from sora.auth.interfaces import Identity
from sora.auth.logging_in import channel_on, log_in_by_challenges, offered_mechanisms
from sora.errors import (
    AuthenticationFailed,
    AuthenticationRefused,
    BadSyntax,
    SoraError,
    Superseded,
    UnknownCommand,
    WrongState,
)
from sora.mailbox.maildrop import Maildrop
from sora.mailbox.reach import SessionFacts
from sora.net.connection import Connection
from sora.net.ended import ConnectionEnded, TimedOut
from sora.net.standing import Standing
from sora.protocols.in_hand import Chronicle, CommandInHand, name_of
from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.errors import TEMPORARY, answer_to
from sora.protocols.pop3.retrieving import Retrieving
from sora.protocols.pop3.services import Services, Settings
from sora.protocols.pop3.wire.answers import negative, positive
from sora.protocols.pop3.wire.reader import Line, POP3Reader
from sora.storage.rows import Kept

PORTION = 1000
"""lines of an answer after which the client is waited for"""


class Session:
    """The state of one conversation."""

    log = Logger()

    def __init__(
        self,
        connection: Connection,
        reader: POP3Reader,
        commands: Mapping[bytes, type[Command]],
        services: Services,
        settings: Settings,
    ) -> None:
        self.connection = connection
        self.services = services
        self.settings = settings
        self.id = services.new_id()
        self.write = connection.write
        connection.describe = self.describe
        connection.incoming.answered_at_once = self._answered_at_once
        self.retrieving = Retrieving(self)
        self.user: str | None = None
        """what USER has said, until PASS"""
        self.takes_utf8 = False
        """whether the client has said UTF8 (RFC 6856 §2)"""
        self._reader = reader
        self._commands = commands
        self._maildrop: Maildrop | None = None
        self._identity: Identity | None = None
        self._kept: Kept | None = None
        self._afterwards: Callable[[], object] | None = None
        self._command = CommandInHand(
            Chronicle("pop3", self.id, connection, self, services.metrics, settings.slow_command),
            services.traces,
        )
        self._bad = 0
        self._failed_logins = 0
        self._ending = False
        self._stopped: SoraError | None = None

    # ---------------------------------------------------------- the conversation

    async def converse(self) -> None:
        """Greet, answer until the end, and let go of the maildrop."""
        now = self.connection.clock.seconds()
        self.connection.must_end_by = now + self.settings.login_timeout
        # Without a time stamp in angle brackets: APOP is not offered (RFC 1939 §7).
        self.ok("Sora is ready")
        try:
            while not self._ending:
                event = None if self._stopped else self.connection.take_event()
                if event is None:
                    event = await self._next_event()
                if type(event) is Line:
                    await self._execute(event.text)
                else:
                    self._refuse(BadSyntax("The line is too long"))
        except TimedOut:
            pass
        finally:
            self._command.gone("unknown")
            if self._maildrop is not None:
                await self._maildrop.leave()

    def stop(self, why: SoraError) -> None:
        """The command in hand is answered, then it is said why the conversation ends."""
        self._stopped = why
        self.connection.wake()

    async def _next_event(self) -> Any:
        settings = self.settings
        timeout = settings.idle_timeout if self.has_logged_in else settings.login_timeout
        while True:
            if self._stopped is not None:
                self._say_error(self._stopped)
                raise ConnectionEnded
            event = await self.connection.event_or_wake(timeout)
            if event is not None:
                return event
            if self.connection.is_overdue and self._stopped is None:
                raise self.connection.timed_out()

    async def _execute(self, line: bytes) -> None:
        """Answer one command."""
        self._command.begin()
        kind: type[Command] | None = None
        status = "ok"
        word, _, rest = line.partition(b" ")
        try:
            kind = self._find(word)
            command = kind.parse(rest)
            self._require_lease()
            text = await command.run(self)
            if text is not None:
                self.ok(text)
            if not self._reader.buffered:
                # Who waits for the answer has it before the books are kept.
                self.connection.flush()
            self._bad = 0
        except SoraError as error:
            status = self._failed(error, kind, line)
        except (ConnectionEnded, CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the answer loop: one of the places that may
            self._command.has_bug(kind, line)
            self.write(negative(TEMPORARY.code, f"See log: {self.id}"))
            self._command.failed(kind, None, False)
            status = "no"
        self._command.answered(name_of(kind), status)
        if self._afterwards is not None:
            afterwards, self._afterwards = self._afterwards, None
            afterwards()

    def _answered_at_once(self, event: Any) -> bool:
        """Send an answer that is ready before it is asked for, to who asks for it."""
        if self._stopped or self._maildrop is None or self._maildrop.is_superseded:
            return False
        started = self.connection.clock.seconds()
        kind = self.retrieving.send_ready(event.text) if type(event) is Line else None
        if kind is None:
            return False
        self.connection.flush()
        self._bad = 0
        self._command.answered_at_once(kind, self.connection.clock.seconds() - started)
        self.retrieving.get_ready(kind)
        return True

    def _find(self, word: bytes) -> type[Command]:
        kind = self._commands.get(word.upper())
        if kind is None:
            raise UnknownCommand("There is no such command")
        if not kind.states & self.state:
            when = "before" if self._maildrop is None else "after"
            raise WrongState(f"{kind.word.decode()} is not allowed {when} the login")
        return kind

    def _require_lease(self) -> None:
        if self._maildrop is not None and self._maildrop.is_superseded:
            self._ending = True
            raise Superseded("Another session has this maildrop by now: nothing was changed")

    def _failed(self, error: SoraError, kind: type[Command] | None, line: bytes) -> str:
        """Answer a command that was not done; gives the status for the metrics."""
        self._command.not_done(kind, line, error)
        is_bad = self._refuse(error)
        self._command.failed(kind, error, is_bad)
        if is_bad:
            return "bad"
        if isinstance(error, AuthenticationFailed):
            self._failed_logins += 1
            if self._failed_logins >= self.settings.failed_logins:
                self._ending = True
        return "no"

    def _refuse(self, error: SoraError) -> bool:
        """Say an error; gives whether it is a fault of the client."""
        self._say_error(error)
        if not answer_to(error).is_bad:
            return False
        self._bad += 1
        settings = self.settings
        most = settings.bad_commands if self.has_logged_in else settings.bad_commands_before_login
        if self._bad >= most:
            self._ending = True
        return True

    def _say_error(self, error: SoraError) -> None:
        self.write(negative(answer_to(error).code, error.told))

    # ---------------------------------------------------------- for commands: writing and asking

    def ok(self, text: str) -> None:
        """Send `+OK text`."""
        self.write(positive(text))

    async def lines(self, text: str, lines: Iterable[bytes]) -> None:
        """Send `+OK text`, lines, and the end. None of them begins with a dot."""
        self.ok(text)
        portion: list[bytes] = []
        for line in lines:
            portion.append(line + b"\r\n")
            if len(portion) >= PORTION:
                self.connection.write_all(portion)
                portion = []
                await self.drain()
        portion.append(b".\r\n")
        self.connection.write_all(portion)

    async def ask(self, challenge: bytes) -> bytes:
        """Send `+ challenge` and give the line that answers it. Raises BadSyntax when it is too
        long."""
        self.write(b"+ " + challenge + b"\r\n")
        began = self.connection.clock.seconds()
        self._reader.expects_response = True
        try:
            event = await self._next_event()
        finally:
            self._reader.expects_response = False
            self._command.waited += self.connection.clock.seconds() - began
        if type(event) is Line:
            return bytes(event.text)
        raise BadSyntax("The response is too long")

    async def drain(self) -> None:
        """Wait while the client does not read; this time is the client's, not ours (G66)."""
        if self.connection.is_drained:
            return
        began = self.connection.clock.seconds()
        await self.connection.drain()
        self._command.waited += self.connection.clock.seconds() - began

    def then(self, work: Callable[[], object]) -> None:
        """What is done when the answer of this command has left."""
        self._afterwards = work

    def end(self) -> None:
        """The conversation ends with this command."""
        self._ending = True

    def cut_off(self) -> None:
        """Hang up in the middle of an answer that cannot be completed."""
        self.connection.abort()

    # ---------------------------------------------------------- for commands: who, and where

    @property
    def state(self) -> int:
        """Where the session is."""
        return State.AUTHORIZATION if self._maildrop is None else State.TRANSACTION

    def describe(self) -> Standing:
        """The state (RFC 1939 §3)."""
        return Standing("transaction" if self._maildrop is not None else "authorization")

    @property
    def whose(self) -> str:
        """The address of who has logged in; empty before that."""
        return self._identity.address if self._identity is not None else ""

    @property
    def maildrop(self) -> Maildrop:
        """The maildrop of the user who has logged in."""
        if self._maildrop is None:
            raise WrongState("Log in first")
        return self._maildrop

    @property
    def has_logged_in(self) -> bool:
        """Whether there is a maildrop."""
        return self._maildrop is not None

    @property
    def may_log_in(self) -> bool:
        """Whether a password would be taken on this connection."""
        return self.connection.is_tls or self.services.insecure_auth

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms that there are on this connection."""
        return offered_mechanisms(self.connection.bindings) if self.may_log_in else ()

    @property
    def can_start_tls(self) -> bool:
        """Whether STLS is possible now (RFC 2595 §4)."""
        return (
            self.services.tls is not None and not self.connection.is_tls and self._maildrop is None
        )

    def require_privacy(self) -> None:
        """Raise AuthenticationRefused where no password is taken."""
        if not self.may_log_in:
            raise AuthenticationRefused

    def start_tls(self) -> None:
        """Begin TLS once +OK is written. Raises WrongState when it is not possible."""
        if not self.can_start_tls or self.takes_utf8:
            raise WrongState("TLS is not possible now")
        context = self.services.tls
        self.user = None
        self.then(lambda: self.connection.start_tls(context))

    async def authenticate(self, login: str, password: str) -> str:
        """Log in and open the maildrop; gives the text of +OK.

        Raises AuthenticationFailed and what else the authenticator says; InUse, TooSoon.
        """
        return await self._enter(
            await self.services.authenticator.password(
                login, password, self.connection.peer, "pop3"
            )
        )

    async def authenticate_by(
        self, mechanism: str, initial: bytes | None, ask: Callable[[bytes], Awaitable[bytes]]
    ) -> str:
        """The same by a SASL mechanism; `ask` sends a challenge and gives the response."""
        # +OK has no room for what the mechanism says at the end (RFC 5034 §4).
        return await self._enter(
            await log_in_by_challenges(
                self.services.authenticator,
                mechanism,
                initial,
                channel_on(self.connection, "pop3", ask),
            )
        )

    async def _enter(self, identity: Identity) -> str:
        self.connection.identify(identity.address)
        try:
            self._maildrop = maildrop = await self._open(identity)
        except SoraError:
            self.connection.unidentify()
            raise
        self._identity = identity
        self.connection.must_end_by = None
        self._bad = 0
        return f"{maildrop.count} messages ({maildrop.octets} octets)"

    async def kept(self) -> Kept | None:
        """For how long messages are kept at least: in the maildrop of who has logged in, or else in
        anybody's. None while it cannot be found out."""
        if self._identity is None:
            return await self.services.keeping.anybody()
        if self._kept is None:
            self._kept = await self.services.keeping.of(self._identity.account_id)
        return self._kept

    async def _open(self, identity: Identity) -> Maildrop:
        facts = SessionFacts(self.id, "pop3", self.connection.peer.host)
        return await self.services.maildrops.open(
            identity,
            facts,
            is_over=lambda: not self.connection.is_open,
            superseded=self.connection.wake,
        )
