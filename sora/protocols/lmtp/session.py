"""One LMTP conversation (RFC 2033, RFC 5321).

Replies come in the order of the commands, always. The recipients of a pipelined group are
looked up at the same time; their replies wait for each other (`_asked`), and every other
command waits for them.

After the message, each recipient gets its own reply, in the order of the accepted RCPTs (RFC
2033 §4.2): 250 only when the message is durable for that recipient (G41). A reply that cannot
be given (the client is gone) changes nothing: the sender tries again, and the delivery knows
that it has happened (G42).

Whatever goes wrong, the message is let go at one place (`_reset`).
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from sora.addresses import Address, parse_address
from sora.errors import (
    BadArgument,
    BadName,
    MailLoop,
    NoSuchAccount,
    NotPermitted,
    ShuttingDown,
    SoraError,
    TooMany,
    UnknownCommand,
    WrongState,
)
from sora.mailbox.envelope import Addressee, Envelope, Origin
from sora.net.connection import Connection, ConnectionEnded, TimedOut
from sora.protocols.lmtp.errors import INTERNAL, Reply, reply_to
from sora.protocols.lmtp.incoming import Incoming, too_big
from sora.protocols.lmtp.services import Services, Settings
from sora.protocols.lmtp.wire.commands import Bdat, Command, Lhlo, Mail, Plain, Rcpt, parse
from sora.protocols.lmtp.wire.reader import Chunk, Line, LMTPReader
from sora.storage.rows import Recipient

LOOKUPS_AT_ONCE: Final = 16
"""recipients of one connection that are looked up at the same time"""


class Session:
    """The state of one conversation."""

    log = Logger()

    def __init__(
        self, connection: Connection, reader: LMTPReader, services: Services, settings: Settings
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._services = services
        self._settings = settings
        self._helo = ""
        self._trusted: bool | None = None
        self._mail: Mail | None = None
        self._accepted: list[tuple[Address, Recipient]] = []
        self._asked: list[tuple[str, Deferred[tuple[Address, Recipient]]]] = []
        self._incoming: Incoming | None = None
        self._owed = 1
        self._errors = 0
        self._ending = False
        self._stopping = False
        self._plain: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "QUIT": self._quit,
            "STARTTLS": self._starttls,
            "HELO": self._hello,
            "EHLO": self._hello,
        }

    # ---------------------------------------------------------- the conversation

    async def converse(self) -> None:
        """Greet, and answer until the end."""
        self._reply(220, "", f"{self._settings.hostname} LMTP Sora is ready")
        try:
            while not self._ending:
                event = self._connection.take_event()
                if event is None:
                    await self._answer_recipients()
                    event = await self._next_line()
                if type(event) is Line:
                    await self._execute(event.text)
                else:
                    await self._answer_recipients()
                    self._count_error(Reply(500, "5.5.2", "The line is too long"))
        except TimedOut:
            self._reply(421, "4.4.2", "Nothing was heard for too long")
        finally:
            self._forget_asked()
            self._reset()

    def stop(self) -> None:
        """The server stops: end between two transactions."""
        self._stopping = True
        self._connection.wake()

    async def _next_line(self) -> Any:
        while True:
            if self._stopping:
                self._say(reply_to(ShuttingDown()))
                raise ConnectionEnded
            event = await self._connection.event_or_wake(self._settings.command_timeout)
            if event is not None:
                return event
            if self._connection.is_overdue and not self._stopping:
                raise TimedOut

    async def _execute(self, line: bytes) -> None:
        started = self._connection.clock.seconds()
        self._owed = 1
        word, status = "unknown", "ok"
        try:
            command = parse(line)
            word = command.word if isinstance(command, Plain) else type(command).__name__
            if type(command) is Rcpt:
                await self._rcpt(command)
            else:
                await self._answer_recipients()
                await self._run(command)
        except SoraError as error:
            await self._answer_recipients()
            reply = reply_to(error)
            status = "bad" if reply.code in (500, 501, 503, 555) else "no"
            self._fail(reply)
        except (ConnectionEnded, CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the answer loop: one of the three places that may
            self.log.failure("{word} from {peer} failed", word=word, peer=self._connection.peer)
            status = "no"
            self._fail(INTERNAL)
        seconds = self._connection.clock.seconds() - started
        if word not in ("DATA", "Bdat"):  # most of their time is the client's (G66)
            self._services.commands.answered("lmtp", word.lower(), status, seconds)

    def _fail(self, reply: Reply) -> None:
        """The command failed as a whole: each reply that it owes is the same."""
        for _ in range(self._owed):
            self._say(reply)
        if reply.code in (500, 501, 503, 555):
            self._count_error(None)

    async def _run(self, command: Command) -> None:
        match command:
            case Lhlo(name):
                self._lhlo(name)
            case Mail():
                self._begin(command)
            case Bdat(size, last):
                await self._bdat(size, last)
            case Plain(word):
                await self._plain[word]()

    # ---------------------------------------------------------- simple commands

    def _lhlo(self, name: str) -> None:
        self._reset()
        self._helo = name
        lines = [
            self._settings.hostname,
            "PIPELINING",
            "8BITMIME",
            "ENHANCEDSTATUSCODES",
            f"SIZE {self._settings.max_message_size}",
            "CHUNKING",
            "SMTPUTF8",
        ]
        if self._services.tls is not None and not self._connection.is_tls:
            lines.append("STARTTLS")
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        self._connection.write(text.encode("ascii"))

    async def _hello(self) -> None:
        raise UnknownCommand("This is LMTP: say LHLO")

    async def _noop(self) -> None:
        self._reply(250, "2.0.0", "OK")

    async def _rset(self) -> None:
        self._reset()
        self._reply(250, "2.0.0", "OK")

    async def _vrfy(self) -> None:
        self._reply(252, "2.5.0", "Say RCPT to find out")

    async def _quit(self) -> None:
        self._reply(221, "2.0.0", "Bye")
        self._ending = True

    async def _starttls(self) -> None:
        if self._services.tls is None:
            raise UnknownCommand("There is no certificate for TLS here")
        if self._connection.is_tls:
            raise WrongState("TLS is there already")
        self._reply(220, "2.0.0", "Begin TLS")
        self._reset()
        # RFC 3207 §4.2: what was said before TLS does not count.
        self._helo = ""
        self._connection.start_tls(self._services.tls)

    # ---------------------------------------------------------- the envelope

    def _begin(self, mail: Mail) -> None:
        if not self._helo:
            raise WrongState("Say LHLO first")
        if self._mail is not None:
            raise WrongState("A message was begun already; RSET forgets it")
        if self._trusted is None:
            self._trusted = self._connection.peer.host in self._settings.trusted
        if not self._trusted:
            raise NotPermitted("Your address may not deliver here; see trusted_networks")
        if mail.size is not None and mail.size > self._settings.max_message_size:
            raise too_big(self._settings.max_message_size)
        self._mail = mail
        self._reply(250, "2.1.0", "Sender OK")

    async def _rcpt(self, command: Rcpt) -> None:
        if self._mail is None:
            raise WrongState("Say MAIL first")
        if self._incoming is not None:
            raise WrongState("The message has begun")
        if (
            len(self._asked) >= LOOKUPS_AT_ONCE
            or len(self._accepted) + len(self._asked) >= self._settings.max_recipients
        ):
            await self._answer_recipients()
        if len(self._accepted) >= self._settings.max_recipients:
            raise TooMany(f"A message has at most {self._settings.max_recipients} recipients")
        lookup = Deferred.fromCoroutine(self._look_up(command.address))
        self._asked.append((command.address, lookup))

    async def _look_up(self, text: str) -> tuple[Address, Recipient]:
        try:
            address = parse_address(text, self._settings.separator)
        except BadArgument as error:
            raise BadName(error.text) from None
        recipient = await self._services.deliveries.resolve(address)
        if recipient is None:
            raise NoSuchAccount
        return address, recipient

    async def _answer_recipients(self) -> None:
        """Reply to the RCPTs that were asked about, in their order."""
        while self._asked:
            text, lookup = self._asked[0]
            try:
                found = await lookup
            except SoraError as error:
                self._say(reply_to(error), text)
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - the answer loop, for commands that overlap
                self.log.failure("the lookup of {address} failed", address=text)
                self._say(INTERNAL, text)
            else:
                self._accepted.append(found)
                self._reply(250, "2.1.5", f"<{text}> OK")
            del self._asked[0]

    # ---------------------------------------------------------- the message

    async def _data(self) -> None:
        if self._incoming is not None:
            raise WrongState("The message was begun with BDAT")
        self._require_recipients()
        incoming = self._incoming = self._new_incoming()
        self._reply(354, "", "Send the message, and end it with a dot on a line of its own")
        self._reader.expect_data()
        await self._receive(incoming)
        await self._deliver(incoming)

    async def _bdat(self, size: int, last: bool) -> None:
        self._reader.expect_octets(size)
        try:
            self._require_recipients()
            if self._incoming is None:
                self._incoming = self._new_incoming()
        except SoraError as error:
            # The octets come all the same (RFC 3030 §2), and are dropped.
            self._incoming = Incoming(None, 0, error)
        incoming = self._incoming
        await self._receive(incoming)
        if last and self._accepted:
            await self._deliver(incoming)
        elif incoming.failure is not None:
            self._reset()
            raise incoming.failure
        else:
            self._reply(250, "2.0.0", f"{size} octets")

    def _new_incoming(self) -> Incoming:
        return Incoming(self._services.spool(), self._settings.max_message_size)

    def _require_recipients(self) -> None:
        if self._mail is None:
            raise WrongState("Say MAIL first")
        if not self._accepted:
            # RFC 2033 §4.2
            raise WrongState("There are no valid recipients")

    async def _receive(self, incoming: Incoming) -> None:
        """Receive the message, or a part of it."""
        while True:
            event = await self._connection.next_event(self._settings.data_timeout)
            assert type(event) is Chunk
            incoming.take(event.data)
            if incoming.failure is not None and incoming.is_hopeless:
                failure = reply_to(incoming.failure)
                self._say(Reply(421, failure.status, failure.text))
                raise ConnectionEnded
            if event.last:
                return

    async def _deliver(self, incoming: Incoming) -> None:
        """Hand the message over, and reply for each recipient."""
        self._owed = len(self._accepted)
        try:
            if incoming.failure is not None:
                raise incoming.failure
            assert incoming.spool is not None and self._mail is not None
            self._services.metrics.octets.observe(incoming.spool.size)
            started = self._connection.clock.seconds()
            outcomes = await self._services.deliveries.deliver(self._envelope(), incoming.spool)
            self._answer_delivery(outcomes)
            seconds = self._connection.clock.seconds() - started
            self._services.commands.answered("lmtp", "data", "ok", seconds)
        finally:
            self._reset()

    def _answer_delivery(self, outcomes: Sequence[SoraError | None]) -> None:
        assert len(outcomes) == len(self._accepted), "an outcome for each recipient"
        for (address, _), outcome in zip(self._accepted, outcomes, strict=True):
            if outcome is None:
                self._count("ok")
                self._reply(250, "2.0.0", f"<{address}> Delivered")
            else:
                self._log_refusal(address, outcome)
                reply = reply_to(outcome)
                self._count("temporary" if reply.code < 500 else "permanent")
                self._say(reply, str(address))

    def _envelope(self) -> Envelope:
        assert self._mail is not None
        return Envelope(
            sender=self._mail.sender,
            recipients=[Addressee(*found) for found in self._accepted],
            origin=self._origin(self._mail),
            smtputf8=self._mail.utf8,
        )

    def _origin(self, mail: Mail) -> Origin:
        keyword = ("UTF8" if mail.utf8 else "") + "LMTP" + ("S" if self._connection.is_tls else "")
        return Origin(
            host=self._connection.peer.host,
            helo=self._helo,
            protocol=keyword,
            by=self._settings.hostname,
        )

    def _log_refusal(self, address: Address, error: SoraError) -> None:
        log = self.log.warn if isinstance(error, MailLoop) else self.log.info
        log("mail for {address} was not taken: {error}", address=str(address), error=error.text)

    def _count(self, result: str) -> None:
        self._services.metrics.by_result[result].inc()

    # ---------------------------------------------------------- inside

    def _reset(self) -> None:
        """Forget the transaction."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.close()
        self._mail = None
        self._accepted = []

    def _forget_asked(self) -> None:
        """Nobody will hear the answers; the lookups run to their end (trap 1)."""
        for _, lookup in self._asked:
            lookup.addErrback(lambda failure: None)
        self._asked = []

    def _reply(self, code: int, status: str, text: str) -> None:
        space = " " if status else ""
        self._connection.write(f"{code} {status}{space}{text}\r\n".encode())

    def _say(self, reply: Reply, address: str = "") -> None:
        text = f"<{address}> {reply.text}" if address else reply.text
        self._connection.write(Reply(reply.code, reply.status, text).line())

    def _count_error(self, reply: Reply | None) -> None:
        if reply is not None:
            self._say(reply)
        self._errors += 1
        if self._errors >= self._settings.max_errors:
            self._reply(421, "4.7.0", "Too many errors")
            self._ending = True
