"""One SMTP connection: Twisted's ESMTP client as far as a transaction can begin, then our own.

Twisted greets, says EHLO, changes to TLS and authenticates. From there on a message is a coroutine
over `command` (`sora.relay.transaction`). A connection that cannot become ready (a greeting that
refuses, no TLS where it has to be, wrong credentials) is `Unavailable`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.mail.smtp import (
    CramMD5ClientAuthenticator,
    ESMTPClient,
    LOGINAuthenticator,
    PLAINAuthenticator,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.errors import Unavailable
from sora.relay.wire.answers import Reply, offers, reply_of

MAX_LINES: Final = 200
"""Lines of one reply."""


@frozen
class Timeouts:
    """Seconds without progress, by phase (RFC 5321 §4.5.3.2). `setup` is for all until a
    transaction can begin."""

    connect: float = 30.0
    setup: float = 300.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    final: float = 600.0

    def within(self, patience: float) -> "Timeouts":
        """The same, with no more than `patience` seconds until a transaction can begin."""
        half = patience / 2
        return evolve(self, connect=min(self.connect, half), setup=min(self.setup, half))


@frozen
class Login:
    """How the relay is spoken to: this host's name, what makes TLS, whether it has to be, and
    credentials, if any."""

    helo: str
    tls: Any = None
    require_tls: bool = False
    username: str = ""
    password: str = ""


class ConnectionBroken(Unavailable):
    """The connection to the relay ended."""


class SMTPConnection(ESMTPClient):
    """A connection. `ready` fires with None when a transaction can begin, and fails with
    Unavailable when it cannot; `broken` is called once when the connection has ended."""

    debug = False  # its log would hold credentials (G69)
    MAX_LENGTH = 8192
    transport: Any
    timeout: Any
    callLater: Any
    _expected: Any

    def __init__(self, login: Login, clock: IReactorTime, timeouts: Timeouts) -> None:
        super().__init__(login.password.encode(), login.tls, login.helo)
        self.requireAuthentication = bool(login.username)
        self.requireTransportSecurity = login.require_tls
        self.callLater = clock.callLater
        self.timeout = timeouts.setup
        self.ready: Deferred[None] = Deferred()
        self.broken: Callable[[], None] = lambda: None
        self.messages = 0
        self.offered: Mapping[bytes, bytes] = {}
        self.remote = ""
        self._username = login.username.encode()
        self._clock = clock
        self.timeouts = timeouts
        self.error: ConnectionBroken | None = None
        """why it has ended"""
        self._waiting: deque[Deferred[Reply]] = deque()
        self.flow = _Flow()
        self._deadline: Any = None

    @property
    def is_usable(self) -> bool:
        """Whether another transaction can begin."""
        return self.error is None and not self._waiting

    def seconds(self) -> float:
        """The time."""
        return self._clock.seconds()

    # ------------------------------------------------------------ until it is ready

    def connectionMade(self) -> None:
        """Wait for the greeting. What is written goes out at once: the end of a message would
        otherwise wait for the acknowledgement of its last piece."""
        self.transport.setTcpNoDelay(True)
        self._deadline = self._clock.callLater(self.timeouts.setup, self.timeoutConnection)
        super().connectionMade()

    def lineReceived(self, line: bytes) -> None:
        """One line of a reply; too many of them are none."""
        if len(self.resp) >= MAX_LINES:
            self._break("it answers without an end")
            return
        if not line[:3].isdigit() or line[3:4] not in (b"", b" ", b"-"):
            self._break("it does not speak SMTP")
            return
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line without an end."""
        self._break("it sends a line without an end")

    def esmtpState_ehlo(self, code: int, resp: bytes) -> None:
        """The greeting, or the new beginning after STARTTLS."""
        self.offered = {}
        if not self.remote:
            self.remote = _host_of(self.resp[:1])
        super().esmtpState_ehlo(code, resp)

    def smtpState_helo(self, code: int, resp: bytes) -> None:
        """A server that does not know EHLO. One that refuses HELO, too, is not asked again."""
        super().smtpState_helo(code, resp)
        self._failresponse = self.smtpConnectionFailed

    def esmtpState_serverConfig(self, code: int, resp: bytes) -> None:
        """What the server offers."""
        self.offered = offers(self.resp)
        self.tryTLS(code, resp, dict(self.offered))

    def esmtpState_starttls(self, code: int, resp: bytes) -> None:
        """Change to TLS. What came along unencrypted may be anybody's (RFC 3207 §6)."""
        if self._buffer:
            self._break("it sent something between STARTTLS and TLS")
            return
        super().esmtpState_starttls(code, resp)

    def authenticate(self, code: int, resp: bytes, items: Mapping[bytes, bytes]) -> None:
        """Passwords go over TLS only; without it, only what hides them."""
        user = self._username
        self.authenticators = [CramMD5ClientAuthenticator(user)]
        if self._tlsMode:
            self.authenticators = [
                PLAINAuthenticator(user),
                LOGINAuthenticator(user),
                *self.authenticators,
            ]
        if user:
            super().authenticate(code, resp, items)
        else:
            self.smtpState_from(code, resp)

    def smtpState_from(self, code: int, resp: bytes) -> None:
        """Greeted, encrypted and authenticated."""
        self.setTimeout(None)
        self._end_deadline()
        if not self.ready.called:
            self.ready.callback(None)

    def sendError(self, exc: Any) -> None:
        """It cannot become ready."""
        code = getattr(exc, "code", -1)
        said = getattr(exc, "resp", b"")
        lines = said.splitlines() if isinstance(said, bytes) else [str(said).encode()]
        reply = reply_of(code, lines)
        self._break(f"it refuses: {reply}" if code > 0 else reply.text)

    # ------------------------------------------------------------ asking

    def command(self, line: bytes, timeout: float | None = None) -> "Deferred[Reply]":
        """Ask one thing. Fails with ConnectionBroken when there is no answer."""
        if self.error is not None:
            failed: Deferred[Reply] = Deferred()
            failed.errback(self.error)
            return failed
        answer = self.expect(self.timeouts.command if timeout is None else timeout)
        self.sendLine(line)
        return answer

    def expect(self, timeout: float) -> "Deferred[Reply]":
        """Wait for one reply more, for so many seconds without progress."""
        self._expected = range(1000)
        self._okresponse = self._failresponse = self._replied
        answer: Deferred[Reply] = Deferred()
        self._waiting.append(answer)
        self.setTimeout(timeout)
        return answer

    def _replied(self, code: int, resp: bytes) -> None:
        waiting = self._waiting.popleft() if self._waiting else None
        self.setTimeout(self.timeouts.command if self._waiting else None)
        reply = reply_of(code, self.resp)
        if waiting is None:  # 421 on an idle connection, for example
            self._break(f"it said {reply}")
            return
        if code == 421:
            self._break(f"it is going away: {reply}")
        waiting.callback(reply)

    # ------------------------------------------------------------ the end

    def quit(self) -> None:
        """Leave."""
        if self.error is None:
            self.sendLine(b"QUIT")
            self._break("we left", abort=False)

    def abort(self, why: str) -> None:
        """Break off what is being done."""
        self._break(why)

    def timeoutConnection(self) -> None:
        """No answer, or no progress."""
        self._break("it did not answer in time")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It ended; a handshake that failed ends it, too."""
        text = reason.getErrorMessage() if reason is not None else ""
        self._break(f"the connection ended: {text}")
        super().connectionLost(reason)

    def _break(self, why: str, abort: bool = True) -> None:
        if self.error is not None:
            return
        self.error = ConnectionBroken(f"{self.remote or 'The relay'}: {why}")
        self.setTimeout(None)
        self._end_deadline()
        if self.transport is not None:
            if abort:
                self.transport.abortConnection()
            else:
                self.transport.loseConnection()
        waiting = list(self._waiting)
        self._waiting.clear()
        self.flow.end(self.error)
        if not self.ready.called:
            self.ready.errback(self.error)
        for one in waiting:
            one.errback(self.error)
        self.broken()

    def _end_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None


@implementer(IPushProducer)
class _Flow:
    """Whether the transport wants more."""

    def __init__(self) -> None:
        self._is_paused = False
        self._error: Unavailable | None = None
        self._waiting: Deferred[None] | None = None

    def drained(self) -> "Deferred[None]":
        """Fires when more may be written. Fails when the connection has ended."""
        waiting: Deferred[None] = Deferred()
        if self._error is not None:
            waiting.errback(self._error)
        elif self._is_paused:
            self._waiting = waiting
        else:
            waiting.callback(None)
        return waiting

    def end(self, error: Unavailable) -> None:
        """The connection has ended."""
        self._error = error
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(error)

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._is_paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """See IPushProducer. `connectionLost` says why."""


def _host_of(lines: Sequence[bytes]) -> str:
    """The name in a greeting or in an answer to EHLO (RFC 5321 §4.2)."""
    words = lines[0].split() if lines else []
    name = words[0].decode("ascii", "replace") if words else ""
    return name if name.replace("-", "").replace(".", "").isalnum() and name.isascii() else ""
