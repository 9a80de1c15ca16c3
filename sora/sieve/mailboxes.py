"""Lists of mailboxes that a script gives: `:from` of vacation, notify and replace."""

from typing import Final

from sora.errors import BadArgument
from sora.mail.address_list import MISSING_DOMAIN, MISSING_MAILBOX
from sora.mail.address_list import parse as parse_addresses
from sora.mail.compose import Mailbox, addr_spec
from sora.mail.encoded_words import decode

MAX_MAILBOXES: Final = 20


def mailbox_list(text: str) -> tuple[Mailbox, ...] | None:
    """The mailboxes of a mailbox-list (RFC 5322 §3.4), None if the text is none."""
    if any(character < " " and character != "\t" for character in text):
        return None
    found = []
    for one in parse_addresses(text.encode("utf-8", "replace")):
        if one.mailbox in (None, MISSING_MAILBOX) or one.host in (None, MISSING_DOMAIN):
            # A group, or words that are no address.
            return None
        assert one.mailbox is not None and one.host is not None
        address = f"{one.mailbox.decode()}@{one.host.decode()}"
        try:
            addr_spec(address)
        except BadArgument:
            return None
        found.append(Mailbox(address, decode(one.name or b"")))
    return tuple(found) if 0 < len(found) <= MAX_MAILBOXES else None
