"""Senders who asked for it (NOTIFY=SUCCESS) are told of deliveries (RFC 3461 §5.2.3).

What counts is that the message has come to where it was addressed; what filters did with it then is
the recipient's affair. Only for who has it sent on, and keeps nothing, the next system tells.
Failures are told by the MTA, which has our reply.
"""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen
from twisted.logger import Logger

from sora.errors import SoraError
from sora.mail.compose import needs_smtputf8
from sora.mail.dsn import Notify
from sora.mail.reports import RecipientReport, Reporter, Returned, delivery_report
from sora.mailbox.deciding import Incoming
from sora.mailbox.envelope import Addressee
from sora.relay.interfaces import IRelay, Outgoing, OutgoingRecipient, in_memory

_SUBJECT: Final = "Delivered mail"
_RANDOM: Final = 16


def is_wanted(addressee: Addressee) -> bool:
    """Whether the sender wants to hear of a success."""
    return addressee.notify is not None and Notify.SUCCESS in addressee.notify


@frozen
class SuccessReports:
    """Sends reports through the relay; `host` is the name of this host, `random` gives octets."""

    relay: IRelay
    host: str
    random: Callable[[int], bytes]

    log = Logger()

    async def report(self, message: Incoming, delivered: Sequence[Addressee]) -> None:
        """One report about all of these recipients; what goes wrong is logged."""
        envelope = message.envelope
        try:
            outgoing = Outgoing(
                "report",
                "",
                (OutgoingRecipient(envelope.sender, ("NEVER",)),),
                smtputf8=needs_smtputf8(envelope.sender),
            )
            await self.relay.send([(outgoing, in_memory(self._composed(message, delivered)))])
        except SoraError as error:
            self.log.warn(
                "{sender} is not told of a delivery: {error}",
                sender=envelope.sender,
                error=error.text,
            )

    def _composed(self, message: Incoming, delivered: Sequence[Addressee]) -> bytes:
        envelope = message.envelope
        names = "\n".join(f"  {each.address}" for each in delivered)
        return delivery_report(
            Reporter(self.host, message.now, self.random(_RANDOM)),
            envelope.sender,
            _SUBJECT,
            f"Your message was delivered to:\n\n{names}\n\n"
            f"This message was made by the mail system at {self.host}.\n",
            [
                RecipientReport(
                    str(each.address),
                    "delivered",
                    "2.0.0",
                    None if each.orcpt is None else str(each.orcpt),
                )
                for each in delivered
            ],
            Returned(message.facts.header, smtputf8=envelope.smtputf8),
            arrival=message.now,
            envid=envelope.envid,
        )
