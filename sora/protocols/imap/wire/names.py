"""Names of mailboxes between the wire and the house (RFC 3501 §5.1)."""

from sora.errors import BadName
from sora.mail.mailbox_names import decode_utf7, normalise


def read_mailbox(raw_name: bytes) -> str:
    """A mailbox's name as the client sent it -> normalised. Raises BadName."""
    return normalise(decode_name(raw_name))


def read_pattern(raw_pattern: bytes) -> str:
    """A pattern or reference of LIST -> text; wildcards are left as they are. Raises BadName."""
    return decode_name(raw_pattern)


def decode_name(raw_name: bytes) -> str:
    """Modified UTF-7; UTF-8 is understood too, as many clients send it. Raises BadName."""
    if not raw_name.isascii():
        try:
            return raw_name.decode("utf-8")
        except UnicodeDecodeError:
            raise BadName("The name of a mailbox is neither modified UTF-7 nor UTF-8") from None
    return decode_utf7(raw_name)
