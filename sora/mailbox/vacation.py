"""Vacation replies: who gets one, and what it is (RFC 5230, RFC 6131, RFC 3834; G43).

That a sender is answered once in so many days is kept by storage: a reply is claimed, by
`memory`, with the delivery of the message, and sent only by the delivery that has won it.
"""

import re
from hashlib import blake2b
from typing import Final

from sora.errors import BadArgument
from sora.mail.compose import (
    Mailbox,
    addr_spec,
    address_field,
    entity,
    ids_field,
    message,
    text_part,
)
from sora.mail.encoded_words import raw
from sora.mailbox.occasion import Composed, Occasion
from sora.sieve.effects import Vacation
from sora.storage.rows import Memory

# RFC 5230 §4.6, RFC 3834 §2
_DAEMONS: Final = re.compile(
    r"(?:mailer-daemon|listserv|majordomo|nobody|noreply|no-reply|owner-.*|.*-owner|.*-request"
    r"|.*-bounces?(?:[+=].*)?|bounces?[-+=].*|srs[01][-+=].*-bounces.*|root)\Z",
    re.DOTALL | re.IGNORECASE,
)
_LISTS: Final = frozenset(
    (
        b"list-id",
        b"list-help",
        b"list-subscribe",
        b"list-unsubscribe",
        b"list-post",
        b"list-owner",
        b"list-archive",
    )
)
_BULK: Final = frozenset((b"bulk", b"junk", b"list"))
_SUPPRESSED: Final = frozenset(("all", "oof", "autoreply"))
MAX_SUBJECT: Final = 200
"""Characters of the original's subject that an answer repeats."""


def why_not(vacation: Vacation, occasion: Occasion) -> str | None:
    """Why this message is not answered; None if it may be, unless it was lately."""
    sender = occasion.sender
    if not sender:
        return "the sender is null"
    local = sender.rpartition("@")[0]
    if _DAEMONS.match(local):
        return f"{sender} is no person"
    mine = occasion.keys((*occasion.addresses, *vacation.addresses))
    if occasion.key(sender) in mine:
        return "it is from the owner"
    # RFC 5230 §4.5
    if not mine & occasion.addressed:
        return "no address of the owner is among its recipients"
    for name, value in occasion.fields:
        text = value.split(b";")[0].strip().lower()
        if name == b"auto-submitted" and text != b"no":
            return "it was sent by a program"
        if name in _LISTS:
            return "it came by a mailing list"
        if name == b"precedence" and text in _BULK:
            return f"its precedence is {raw(text)}"
        if name == b"x-auto-response-suppress" and _SUPPRESSED & set(
            re.split(r"[\s,;]+", raw(value).lower())
        ):
            return "its sender wants no answers of programs"
    try:
        addr_spec(sender)
    except BadArgument:
        return f"{sender!r} is not an address"
    return None


def memory(vacation: Vacation, occasion: Occasion) -> Memory:
    """What is remembered of a reply: to whom it is, and which one (RFC 5230 §4.2, §4.4)."""
    digest = blake2b(digest_size=32)
    sender = occasion.key(occasion.sender) or occasion.sender.casefold()
    for text in ("vacation", vacation.handle, sender):
        octets = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets) + octets)
    return Memory(digest.digest(), vacation.seconds)


def compose(vacation: Vacation, occasion: Occasion) -> Composed:
    """The reply (RFC 5230 §5). Raises BadArgument when it cannot be written."""
    subject = vacation.subject
    if subject is None:
        original = occasion.subject[:MAX_SUBJECT]
        subject = f"Auto: {original}" if original else "Automated reply"
    own_id = occasion.message_id
    octets = message(
        (
            address_field("From", [occasion.from_mailbox(vacation.sender)]),
            address_field("To", [Mailbox(occasion.sender)]),
            *occasion.new_fields(subject, "auto-replied (vacation)"),
            ids_field("In-Reply-To", [own_id] if own_id else []),
            ids_field("References", occasion.references),
        ),
        entity(vacation.reason.encode("utf-8", "replace"))
        if vacation.mime
        else text_part(vacation.reason),
    )
    # RFC 5230 §5.1, RFC 3834 §3.3: nothing may answer the answer.
    return Composed(occasion.sending("vacation", "", [occasion.sender], octets), octets)
