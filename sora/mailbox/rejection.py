"""How a message is refused (RFC 5429): the text of an answer, or a disposition notification."""

from typing import Final

from sora.mail.compose import Mailbox
from sora.mail.reports import Reporter, Returned, disposition_report
from sora.mailbox.envelope import Addressee
from sora.mailbox.occasion import RANDOM_OCTETS, Composed, Occasion

MAX_REASON: Final = 4000
"""Characters of a reason that a protocol's answer tells."""
GENERIC: Final = "The recipient's mail filter has refused this message"


def plain_reason(reason: str, *, utf8: bool) -> str:
    """A reason as an answer can tell it: in ASCII unless the client takes `utf8` (RFC 5429 §2.1.1),
    else the lines of it that are ASCII, or a sentence of ours."""
    reason = reason[:MAX_REASON]
    if not utf8 and not reason.isascii():
        lines = [line for line in reason.splitlines() if line.isascii() and line.strip()]
        reason = "\n".join([GENERIC, *lines])
    return reason.strip() or GENERIC


def rejection(reason: str, occasion: Occasion, addressee: Addressee) -> Composed:
    """The MDN of `reject` (RFC 5429 §2.2.1); its sender is null. Raises BadArgument."""
    text = (
        "The message was refused by the recipient's mail filtering program.\n"
        f"The reason given was as follows:\n\n{reason}\n"
    )
    subject = f"Refused: {occasion.subject[:200]}" if occasion.subject else "Refused mail"
    octets = disposition_report(
        Reporter(occasion.host, occasion.now, occasion.random(RANDOM_OCTETS)),
        Mailbox(occasion.own),
        occasion.sender,
        subject,
        text,
        final_recipient=occasion.own,
        returned=Returned(occasion.header),
        orcpt=None if addressee.orcpt is None else str(addressee.orcpt),
    )
    return Composed(occasion.sending("report", "", [occasion.sender], octets), octets)
