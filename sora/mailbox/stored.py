"""Stored messages as scripts see them, and what is sent on of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from attrs import frozen

from sora.addresses import parse_address
from sora.mail.headers import fields, first, header_end, selected
from sora.mailbox import notification, redirecting
from sora.mailbox.answering import Answering
from sora.mailbox.envelope import Addressee, Envelope, Origin
from sora.mailbox.filtering import Filtered
from sora.mailbox.occasion import Occasion
from sora.mailbox.planning import MAX_NOTIFICATIONS, Answer
from sora.mailbox.redirecting import Rates
from sora.mailbox.wishes import Version
from sora.relay.interfaces import IRelay, in_memory
from sora.sieve.effects import Notify, Redirect
from sora.sieve.message import Envelope as SieveEnvelope
from sora.sieve.message import Header
from sora.storage.rows import BodyPlace, Recipient, StoredMessage, Want

WANTS: Final = frozenset({Want.HEADER, Want.BODY})
"""What is to be read of messages that scripts run over."""


class ReadsBodies(Protocol):
    """What `sora.mailbox.bodies.Bodies` does for filters."""

    async def read(self, place: BodyPlace, start: int, end: int) -> bytes:
        """The octets [start, end) of a content."""


@frozen
class StoredText:
    """The octets of a stored message, for scripts: without what its delivery has added."""

    _bodies: ReadsBodies
    _message: StoredMessage

    async def read(self, limit: int) -> bytes:
        """The first `limit` octets of the content."""
        place = self._message.body
        assert place is not None, "it was asked for"
        return await self._bodies.read(place, 0, min(limit, place.size))

    async def whole(self, version: Version) -> bytes:
        """All of it, as edits have left it."""
        return version.octets(await self.read(self._message.size))


def filtered(
    message: StoredMessage,
    recipient: Recipient,
    text: StoredText,
    environment: dict[str, str] | None = None,
    flags: tuple[str, ...] | None = None,
) -> Filtered:
    """A stored message for filters. Its envelope is what its delivery has written down."""
    header = message.header or b""
    return Filtered(
        header=Header.of(header),
        body_start=header_end(header),
        size=message.body.size if message.body is not None else message.size,
        text=text,
        envelope=SieveEnvelope(*envelope_of(message, recipient)),
        environment=environment or {},
        flags=flags,
    )


def envelope_of(message: StoredMessage, recipient: Recipient) -> tuple[str, str]:
    """From whom and to whom a message came, as far as it says so."""
    trace = fields(message.trace or b"")
    sender = first(trace, b"return-path") or first(fields(message.header or b""), b"return-path")
    to = first(trace, b"delivered-to") or recipient.address.encode()
    return _address(sender or b""), _address(to)


def _address(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip("<> ")


def addressee_of(recipient: Recipient) -> Addressee:
    """A recipient by his own address."""
    return Addressee(parse_address(recipient.address, ""), recipient)


@frozen(kw_only=True)
class Occasions:
    """What of this house stands in what is sent of stored messages: `host` is its name."""

    random: Callable[[int], bytes]
    host: str
    separator: str = "+"

    def of(self, message: StoredMessage, recipient: Recipient, now: datetime) -> Occasion:
        """A stored message for which something is sent."""
        sender, to = envelope_of(message, recipient)
        return Occasion(
            account_id=recipient.account_id,
            sender=sender,
            recipient=to,
            addresses=recipient.addresses or (recipient.address,),
            header=(message.trace or b"") + (message.header or b""),
            now=now,
            host=self.host,
            random=self.random,
            separator=self.separator,
        )


@frozen(kw_only=True)
class StoredSending:
    """Sends what scripts want sent of stored messages: on, or about them; each account no more than
    its rate allows. Without `answering` nobody is told of messages."""

    relay: IRelay
    rates: Rates
    bodies: ReadsBodies
    occasions: Occasions
    answering: Answering | None = None

    async def redirect(
        self,
        action: Redirect,
        version: Version,
        message: StoredMessage,
        recipient: Recipient,
        now: datetime,
    ) -> str | None:
        """Send a message on, in the name of the mailbox's owner (RFC 6785 §3.4); durable when this
        returns. Gives why it was not. Raises SoraError for what may be otherwise later."""
        occasion = self.occasions.of(message, recipient, now)
        reason = redirecting.why_not(action, occasion) or self._is_too_much(recipient)
        if reason is not None:
            return reason
        octets = await StoredText(self.bodies, message).whole(version)
        received = selected(message.trace or b"", ["Received"])
        header = octets[: header_end(octets)]
        sending = redirecting.sending(
            action,
            occasion,
            self._envelope(message, recipient, occasion, is_ascii=header.isascii()),
            addressee_of(recipient),
            received,
            in_memory(octets),
            as_owner=True,
        )
        await self.relay.send([(sending.outgoing, sending.content)])
        return None

    async def notify(
        self,
        actions: list[Notify],
        message: StoredMessage,
        recipient: Recipient,
        now: datetime,
    ) -> str | None:
        """Tell of a message; what goes wrong is logged. Gives why it was not told of."""
        if self.answering is None:
            return "nobody is told of stored mail here"
        occasion = self.occasions.of(message, recipient, now)
        reason = notification.why_not(occasion)
        answers = []
        for action in actions[:MAX_NOTIFICATIONS]:
            reason = reason or self._is_too_much(recipient)
            if reason is None:
                answers.append(self._notification(action, occasion))
        await self.answering.answer(answers, now, addressee_of(recipient))
        return reason

    def _notification(self, action: Notify, occasion: Occasion) -> Answer:
        return Answer(
            "notification", lambda: notification.compose(action, occasion), fcc=action.fcc
        )

    def _is_too_much(self, recipient: Recipient) -> str | None:
        if self.rates.take(recipient.account_id):
            return None
        return "the account has sent too much in the last hour"

    def _envelope(
        self, message: StoredMessage, recipient: Recipient, occasion: Occasion, *, is_ascii: bool
    ) -> Envelope:
        """A null sender stays null (G44); a message that says nothing of it is the owner's."""
        is_null = b"return-path" in dict(fields(message.trace or b"")) and not occasion.sender
        return Envelope(
            sender="" if is_null else occasion.own,
            recipients=(),
            origin=Origin(host="", helo="", protocol="", by=self.occasions.host),
            smtputf8=not is_ascii,
        )
