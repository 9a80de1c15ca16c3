"""A client of another IMAP server: one command at a time, literals to where they are wanted."""

from base64 import b64encode
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from sora.errors import AuthenticationFailed, BadArgument, BadSyntax, SoraError, Unavailable
from sora.exchange.formats.imap_responses import Offer, Response, ResponseReader
from sora.exchange.wishes import Login
from sora.mail.imap_strings import string
from sora.relay.tls import client_tls

PATIENCE: Final = 180.0
"""seconds without an octet from the server"""
CONNECT: Final = 30.0


class Dropped(Unavailable):
    """The connection was given up, since nobody wants anything of it any more."""


class Refused(BadArgument):
    """The other server has said NO."""


class ImapClient(Protocol):
    """One connection. Untagged responses of a command are its answer."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._offer: Offer | None = None
        self._reader = ResponseReader(lambda before, size: self._offered(before, size))
        self._untagged: list[Response] = []
        # The greeting is waited for from the beginning.
        self._waiting: Deferred[Response] | None = Deferred()
        self._greeting = self._waiting
        self._tag = b"*"
        self._count = 0
        self._timer: Any = None
        self._reaching: Deferred[Any] | None = None
        self._why: SoraError | None = None
        self._secrets: tuple[str, ...] = ()
        self.capabilities: frozenset[bytes] = frozenset()
        self.is_logged_in = False
        self.selected: object = None
        """what its user knows to be selected"""

    # ------------------------------------------------------------ commands

    async def reach(self, endpoint: Any, where: str) -> None:
        """Be connected. Raises Unavailable."""
        self._reaching = connectProtocol(endpoint, self)
        try:
            await self._reaching
        except (ConnectError, OSError) as error:
            raise Unavailable(f"{where} cannot be reached: {error}") from None
        except (CancelledError, ConnectingCancelledError):
            self._greeting.addErrback(lambda _: None)  # it was to be waited for next
            raise Dropped from None

    async def greeted(self) -> None:
        """Wait for the greeting. Raises Unavailable."""
        answer = await self._greeting
        if answer.kind not in (b"OK", b"PREAUTH"):
            raise Unavailable(f"The server does not want us: {self._shown(answer.text)}")

    async def command(self, *words: bytes, offer: Offer | None = None) -> list[Response]:
        """Send a command, and give its untagged responses. `offer` takes literals.

        Raises Refused for NO and BAD, Unavailable when the connection is lost or stands still.
        """
        self._offer = offer
        self._untagged = []
        self._count += 1
        self._tag = b"s%d" % self._count
        self._send(b" ".join((self._tag, *words)))
        while (answer := await self._wait(self._tag)).tag == b"+":
            self._send(b"")
        self._offer = None
        if answer.kind != b"OK":
            raise Refused(f"{self._shown(words[0])}: {self._shown(answer.text)}")
        return [*self._untagged, answer]

    async def ask_capabilities(self) -> None:
        """What the server can do, from now on in `capabilities`."""
        for response in await self.command(b"CAPABILITY"):
            if response.kind == b"CAPABILITY":
                words = [word for word in response.words[1:] if isinstance(word, bytes)]
                self.capabilities = frozenset(word.upper() for word in words)

    async def log_in(self, login: Login) -> None:
        """Raises AuthenticationFailed."""
        # No text of the server is shown with them in it.
        self._secrets = tuple(filter(None, (login.password, plain_of(login).decode())))
        user, password = login.user.encode(), login.password.encode()
        try:
            if b"AUTH=PLAIN" in self.capabilities or login.authorize_as:
                await self._authenticate(plain_of(login))
            else:
                await self.command(b"LOGIN", string(user), string(password))
        except Refused as error:
            raise AuthenticationFailed(
                f"The server does not take the password of {login.user}: {error.text}"
            ) from None
        await self.ask_capabilities()
        self.is_logged_in = True

    async def _authenticate(self, secret: bytes) -> None:
        self._untagged = []
        self._count += 1
        self._tag = b"s%d" % self._count
        self._send(self._tag + b" AUTHENTICATE PLAIN")
        answer = await self._wait(self._tag)
        if answer.tag == b"+":
            self._send(secret)
            answer = await self._wait(self._tag)
        if answer.kind != b"OK":
            raise Refused(self._shown(answer.text))

    def drop(self) -> None:
        """End the connection at once, or what would become one: whoever waits gets Unavailable."""
        self._fail(Dropped())
        if self._reaching is not None:
            self._reaching.cancel()

    def close(self) -> None:
        """End the connection."""
        if self.transport is not None:
            self._send(b"x LOGOUT")
            self.transport.loseConnection()

    # ------------------------------------------------------------ the connection

    def connectionMade(self) -> None:
        """See Protocol."""
        self._timer = self._reactor.callLater(PATIENCE, self._stands_still)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        if self._timer is not None and self._timer.active():
            self._timer.reset(PATIENCE)
        try:
            for response in self._reader.receive(data):
                self._received(response)
        except SoraError as error:
            self._fail(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._fail(Unavailable("The other server has ended the connection"))

    def _received(self, response: Response) -> None:
        if response.tag in (self._tag, b"+"):
            self._answer(response)
        elif response.tag == b"*":
            self._untagged.append(response)
        else:
            raise BadSyntax(f"The server said what was not asked: {self._shown(response.text)}")

    def _answer(self, response: Response) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(response)

    async def _wait(self, tag: bytes) -> Response:
        if self._why is not None:
            raise self._why
        self._tag = tag
        self._waiting = Deferred()
        return await self._waiting

    def _send(self, line: bytes) -> None:
        if self.transport is not None:
            self.transport.write(line + b"\r\n")

    def _offered(self, before: bytes, size: int) -> Any:
        return None if self._offer is None else self._offer(before, size)

    def _shown(self, octets: bytes) -> str:
        """What the server has said, without what it was told in confidence."""
        text = octets.decode("utf-8", "backslashreplace")
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text[:200]

    def _stands_still(self) -> None:
        self._fail(Unavailable(f"The other server has not answered for {PATIENCE:.0f} s"))

    def _fail(self, error: SoraError) -> None:
        self._why = self._why or error
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(self._why)


async def connect(reactor: Any, client: ImapClient, login: Login) -> None:
    """Be connected and logged in. Raises Unavailable, AuthenticationFailed."""
    tls: Any = None
    try:
        login.host.encode("idna")
        if login.tls != "none":
            tls = client_tls(login.host, verify=login.verify, ca_file=login.ca_file)
    except UnicodeError:
        raise BadArgument(f"{login.host} is no name of a host") from None
    endpoint: Any = HostnameEndpoint(reactor, login.host, login.port, timeout=CONNECT)
    if login.tls == "implicit":
        endpoint = wrapClientTLS(tls, endpoint)
    await client.reach(endpoint, f"{login.host}:{login.port}")
    try:
        await client.greeted()
        await client.ask_capabilities()
        if login.tls == "starttls":
            await client.command(b"STARTTLS")
            client.transport.startTLS(tls)  # type: ignore[union-attr]
            await client.ask_capabilities()
        await client.log_in(login)
    except BaseException:
        client.close()
        raise


def plain_of(login: Login) -> bytes:
    """The response of PLAIN (RFC 4616 §2), in base64."""
    return b64encode("\0".join((login.authorize_as, login.user, login.password)).encode())
