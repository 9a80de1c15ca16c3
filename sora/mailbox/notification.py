"""Notifications by mail (RFC 5435, RFC 5436): from `notify "mailto:..."` to a message."""

import re
from typing import Final

from sora.errors import BadArgument
from sora.mail.compose import (
    Mailbox,
    addr_spec,
    address_field,
    ids_field,
    message,
    text_part,
    unstructured,
)
from sora.mail.encoded_words import decode
from sora.mailbox.occasion import Composed, Occasion
from sora.sieve.effects import Notify
from sora.sieve.mailto import BadMailto, parse

MAX_SUBJECT: Final = 500
MAX_BODY: Final = 64 * 1024
"""Characters."""
_OURS: Final = frozenset(
    ("from", "to", "cc", "subject", "date", "importance", "references", "in-reply-to", "received")
    + ("reply-to", "delivered-to", "precedence", "x-sieve-redirected-from")
)
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,60}\Z")
_IMPORTANCE: Final = {1: "High", 2: "Normal", 3: "Low"}


def _may_be(name: str) -> bool:
    """Whether a URI may name this field: none that is made here, nor one of trace."""
    return name.lower() not in _OURS and bool(_FIELD_NAME.match(name))


def why_not(occasion: Occasion) -> str | None:
    """Why nobody is notified of this message (RFC 5436 §2.7); None if somebody may be."""
    for value in occasion.values(b"auto-submitted"):
        if value.split(b";")[0].strip().lower() != b"no":
            return "it was sent by a program"
    return None


def compose(notify: Notify, occasion: Occasion) -> Composed:
    """The notification. Raises BadArgument for a URI that cannot be used."""
    try:
        target = parse(notify.method)
    except BadMailto as error:
        raise BadArgument(f"A notification cannot be sent: {error}") from None
    if not target.to:
        raise BadArgument("A notification cannot be sent: the mailto: URI names nobody")
    sender = occasion.from_mailbox(notify.sender)
    subject = notify.text or target.subject
    if subject is None:
        subject = occasion.subject
    body = target.body
    if body is None:
        author = occasion.values(b"from")
        body = (
            f"There is a new message for {occasion.own}.\n\n"
            f"From: {decode(author[0]) if author else 'unknown'}\n"
            f"Subject: {occasion.subject}\n"
        )
    own_id = occasion.message_id
    owner = addr_spec(occasion.addresses[0]).replace("\\", "\\\\").replace('"', '\\"')
    octets = message(
        (
            address_field("From", [sender]),
            address_field("To", [Mailbox(address) for address in target.to]),
            address_field("Cc", [Mailbox(one) for one in target.cc]) if target.cc else b"",
            *occasion.new_fields(subject[:MAX_SUBJECT], f'auto-notified; owner-email="{owner}"'),
            unstructured("Importance", _IMPORTANCE[notify.importance]),
            ids_field("References", [own_id] if own_id else []),
            *(unstructured(name, value) for name, value in target.headers if _may_be(name)),
        ),
        text_part(body[:MAX_BODY]),
    )
    # RFC 5436 §2.7: a null sender stays null (G44).
    reverse_path = sender.address if occasion.sender else ""
    return Composed(
        occasion.sending("notify", reverse_path, (*target.to, *target.cc), octets), octets
    )
