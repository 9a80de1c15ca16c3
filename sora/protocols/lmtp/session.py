"""One LMTP conversation (RFC 2033, RFC 5321): commands in, one after the other, and replies.

Replies come in the order of the commands, always: RCPTs of a pipelined group are looked up together
(`sora.protocols.lmtp.recipients`), and every other command waits for them. How a message comes
in and is answered for each recipient is in `sora.protocols.lmtp.receiving`.

Whatever goes wrong, a transaction is let go at one place (`_reset`).
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from sora.errors import SoraError, UnknownCommand, WrongState
from sora.net.connection import Connection
from sora.net.ended import ConnectionEnded, TimedOut
from sora.protocols.in_hand import Chronicle
from sora.protocols.lmtp.client import Client
from sora.protocols.lmtp.errors import INTERNAL, Reply
from sora.protocols.lmtp.incoming import too_big
from sora.protocols.lmtp.keywords import keywords
from sora.protocols.lmtp.receiving import Begun, Receiving
from sora.protocols.lmtp.recipients import Recipients
from sora.protocols.lmtp.replies import Replies
from sora.protocols.lmtp.services import Services, Settings
from sora.protocols.lmtp.wire.attributes import Attributes
from sora.protocols.lmtp.wire.commands import (
    Bdat,
    Command,
    Lhlo,
    Mail,
    Plain,
    Rcpt,
    Xclient,
    Xforward,
    parse,
)
from sora.protocols.lmtp.wire.reader import Line, LMTPReader
from sora.tracing.commands import InHand

_BAD: Final = (500, 501, 503, 555)
"""codes of commands that a client should not have given"""
USERS: Final = 10
"""recipients that a trace names, where it may, and the line of a slow message in the log"""


class Session:
    """The state of one conversation."""

    log = Logger()

    def __init__(
        self, connection: Connection, reader: LMTPReader, services: Services, settings: Settings
    ) -> None:
        self._connection = connection
        self._services = services
        self._settings = settings
        self._client = Client(connection, settings.trusted)
        self._replies = Replies(connection, settings.rejects_over_quota)
        self._recipients = Recipients(services.deliveries, settings, self._replies)
        self._chronicle = Chronicle(
            "lmtp", "", connection, self, services.commands, settings.slow_command
        )
        self._trace = InHand(services.traces)
        """of a message, from MAIL to its end"""
        self._receiving = Receiving(
            connection, reader, self._replies, self._recipients, services, settings, self._trace
        )
        self._begun: Begun | None = None
        self._errors = 0
        self._ending = False
        self._stopped: SoraError | None = None
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
        self._greet()
        try:
            while not self._ending:
                event = self._connection.take_event()
                if event is None:
                    await self._recipients.answer()
                    event = await self._next_line()
                if type(event) is Line:
                    await self._execute(event.text)
                else:
                    await self._recipients.answer()
                    self._replies.tell(Reply(500, "5.5.2", "The line is too long"))
                    self._count_error()
        except TimedOut:
            self._replies.say(421, "4.4.2", "Nothing was heard for too long")
        finally:
            self._recipients.forget()
            self._reset("gone")

    @property
    def whose(self) -> str:
        """The addresses that the message is for, the first of them."""
        return " ".join(str(one.address) for one in self._recipients.accepted[:USERS])

    def stop(self, why: SoraError) -> None:
        """End between two transactions, and say why."""
        self._stopped = why
        self._connection.wake()

    def _greet(self) -> None:
        self._replies.say(220, "", f"{self._settings.hostname} LMTP Sora is ready")

    async def _next_line(self) -> Any:
        while True:
            if self._stopped is not None:
                self._replies.refuse(self._stopped)
                raise ConnectionEnded
            event = await self._connection.event_or_wake(self._settings.command_timeout)
            if event is not None:
                return event
            if self._connection.is_overdue and self._stopped is None:
                raise self._connection.timed_out()

    async def _execute(self, line: bytes) -> None:
        started = self._connection.clock.seconds()
        self._replies.owed = 1
        word, status = "unknown", "ok"
        try:
            command = parse(line, self._services.sends_reports)
            word = command.word if isinstance(command, Plain) else type(command).__name__
            if type(command) is Rcpt:
                await self._rcpt(command)
            else:
                await self._recipients.answer()
                await self._run(command)
        except SoraError as error:
            await self._recipients.answer()
            reply = self._replies.reply_to(error)
            self._replies.fail(reply)
            status = "no"
            if reply.code in _BAD:
                status = "bad"
                self._count_error()
            self._chronicle.failed(word.lower(), error, status == "bad")
        except (ConnectionEnded, CancelledError):
            raise
        except Exception:  # noqa: BLE001 - the answer loop: one of the three places that may
            self._trace.keep()
            self.log.failure(
                "{word} from {peer} failed",
                word=word,
                peer=self._connection.peer,
                **self._trace.fields,
            )
            status = "no"
            self._replies.fail(INTERNAL)
            self._chronicle.failed(word.lower(), None, False)
        seconds = self._connection.clock.seconds() - started
        if word not in ("DATA", "Bdat"):  # most of their time is the client's (G66)
            self._chronicle.answered(word.lower(), status, seconds)
            self._trace.took(seconds)

    async def _run(self, command: Command) -> None:
        match command:
            case Lhlo(name):
                self._lhlo(name)
            case Mail():
                self._mail(command)
            case Bdat():
                await self._bdat(command)
            case Plain(word):
                await self._plain[word]()
            case Xclient(attributes):
                self._xclient(attributes)
            case Xforward(attributes):
                self._xforward(attributes)

    # ---------------------------------------------------------- simple commands

    def _lhlo(self, name: str) -> None:
        self._reset()
        self._client.helo = name
        offered = keywords(
            max_message_size=self._settings.max_message_size,
            max_recipients=self._settings.max_recipients,
            offers_tls=self._services.tls is not None and not self._connection.is_tls,
            sends_reports=self._services.sends_reports,
            is_trusted=self._client.is_trusted,
        )
        self._replies.lines(250, (self._settings.hostname, *offered))

    async def _hello(self) -> None:
        raise UnknownCommand("This is LMTP: say LHLO")

    async def _noop(self) -> None:
        self._replies.say(250, "2.0.0", "OK")

    async def _rset(self) -> None:
        self._reset()
        self._client.end_message()
        self._replies.say(250, "2.0.0", "OK")

    async def _vrfy(self) -> None:
        self._replies.say(252, "2.5.0", "Say RCPT to find out")

    async def _quit(self) -> None:
        self._replies.say(221, "2.0.0", "Bye")
        self._ending = True

    async def _starttls(self) -> None:
        if self._services.tls is None:
            raise UnknownCommand("There is no certificate for TLS here")
        if self._connection.is_tls:
            raise WrongState("TLS is there already")
        # RFC 3207 §4
        self._replies.say(220, "2.0.0", "Begin TLS")
        self._reset()
        self._client.begin_tls()
        self._connection.start_tls(self._services.tls)

    def _xclient(self, attributes: Attributes) -> None:
        """Everything begins anew, with a greeting, for the client that is spoken for."""
        self._require_no_message()
        self._client.speak_for(attributes)
        self.log.info(
            "{peer} speaks for {host}", peer=self._connection.peer, host=self._client.host
        )
        self._reset()
        self._greet()

    def _xforward(self, attributes: Attributes) -> None:
        self._require_no_message()
        self._client.forward(attributes)
        self._replies.say(250, "2.0.0", "OK")

    def _require_no_message(self) -> None:
        if self._begun is not None:
            raise WrongState("A message was begun; it ends first, or RSET forgets it")

    # ---------------------------------------------------------- the transaction

    def _mail(self, mail: Mail) -> None:
        if not self._client.helo:
            raise WrongState("Say LHLO first")
        if self._begun is not None:
            raise WrongState("A message was begun already; RSET forgets it")
        self._client.require_trust()
        if mail.size is not None and mail.size > self._settings.max_message_size:
            raise too_big(self._settings.max_message_size)
        origin = self._client.origin(self._settings.hostname, mail.utf8)
        self._trace.begin()
        self._begun = Begun(mail, self._connection.clock.seconds(), origin)
        self._replies.say(250, "2.1.0", "Sender OK")

    async def _rcpt(self, command: Rcpt) -> None:
        if self._begun is None:
            raise WrongState("Say MAIL first")
        if self._receiving.has_begun:
            raise WrongState("The message has begun")
        await self._recipients.ask(command, self._begun.mail.size)

    async def _data(self) -> None:
        had_begun = self._receiving.has_begun
        outcome = "no"
        try:
            outcome = await self._receiving.data(self._begun)
        finally:
            if self._receiving.has_begun and not had_begun:
                self._end_message(outcome)

    async def _bdat(self, command: Bdat) -> None:
        outcome: str | None = "no"
        try:
            outcome = await self._receiving.bdat(self._begun, command)
        finally:
            if outcome is not None:
                self._end_message(outcome)

    def _end_message(self, outcome: str) -> None:
        self._reset(outcome)
        self._client.end_message()

    def _reset(self, outcome: str = "reset") -> None:
        """Forget the transaction, which has ended so."""
        if self._begun is not None:
            self._chronicle.ended(self._trace, "message", outcome, self._trace.seconds)
        self._receiving.close()
        self._recipients.clear()
        self._begun = None

    def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= self._settings.max_errors:
            self._replies.say(421, "4.7.0", "Too many errors")
            self._ending = True
