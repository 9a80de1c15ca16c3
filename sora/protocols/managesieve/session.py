"""One conversation (RFC 5804 §1.1).

The session takes events from the reader one after the other, and answers each complete command:
it is looked up, checked against the state, parsed and run, and what it raised is answered from the
table of errors. Commands see the session as their whole world: who has logged in, the scripts,
how to write, how to ask the client for more.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from sora.auth.interfaces import Identity
from sora.auth.logging_in import channel_on, log_in, offered_mechanisms
from sora.errors import (
    AuthenticationFailed,
    BadSyntax,
    SoraError,
    UnknownCommand,
    WrongState,
)
from sora.net.connection import Connection
from sora.net.ended import ConnectionEnded, TimedOut
from sora.protocols.in_hand import Chronicle, CommandInHand, name_of
from sora.protocols.managesieve.command import Command, Done, State
from sora.protocols.managesieve.errors import BAD, code_of
from sora.protocols.managesieve.services import Limits, Services
from sora.protocols.managesieve.wire.reader import (
    Hopeless,
    Line,
    ManageSieveReader,
    Offer,
    TooLong,
)
from sora.protocols.managesieve.wire.scanner import Scanner
from sora.protocols.managesieve.wire.write import response, string

COUNTED = (*BAD, AuthenticationFailed)
"""errors of which a client may make only so many"""


class Session:
    """The state of one conversation."""

    log = Logger()

    def __init__(
        self,
        connection: Connection,
        reader: ManageSieveReader,
        commands: Mapping[bytes, type[Command]],
        services: Services,
        limits: Limits,
    ) -> None:
        self.write = connection.write
        self.scripts = services.scripts
        self.uploads = services.uploads
        self._connection = connection
        self._reader = reader
        self._commands = commands
        self._services = services
        self._limits = limits
        self._id = services.new_id()
        self._is_ending = False
        self._stopped: SoraError | None = None
        self._farewell: str | None = None
        self._command = CommandInHand(
            Chronicle(
                "managesieve", self._id, connection, self, services.metrics, limits.slow_command
            ),
            services.traces,
        )
        self._afterwards: Callable[[], None] | None = None
        self._before_login()

    def _before_login(self) -> None:
        self._identity: Identity | None = None
        self._bad = 0
        self._reader.line_limit = self._limits.line_before_login
        self._reader.skip_limit = self._limits.skip_before_login
        now = self._connection.clock.seconds()
        self._connection.must_end_by = now + self._limits.login_timeout

    # ---------------------------------------------------------- the conversation

    async def converse(self) -> None:
        """Greet, and answer until the end."""
        self.tell_capabilities()
        self.write(response(b"OK", text="Sora is ready"))
        try:
            while not self._is_ending:
                event = await self._next_event()
                if type(event) is Line:
                    await self._execute(event.text)
                else:
                    self._unusual(event)
        except TimedOut:
            self.write(response(b"BYE", text="Nothing was heard for too long"))
        finally:
            self._command.gone("unknown")

    async def _next_event(self) -> Any:
        limits = self._limits
        timeout = limits.idle_timeout if self._identity else limits.login_timeout
        while True:
            event = await self._connection.event_or_wake(timeout)
            if event is not None:
                return event
            if self._stopped is not None:
                code = code_of(self._stopped, {})
                self.write(response(b"BYE", code, self._stopped.told))
                raise ConnectionEnded
            if self._connection.is_overdue:
                raise self._connection.timed_out()

    def stop(self, why: SoraError) -> None:
        """Say goodbye, and why, when the command in hand is answered."""
        self._stopped = why
        self._connection.wake()

    def _unusual(self, event: Offer | TooLong | Hopeless) -> None:
        match event:
            case Offer():
                self._offered(event)
            case TooLong():
                self._answered(None, BadSyntax("The line is too long"))
            case Hopeless():
                self._farewell = "Too much was sent that cannot be taken"
                self._say(b"BYE", Done())

    def _offered(self, offer: Offer) -> None:
        """A literal comes: take it, or refuse the command that it belongs to."""
        kind: type[Command] | None = None
        try:
            kind = self._find(Scanner(offer.text))
            kind.require_room(offer.number, offer.size, self._limits)
        except SoraError as error:
            self._answered(kind, error)
            self._reader.refuse()
        else:
            self._reader.accept()

    async def _execute(self, text: bytes) -> None:
        """Answer one complete command."""
        self._command.begin()
        kind: type[Command] | None = None
        try:
            scan = Scanner(text)
            kind = self._find(scan)
            command = kind.parse(scan)
            scan.end()
            done = await command.run(self)
        except SoraError as error:
            self._command.not_done(kind, text, error)
            self._answered(kind, error, None)
        except (ConnectionEnded, CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the answer loop: one of the three places that may
            self._command.has_bug(kind, text)
            self._answered(kind, _Bug(f"Something went wrong here; see the log: {self._id}"), None)
        else:
            if self._identity is not None:
                self._bad = 0
            self._say(b"OK", done)
            self._command.answered(name_of(kind), "ok")
        if self._afterwards is not None:
            afterwards, self._afterwards = self._afterwards, None
            afterwards()

    def _find(self, scan: Scanner) -> type[Command]:
        """The command whose word comes next, if it is allowed now. Raises BadSyntax,
        UnknownCommand, WrongState."""
        word = scan.word()
        kind = self._commands.get(word)
        if kind is None:
            raise UnknownCommand(f"There is no command {word.decode('ascii')[:40]}")
        if self.state not in kind.states:
            when = "after" if self._identity else "before"
            raise WrongState(f"{word.decode('ascii')} is not allowed {when} the login")
        return kind

    def _answered(
        self, kind: type[Command] | None, error: SoraError, seconds: float | None = 0.0
    ) -> None:
        """Answer a command that failed (after `seconds`, None is since it has begun), or of which
        only the beginning has come."""
        if isinstance(error, COUNTED):
            self._bad += 1
            limits = self._limits
            if self._bad >= (
                limits.bad_commands if self._identity else limits.bad_commands_before_login
            ):
                is_login = isinstance(error, AuthenticationFailed)
                what = "failed authentication attempts" if is_login else "bad commands"
                self._farewell = f"Too many {what}"
        self._say(b"NO", Done(code_of(error, kind.codes if kind else {}), error.told))
        is_bad = isinstance(error, BAD)
        reason = None if isinstance(error, _Bug) else error
        self._command.failed(kind, reason, is_bad)
        self._command.answered(name_of(kind), "bad" if is_bad else "no", seconds)

    def _say(self, condition: bytes, done: Done) -> None:
        if self._farewell is not None:
            condition, done = b"BYE", Done(text=self._farewell)
            self._is_ending = True
        self.write(response(condition, done.code, done.text))

    # ---------------------------------------------------------- for commands

    @property
    def whose(self) -> str:
        """The address of who has logged in; empty before that."""
        return self._identity.address if self._identity is not None else ""

    @property
    def state(self) -> State:
        """Whether somebody has logged in."""
        return State.LOGGED_IN if self._identity else State.GREETED

    @property
    def account_id(self) -> int:
        """The account of the user who has logged in."""
        if self._identity is None:
            raise WrongState("Log in first")
        return self._identity.account_id

    @property
    def may_log_in(self) -> bool:
        """Whether a password would be taken on this connection."""
        return self._connection.is_tls or self._services.insecure_auth

    @property
    def _can_start_tls(self) -> bool:
        return self._services.tls is not None and not self._connection.is_tls

    @property
    def _mechanisms(self) -> str:
        if not self.may_log_in:
            return ""
        return " ".join(offered_mechanisms(self._connection.bindings))

    def tell_capabilities(self) -> None:
        """Send the capabilities that hold now (RFC 5804 §1.7)."""
        facts: list[tuple[str, str | None]] = [
            ("IMPLEMENTATION", "Sora"),
            ("VERSION", "1.0"),
            ("SASL", self._mechanisms),
            ("SIEVE", self.scripts.capabilities),
            ("MAXREDIRECTS", str(self.scripts.max_redirects)),
            ("LANGUAGE", "en"),
            ("UNAUTHENTICATE", None),
        ]
        if self.scripts.notify_methods:
            facts.append(("NOTIFY", self.scripts.notify_methods))
        if self.scripts.list_schemes:
            facts.append(("EXTLISTS", self.scripts.list_schemes))
        if self._can_start_tls and self._identity is None:
            facts.append(("STARTTLS", None))
        if self._identity is not None:
            facts.append(("OWNER", self._identity.address))
        for name, value in facts:
            self.write(string(name) + (b"" if value is None else b" " + string(value)) + b"\r\n")

    async def drain(self) -> None:
        """Wait while the client does not read; this time is the client's, not ours (G66)."""
        began = self._connection.clock.seconds()
        await self._connection.drain()
        self._command.waited += self._connection.clock.seconds() - began

    async def ask(self, challenge: bytes) -> bytes:
        """Send a challenge of SASL, and give the string that answers it. Raises BadSyntax if
        none does."""
        self.write(challenge + b"\r\n")
        began = self._connection.clock.seconds()
        event = await self._next_event()
        if type(event) is Offer and event.number == 1 and event.size <= self._limits.literal:
            self._reader.accept()
            event = await self._next_event()
        self._command.waited += self._connection.clock.seconds() - began
        if type(event) is Line:
            scan = Scanner(event.text)
            answer = scan.octets()
            scan.end()
            return answer
        if type(event) is Offer:
            self._reader.refuse()
        elif type(event) is Hopeless:
            self._farewell = "Too much was sent that cannot be taken"
        raise BadSyntax("A string was expected")

    async def log_in(
        self, mechanism: str, initial: bytes | None, ask: Callable[[bytes], Awaitable[bytes]]
    ) -> bytes | None:
        """Let the client log in; gives what the mechanism has the server say at the end. Raises
        what `sora.auth.logging_in.log_in` does."""
        connection = self._connection
        channel = channel_on(connection, "managesieve", ask)
        done = await log_in(self._services.authenticator, mechanism, initial, channel)
        connection.identify(done.identity.address)
        self._identity = done.identity
        self._bad = 0
        self._connection.must_end_by = None
        self._reader.line_limit = self._limits.line
        self._reader.skip_limit = self._limits.skip
        return done.final

    def unauthenticate(self) -> None:
        """Be as before the login, but for TLS."""
        self._before_login()
        self._connection.unidentify()

    def start_tls(self) -> None:
        """Begin TLS once OK is written, and tell the capabilities anew. Raises WrongState when
        it is not possible."""
        if not self._can_start_tls:
            raise WrongState("TLS is not possible here, or there already")
        self._afterwards = self._begin_tls

    def _begin_tls(self) -> None:
        self._connection.start_tls(self._services.tls)
        self.tell_capabilities()
        self.write(response(b"OK", text="TLS is there"))

    def end(self) -> None:
        """The conversation ends with this command."""
        self._is_ending = True


class _Bug(SoraError):
    """What only a bug of ours can explain."""
