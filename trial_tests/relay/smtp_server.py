"""An SMTP server that does what a test tells it: refuses, disconnects, falls silent, anywhere."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

reactor: Any = _reactor
SILENCE = b"silence"
GONE = b"gone"
"""Instead of a reply: none, or the end of the connection."""


@define
class Received:
    """A message as the server took it. `data` still has its dots."""

    mail: bytes
    recipients: list[bytes] = field(factory=list)
    data: bytes = b""


class ScriptedServer(Factory):
    """`replies` has, by the first word of a command (and `greeting`, `body` for after the dot),
    the replies in turn; the last one is repeated. What is not there is answered well."""

    noisy = False

    def __init__(self, **replies: list[bytes]) -> None:
        self.replies = replies
        self.offers = [b"8BITMIME", b"SIZE 100000", b"SMTPUTF8", b"DSN"]
        self.messages: list[Received] = []
        self.commands: list[bytes] = []
        self.connections = 0
        self.open: list[ServerConnection] = []
        self.tls: Any = None
        self.mechanisms: list[bytes] = []
        self.logins: list[tuple[bytes, list[bytes]]] = []
        self.injected = b""
        self.after_mail: Callable[[], None] = lambda: None

    def buildProtocol(self, addr: Any) -> "ServerConnection":
        self.connections += 1
        return ServerConnection(self)

    def reply_to(self, word: str, good: bytes) -> bytes:
        replies = self.replies.get(word)
        if not replies:
            return good
        return replies.pop(0) if len(replies) > 1 else replies[0]

    async def listen(self) -> Any:
        """A port on 127.0.0.1."""
        self.port = reactor.listenTCP(0, self, interface="127.0.0.1")
        return self.port

    @property
    def number(self) -> int:
        return int(self.port.getHost().port)

    async def close(self) -> None:
        """Stop, and end what is open."""
        await maybeDeferred(self.port.stopListening)
        for connection in list(self.open):
            connection.ended = Deferred()
            connection.transport.abortConnection()
            await connection.ended


class ServerConnection(LineReceiver):
    """One client."""

    MAX_LENGTH = 1_000_000

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.ended: Deferred[None] | None = None
        self.message: Received | None = None
        self.is_data = False
        self.is_tls = False
        self.mechanism = b""
        self.responses: list[bytes] = []
        self.challenges: list[bytes] | None = None
        self.lines: list[bytes] = []

    def connectionMade(self) -> None:
        self.server.open.append(self)
        self.answer("greeting", b"220 test.example ESMTP")

    def connectionLost(self, reason: Any = None) -> None:
        self.server.open.remove(self)
        if self.ended is not None:
            self.ended.callback(None)

    def answer(self, word: str, good: bytes) -> bool:
        """Whether the reply was good."""
        reply = self.server.reply_to(word, good)
        if reply == GONE:
            self.transport.abortConnection()
        elif reply != SILENCE:
            self.transport.write(reply + b"\r\n")
        return reply[:1] in b"23"

    def lineReceived(self, line: bytes) -> None:
        if self.is_data:
            self.data_line(line)
            return
        if self.challenges is not None:
            self.said_of_login(line)
            return
        self.server.commands.append(line)
        word = line.split(b" ")[0].split(b":")[0].upper().decode()
        getattr(self, f"do_{word}", lambda line: self.answer(word, b"502 no"))(line)

    def data_line(self, line: bytes) -> None:
        if line != b".":
            self.lines.append(line)
            return
        self.is_data = False
        assert self.message is not None
        self.message.data = b"".join(one + b"\r\n" for one in self.lines)
        if self.answer("body", b"250 2.0.0 queued"):
            self.server.messages.append(self.message)
        self.message = None

    def do_EHLO(self, line: bytes) -> None:
        offers = list(self.server.offers)
        if self.server.tls is not None and not self.is_tls:
            offers.append(b"STARTTLS")
        if self.server.mechanisms:
            offers.append(b"AUTH " + b" ".join(self.server.mechanisms))
        good = [b"test.example", *offers]
        lines = [b"250-" + one for one in good[:-1]] + [b"250 " + good[-1]]
        self.answer("EHLO", b"\r\n".join(lines))

    def do_HELO(self, line: bytes) -> None:
        self.answer("HELO", b"250 test.example")

    def do_STARTTLS(self, line: bytes) -> None:
        if self.answer("STARTTLS", b"220 2.0.0 go on" + self.server.injected):
            self.transport.startTLS(self.server.tls)
            self.is_tls = True

    def do_AUTH(self, line: bytes) -> None:
        _, self.mechanism, *first = line.split()
        self.responses = []
        challenges = {b"LOGIN": [b"Username:", b"Password:"], b"CRAM-MD5": [b"<1@test.example>"]}
        self.challenges = challenges.get(self.mechanism, [])
        for response in first:
            self.said_of_login(response)
        if not first:
            self.challenge()

    def said_of_login(self, line: bytes) -> None:
        self.responses.append(b64decode(line))
        self.challenge()

    def challenge(self) -> None:
        if self.challenges:
            self.transport.write(b"334 " + b64encode(self.challenges.pop(0)) + b"\r\n")
            return
        self.challenges = None
        self.server.logins.append((self.mechanism, self.responses))
        self.answer("AUTH", b"235 2.7.0 welcome")

    def do_MAIL(self, line: bytes) -> None:
        if self.answer("MAIL", b"250 2.1.0 ok"):
            self.message = Received(line)
            self.server.after_mail()

    def do_RCPT(self, line: bytes) -> None:
        if self.answer("RCPT", b"250 2.1.5 ok") and self.message is not None:
            self.message.recipients.append(line)

    def do_DATA(self, line: bytes) -> None:
        if self.answer("DATA", b"354 go on"):
            self.is_data, self.lines = True, []

    def do_RSET(self, line: bytes) -> None:
        self.message = None
        self.answer("RSET", b"250 2.0.0 ok")

    def do_QUIT(self, line: bytes) -> None:
        self.answer("QUIT", b"221 2.0.0 bye")
        self.transport.loseConnection()
