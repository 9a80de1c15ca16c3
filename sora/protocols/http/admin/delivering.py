"""A message is delivered, as if it had come by LMTP."""

from typing import Final

from attrs import frozen

from sora.errors import BadArgument, EmptyMessage, StorageFull
from sora.mailbox.envelope import Body
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.upload import MESSAGE, Upload
from sora.protocols.http.values import said

MOST: Final = 40
"""recipients of one request"""


@frozen
class EnvelopeQuery:
    """From whom, and for whom: what the message's own header says counts for nothing."""

    recipient: tuple[str, ...] = said(
        "Who is to have it; again for each one more.",
        max_length=MOST,
        example=["ann@example.com"],
    )
    sender: str = said(
        "The envelope's sender, who is told of failures; empty for nobody.",
        default="",
        max_length=320,
    )


@frozen
class RecipientOutcome:
    """What became of it for one recipient, in the words of LMTP."""

    recipient: str = said("Who.", example="ann@example.com")
    delivered: bool = said("Whether it is stored, or what else the recipient's filters wanted.")
    code: int = said("250; 4xx: the same again may succeed later; 5xx: it will not.", example=250)
    status: str = said("The enhanced status code (RFC 3463).", example="2.0.0")
    text: str = said("What happened.", example="Delivered")


@frozen
class DeliveredMessage:
    """What became of a message. Status 200: everybody has it; 207: not everybody, or nobody."""

    size: int = said("Octets of the message.", minimum=1)
    delivered: int = said("Recipients who have it.", minimum=0)
    failed: int = said("Recipients who do not.", minimum=0)
    outcomes: tuple[RecipientOutcome, ...] = said("One for each, in the order of the request.")

    @property
    def taken(self) -> str:
        """Who has it, for the log."""
        have = ", ".join(each.recipient for each in self.outcomes if each.delivered)
        return f"{have or 'nobody'} ({self.failed} refused)" if self.failed else have


async def _deliver(nouns: Nouns, call: Call) -> DeliveredMessage:
    upload: Upload = call.body
    asked: EnvelopeQuery = call.query
    if not asked.recipient:
        raise BadArgument("A message needs a recipient")
    body = Body.SEVEN_BITS if upload.is_ascii else Body.EIGHT_BITS
    outcomes = await nouns.delivering.deliver(
        asked.sender,
        asked.recipient,
        upload.spool,
        Body.BINARY if upload.has_nul else body,
        call.caller.address,
    )
    told = tuple(
        RecipientOutcome(
            recipient=each.recipient,
            delivered=each.is_delivered,
            code=each.reply.code,
            status=each.reply.status,
            text=each.reply.text,
        )
        for each in outcomes
    )
    delivered = sum(each.delivered for each in told)
    return DeliveredMessage(
        size=upload.spool.size,
        delivered=delivered,
        failed=len(told) - delivered,
        outcomes=told,
    )


def _is_partial(answer: DeliveredMessage) -> bool:
    return answer.failed > 0


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/mail/deliver",
        name="deliverMessage",
        summary="Deliver a message as LMTP does: filters, quotas, and no duplicates",
        group="delivery",
        scope=Scope.WRITE,
        query=EnvelopeQuery,
        takes=MESSAGE,
        answer=DeliveredMessage,
        is_partial=_is_partial,
        changes="delivered a message to {answer.taken}",
        errors=(BadArgument, EmptyMessage, StorageFull),
        run=_deliver,
    ),
)
