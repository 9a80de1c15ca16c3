"""Notices to the owner of a script that it has failed (RFC 5228 §2.10.6): a message in INBOX, once
a day for each script and error, however much mail there is."""

from hashlib import blake2b
from typing import Final

from sora.mail.compose import Mailbox, address_field, message, text_part
from sora.mailbox.occasion import Composed, Occasion
from sora.mailbox.wishes import Trouble
from sora.storage.rows import Memory

EVERY: Final = 24 * 3600
"""Seconds for which the same notice is not repeated."""


def trouble_memory(trouble: Trouble) -> Memory:
    """What is remembered of a notice."""
    text = f"script error\0{trouble.script}\0{trouble.text}"
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32)
    return Memory(digest.digest(), EVERY)


def trouble_notice(trouble: Trouble, occasion: Occasion, place: str = "in your INBOX") -> Composed:
    """The notice; `place` is where the message is now."""
    text = (
        f"Your mail filter {trouble.script!r} has failed, and what it would have done with a"
        f" message was not done. The message is {place}.\n\n"
        f"{trouble.text}\n\n"
        f"The message was from {occasion.sender or 'the mail system'}"
        f" and has the subject: {occasion.subject or '(none)'}\n\n"
        "This notice comes once a day as long as the error is there.\n"
    )
    owner = occasion.addresses[0]
    octets = message(
        (
            address_field("From", [Mailbox(f"postmaster@{occasion.host}", "Mail filters")]),
            address_field("To", [Mailbox(owner)]),
            *occasion.new_fields("A mail filter has failed", "auto-generated"),
        ),
        text_part(text),
    )
    return Composed(occasion.sending("notice", "", [owner], octets), octets)
