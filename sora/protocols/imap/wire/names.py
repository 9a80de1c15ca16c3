"""Names of mailboxes between the wire and the house (RFC 3501 §5.1)."""

from typing import Final

from sora.errors import BadName
from sora.mail.mailbox_names import decode_utf7, normalise

NO_NAME: Final = "\0"
"""a pattern that matches no name"""


def read_mailbox(raw_name: bytes, utf8: bool = False) -> str:
    """A mailbox's name as the client sent it -> normalised. Raises BadName."""
    return normalise(decode_name(raw_name, utf8))


def read_pattern(raw_pattern: bytes, utf8: bool = False) -> str:
    """A pattern or reference of LIST -> text; wildcards are left as they are. One that is in no
    encoding is no mistake: no name is like that, so nothing matches it."""
    try:
        return decode_name(raw_pattern, utf8)
    except BadName:
        return NO_NAME


def decode_name(raw_name: bytes, utf8: bool = False) -> str:
    """Modified UTF-7, in which UTF-8 is understood too, as many clients send it; with `utf8`
    UTF-8 alone, in which `&` means itself (RFC 6855 §3). Raises BadName."""
    if not raw_name.isascii():
        try:
            return raw_name.decode("utf-8")
        except UnicodeDecodeError:
            raise BadName("The name of a mailbox is neither modified UTF-7 nor UTF-8") from None
    return raw_name.decode("ascii") if utf8 else decode_utf7(raw_name)
