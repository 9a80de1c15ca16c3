"""Messages that an operator delivers: by the same door as those that come by LMTP."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from attrs import frozen

from sora.addresses import Address, parse_address
from sora.errors import BadArgument, BadName, NoSuchAccount, SoraError
from sora.mailbox.envelope import Addressee, Body, Envelope, Origin
from sora.mailbox.spool import Spool
from sora.metrics.messages import MessageMetrics
from sora.storage.rows import Recipient
from sora.tracing.spans import current_trace, entered

PROTOCOL = "HTTP"
"""what Received says that the message came by"""
COUNTED: Final = "http_api"
"""the same for metrics, which know types of servers"""


class Deliveries(Protocol):
    """What `sora.mailbox.delivery` does."""

    async def resolve(self, address: Address) -> Recipient | None:
        """Who receives mail for an address."""

    async def deliver(self, envelope: Envelope, message: Spool) -> Sequence[SoraError | None]:
        """Put a message into mailboxes: for each recipient None when it is durable, or why it is
        not."""


@frozen
class Reply:
    """What LMTP would reply: code, enhanced status code (RFC 3463), text."""

    code: int
    status: str
    text: str


@frozen
class Outcome:
    """What became of a message for one recipient."""

    recipient: str
    reply: Reply

    @property
    def is_delivered(self) -> bool:
        """Whether it is durable, as that recipient's filters wanted it."""
        return self.reply.code == 250


class DeliveryOperations:
    """Deliver messages, and count them. `reply_to` says an error as LMTP does, `hostname` is this
    host."""

    def __init__(
        self,
        deliveries: Deliveries,
        reply_to: Callable[[SoraError], Reply],
        hostname: str,
        messages: MessageMetrics,
    ) -> None:
        self._deliveries = deliveries
        self._messages = messages
        self._reply_to = reply_to
        self._hostname = hostname

    async def deliver(
        self, sender: str, recipients: Sequence[str], message: Spool, body: Body, client: str
    ) -> list[Outcome]:
        """Deliver a message, for which a client at an address has asked; an outcome for each
        recipient, in their order. `sender` is empty for the null sender. Again, it is delivered to
        those who do not have it yet (G42). Raises BadArgument for a sender that is none.
        """
        if sender:
            sender = str(parse_address(sender))
        trace = current_trace()
        if trace is not None:
            trace.root.facts["sora.octets"] = message.size
            trace.root.facts["sora.recipients"] = len(recipients)
        found = [await self._look_up(one) for one in recipients]
        known = [one for one in found if isinstance(one, Addressee)]
        done: dict[int, SoraError | None] = {}
        if known:
            self._messages.received(message.size, COUNTED)
            envelope = Envelope(
                sender=sender,
                recipients=known,
                origin=Origin(
                    host=client, helo=self._hostname, protocol=PROTOCOL, by=self._hostname
                ),
                smtputf8=not all(each.isascii() for each in (sender, *recipients)),
                body=body,
            )
            with entered("http", "deliver"):
                outcomes = await self._deliveries.deliver(envelope, message)
            for outcome in outcomes:
                if outcome is None:
                    self._messages.delivered(COUNTED)
            done = {id(one): outcome for one, outcome in zip(known, outcomes, strict=True)}
        return [
            self._outcome(name, done[id(one)] if isinstance(one, Addressee) else one)
            for name, one in zip(recipients, found, strict=True)
        ]

    async def _look_up(self, text: str) -> Addressee | SoraError:
        try:
            address = parse_address(text, "+")
            recipient = await self._deliveries.resolve(address)
        except BadArgument as error:
            return BadName(error.text)
        except SoraError as error:
            return error
        return NoSuchAccount() if recipient is None else Addressee(address, recipient)

    def _outcome(self, recipient: str, error: SoraError | None) -> Outcome:
        if error is None:
            return Outcome(recipient, Reply(250, "2.0.0", "Delivered"))
        return Outcome(recipient, self._reply_to(error))
