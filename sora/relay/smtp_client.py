"""One SMTP connection: Twisted's ESMTP client as far as a transaction can begin, then our own.

Twisted greets, says EHLO, changes to TLS and authenticates. From there on a message is a coroutine
over `command`: MAIL and RCPT with their parameters, an answer for each recipient, DATA with
back-pressure. A 4yz or 5yz that says something about this client instead of a message (a greeting
that refuses, no TLS where it has to be, wrong credentials, 421) is `Unavailable`: it uses up
nothing, and is never a reason to bounce mail.
"""

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
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
from sora.mail.seven_bits import NotConvertible, in_seven_bits
from sora.relay.entry import Answer, Fate
from sora.relay.interfaces import Content, OutgoingRecipient, in_memory
from sora.relay.transport import Consignment
from sora.relay.wire.answers import Reply, offers, reply_of
from sora.relay.wire.data import DataEncoder
from sora.relay.wire.envelope import Content as Facts
from sora.relay.wire.envelope import Refusal, mail_command, rcpt_command
from sora.threads import Threads

BLOCK: Final = 64 * 1024
MAX_CONVERTED: Final = 32 * 1024 * 1024
"""Octets of a message that is converted for a server that does not take it as it is."""
MAX_LINES: Final = 200
"""Lines of one reply."""
NOT_ABOUT_THE_MESSAGE: Final = frozenset({421, 432, 454, 530, 534, 535, 538})
"""Codes that speak of the connection or of authentication (RFC 5321 §3.8, RFC 4954 §6)."""


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
        self._timeouts = timeouts
        self._error: Unavailable | None = None
        self._waiting: deque[Deferred[Reply]] = deque()
        self._flow = _Flow()
        self._deadline: Any = None

    @property
    def is_usable(self) -> bool:
        """Whether another transaction can begin."""
        return self._error is None and not self._waiting

    # ------------------------------------------------------------ until it is ready

    def connectionMade(self) -> None:
        """Wait for the greeting. What is written goes out at once: the end of a message would
        otherwise wait for the acknowledgement of its last piece."""
        self.transport.setTcpNoDelay(True)
        self._deadline = self._clock.callLater(self._timeouts.setup, self.timeoutConnection)
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

    # ------------------------------------------------------------ one message

    async def send(
        self, consignment: Consignment, threads: Threads, begun: Callable[[], None]
    ) -> Sequence[Answer]:
        """One transaction. `begun` is called when the server has taken the sender: from then on
        the message may arrive, whatever happens.

        Raises ConnectionBroken when the connection ends, Unavailable when the server does not
        speak of the message, or the message cannot be read.
        """
        if consignment.eight_bit and b"8BITMIME" not in self.offered:
            consignment = await self._in_seven_bits(consignment, threads)
        outgoing = consignment.outgoing
        count = len(outgoing.recipients)
        content = Facts(consignment.size, consignment.eight_bit)
        try:
            line = mail_command(outgoing, content, self.offered, self._clock.seconds())
        except Refusal as refusal:
            return [self._refused(refusal)] * count
        self.messages += 1
        recipients = [self._recipient(one) for one in outgoing.recipients]
        lines = [one for one in recipients if isinstance(one, bytes)]
        with closing(self._in_turn([line, *lines])) as replies:
            reply = await next(replies)
            if not reply.is_good:
                for left in replies if b"PIPELINING" in self.offered else ():
                    await left
                self._require_about_the_message(reply)
                return [self._answer(reply)] * count
            begun()
            answers = [
                one if isinstance(one, Answer) else self._answer(await next(replies))
                for one in recipients
            ]
        accepted = [answer.fate is Fate.SENT for answer in answers]
        if not any(accepted):
            await self.command(b"RSET")
            return answers
        reply = await self.command(b"DATA", self._timeouts.data)
        if reply.code == 354:
            reply = await self._body(consignment, threads)
        if reply.code == 354 or not (reply.is_good or 400 <= reply.code < 600):
            self._break("it answers out of turn")
            reply = Reply(451, "4.5.0", "The server answered out of turn")
        final = self._answer(reply)
        return [
            self._relayed(final, one.notify) if taken else answer
            for one, answer, taken in zip(outgoing.recipients, answers, accepted, strict=True)
        ]

    async def _in_seven_bits(self, consignment: Consignment, threads: Threads) -> Consignment:
        """The same message in 7 bits; as it is, where that cannot be (RFC 6152 §3)."""
        if consignment.size > MAX_CONVERTED:
            return consignment
        octets = await threads.run(_converted, consignment.open)
        if octets is None:
            return consignment
        return evolve(consignment, size=len(octets), eight_bit=False, open=in_memory(octets))

    def _recipient(self, recipient: OutgoingRecipient) -> bytes | Answer:
        """What is said of a recipient; the answer where that cannot be said."""
        try:
            return rcpt_command(recipient, self.offered)
        except Refusal as refusal:
            return self._refused(refusal)

    def _in_turn(self, lines: Sequence[bytes]) -> "Generator[Deferred[Reply], None, None]":
        """Ask several things, all at once where the server takes that (RFC 2920), else each when
        its reply is waited for."""
        if b"PIPELINING" not in self.offered:
            yield from map(self.command, lines)
            return
        asked = [self.command(line) for line in lines]
        try:
            yield from asked
        finally:
            # Nobody waits for what comes after a connection that has ended.
            for one in asked:
                one.addErrback(lambda _: None)

    async def _body(self, consignment: Consignment, threads: Threads) -> Reply:
        """The message, as fast as it is taken. A server that answers before its end has refused
        it; the connection is of no more use then."""
        final = self._expect(self._timeouts.block)
        encoder = DataEncoder()
        self.transport.registerProducer(self._flow, True)
        try:
            opened = await threads.run(consignment.open)
            try:
                while not final.called and (block := await threads.run(opened.read, BLOCK)):
                    self.setTimeout(self._timeouts.block)
                    self.transport.write(encoder.feed(block))
                    await self._flow.drained()
            finally:
                opened.close()
        except Unavailable:
            # The dot must not follow: half of a message would arrive for all of it.
            self._break("the message could not be sent to its end")
            final.addErrback(lambda _: None)
            raise
        finally:
            if self.transport is not None:
                self.transport.unregisterProducer()
        if final.called:
            reply = await final
            self._break("it answered before the end of a message")
            return reply if not reply.is_good else Reply(451, "4.5.0", "answered too early")
        self.transport.write(encoder.end())
        self.setTimeout(self._timeouts.final)
        return await final

    def command(self, line: bytes, timeout: float | None = None) -> "Deferred[Reply]":
        """Ask one thing. Fails with ConnectionBroken when there is no answer."""
        if self._error is not None:
            failed: Deferred[Reply] = Deferred()
            failed.errback(self._error)
            return failed
        answer = self._expect(self._timeouts.command if timeout is None else timeout)
        self.sendLine(line)
        return answer

    def _expect(self, timeout: float) -> "Deferred[Reply]":
        self._expected = range(1000)
        self._okresponse = self._failresponse = self._replied
        answer: Deferred[Reply] = Deferred()
        self._waiting.append(answer)
        self.setTimeout(timeout)
        return answer

    def _replied(self, code: int, resp: bytes) -> None:
        waiting = self._waiting.popleft() if self._waiting else None
        self.setTimeout(self._timeouts.command if self._waiting else None)
        reply = reply_of(code, self.resp)
        if waiting is None:  # 421 on an idle connection, for example
            self._break(f"it said {reply}")
            return
        if code == 421:
            self._break(f"it is going away: {reply}")
        waiting.callback(reply)

    def _require_about_the_message(self, reply: Reply) -> None:
        if reply.code in NOT_ABOUT_THE_MESSAGE:
            self._break(f"it refuses: {reply}")
            raise self._error or ConnectionBroken()

    # ------------------------------------------------------------ answers

    def _answer(self, reply: Reply) -> Answer:
        fate = Fate.WAITING
        if reply.is_good:
            fate = Fate.SENT
        elif reply.is_permanent and reply.code not in NOT_ABOUT_THE_MESSAGE:
            fate = Fate.REFUSED
        return Answer(fate, reply.code, reply.status, reply.text, self.remote)

    def _refused(self, refusal: Refusal) -> Answer:
        return Answer(Fate.REFUSED, 0, refusal.status, refusal.text, self.remote)

    def _relayed(self, answer: Answer, notify: tuple[str, ...] | None) -> Answer:
        is_last = answer.fate is Fate.SENT and b"DSN" not in self.offered
        if not is_last or "SUCCESS" not in (notify or ()):
            return answer
        return Answer(
            answer.fate, answer.code, answer.status, answer.text, answer.remote, relayed=True
        )

    # ------------------------------------------------------------ the end

    def quit(self) -> None:
        """Leave."""
        if self._error is None:
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
        if self._error is not None:
            return
        self._error = ConnectionBroken(f"{self.remote or 'The relay'}: {why}")
        self.setTimeout(None)
        self._end_deadline()
        if self.transport is not None:
            if abort:
                self.transport.abortConnection()
            else:
                self.transport.loseConnection()
        waiting = list(self._waiting)
        self._waiting.clear()
        self._flow.end(self._error)
        if not self.ready.called:
            self.ready.errback(self._error)
        for one in waiting:
            one.errback(self._error)
        self.broken()

    def _end_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None


def _converted(content: Content) -> bytes | None:
    """A message in 7 bits, None if it cannot be; in a thread."""
    body = content()
    try:
        pieces = []
        while piece := body.read(BLOCK):
            pieces.append(piece)
    finally:
        body.close()
    try:
        return in_seven_bits(b"".join(pieces))
    except NotConvertible:
        return None


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
