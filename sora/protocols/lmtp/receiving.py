"""A message comes in, by DATA or in chunks (RFC 3030), and is handed over.

After the message, each recipient gets its own reply, in the order of the accepted RCPTs (RFC
2033 §4.2): 250 only when the message is durable for that recipient (G41). A reply that cannot
be given (the client is gone) changes nothing: the sender tries again, and the delivery knows
that it has happened (G42).
"""

from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen
from twisted.logger import Logger

from sora.addresses import Address
from sora.errors import MailLoop, SoraError, WrongState
from sora.mail.dsn import By
from sora.mailbox.envelope import Body, Envelope, Origin
from sora.net.connection import Connection
from sora.net.ended import ConnectionEnded
from sora.protocols.lmtp.errors import Reply, TimeExpired
from sora.protocols.lmtp.incoming import Incoming
from sora.protocols.lmtp.recipients import Recipients
from sora.protocols.lmtp.replies import Replies
from sora.protocols.lmtp.services import Services, Settings
from sora.protocols.lmtp.wire.commands import Bdat, Mail
from sora.protocols.lmtp.wire.reader import Chunk, LMTPReader
from sora.tracing.commands import InHand
from sora.tracing.spans import entered


@frozen
class Begun:
    """A transaction: what MAIL said, when, and where it comes from."""

    mail: Mail
    since: float
    origin: Origin


class Receiving:
    """The messages of one connection."""

    log = Logger()

    def __init__(
        self,
        connection: Connection,
        reader: LMTPReader,
        replies: Replies,
        recipients: Recipients,
        services: Services,
        settings: Settings,
        trace: InHand,
    ) -> None:
        self._connection: Final = connection
        self._reader: Final = reader
        self._replies: Final = replies
        self._recipients: Final = recipients
        self._services: Final = services
        self._settings: Final = settings
        self._trace: Final = trace
        self._incoming: Incoming | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a part of a message is there, and more is to come."""
        return self._incoming is not None

    def close(self) -> None:
        """Let go of what was received."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.close()

    async def data(self, begun: Begun | None) -> str:
        """DATA: a message that ends with a dot. Gives the outcome for its trace."""
        if self._incoming is not None:
            raise WrongState("The message was begun with BDAT")
        mail = self._require_recipients(begun).mail
        if mail.body is Body.BINARY:
            # RFC 3030 §3
            raise WrongState("A message with BODY=BINARYMIME comes by BDAT")
        incoming = self._incoming = self._new_incoming()
        self._replies.say(354, "", "Send the message, and end it with a dot on a line of its own")
        self._reader.expect_data()
        await self._receive(incoming)
        return await self._deliver(begun, incoming)

    async def bdat(self, begun: Begun | None, command: Bdat) -> str | None:
        """BDAT: a part of a message. If that was the end of it, gives the outcome.

        Raises what is wrong with the message, which is over then.
        """
        self._reader.expect_octets(command.size)
        try:
            self._require_recipients(begun)
            if self._incoming is None:
                self._incoming = self._new_incoming()
        except SoraError as error:
            # The octets come all the same (RFC 3030 §2), and are dropped.
            self._incoming = Incoming(None, 0, error)
        incoming = self._incoming
        await self._receive(incoming)
        if command.last and self._recipients:
            return await self._deliver(begun, incoming)
        if incoming.failure is not None:
            raise incoming.failure
        self._replies.say(250, "2.0.0", f"{command.size} octets")
        return None

    def _new_incoming(self) -> Incoming:
        return Incoming(self._services.spool(), self._settings.max_message_size)

    def _require_recipients(self, begun: Begun | None) -> Begun:
        if begun is None:
            raise WrongState("Say MAIL first")
        if not self._recipients:
            # RFC 2033 §4.2
            raise WrongState("There are no valid recipients")
        return begun

    async def _receive(self, incoming: Incoming) -> None:
        """Receive the message, or a part of it."""
        with entered("lmtp", "receive"):
            await self._receive_all(incoming)

    async def _receive_all(self, incoming: Incoming) -> None:
        while True:
            event = await self._connection.next_event(self._settings.data_timeout)
            assert type(event) is Chunk
            incoming.take(event.data)
            if incoming.failure is not None and incoming.is_hopeless:
                failure = self._replies.reply_to(incoming.failure)
                self._replies.tell(Reply(421, failure.status, failure.text))
                raise ConnectionEnded
            if event.last:
                return

    async def _deliver(self, begun: Begun | None, incoming: Incoming) -> str:
        """Hand the message over, and reply for each recipient. Gives the outcome."""
        self._replies.owed = len(self._recipients)
        if incoming.failure is not None:
            raise incoming.failure
        assert incoming.spool is not None and begun is not None
        self._services.messages.received(incoming.spool.size)
        started = self._connection.clock.seconds()
        envelope = self._envelope(begun, started)
        self._trace.say("sora.octets", incoming.spool.size)
        self._trace.say("sora.recipients", len(envelope.recipients))
        with entered("lmtp", "deliver"):
            outcomes = await self._services.deliveries.deliver(envelope, incoming.spool)
        self._answer(envelope, outcomes)
        seconds = self._connection.clock.seconds() - started
        self._services.commands.answered("lmtp", "data", "ok", seconds)
        self._trace.took(seconds)
        return "ok" if all(one is None for one in outcomes) else "no"

    def _envelope(self, begun: Begun, now: float) -> Envelope:
        mail = begun.mail
        return Envelope(
            sender=mail.sender,
            recipients=self._recipients.accepted,
            origin=begun.origin,
            ret=mail.ret,
            envid=mail.envid,
            by=None if mail.by is None else _left(mail.by, now - begun.since),
            smtputf8=mail.utf8,
            body=mail.body,
        )

    def _answer(self, envelope: Envelope, outcomes: Sequence[SoraError | None]) -> None:
        recipients = envelope.recipients
        assert len(outcomes) == len(recipients), "an outcome for each recipient"
        for each, outcome in zip(recipients, outcomes, strict=True):
            if outcome is None:
                self._count("ok")
                self._services.messages.delivered()
                self._replies.say(250, "2.0.0", f"<{each.address}> Delivered")
            else:
                if outcome.inside:
                    self._trace.keep()
                self._log_refusal(each.address, outcome, envelope.origin)
                reply = self._replies.refuse(outcome, str(each.address))
                self._count("temporary" if reply.code < 500 else "permanent")

    def _log_refusal(self, address: Address, error: SoraError, origin: Origin) -> None:
        log = self.log.warn if isinstance(error, MailLoop) else self.log.info
        log(
            "mail for {address} from {client} was not taken: {error}",
            address=str(address),
            client=origin.remote_host or origin.host,
            error=error.text,
            **self._trace.fields,
        )

    def _count(self, result: str) -> None:
        self._services.metrics.by_result[result].inc()


def _left(by: By, passed: float) -> By:
    """The time that is left after `passed` seconds.

    Raises TimeExpired when that is none, and the message is to be returned then (RFC 2852
    §4.1.3).
    """
    left = by.seconds - int(passed)
    if by.mode == "R" and left <= 0:
        raise TimeExpired
    return evolve(by, seconds=left)
