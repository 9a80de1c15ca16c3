"""What is derived once from the bytes of a message, at arrival, and stored with them.

Nothing here is computed again when a message is read: FETCH, SEARCH and SORT work on these
facts, and on the octets of the sections that a client asks for.
"""

from datetime import date, datetime

from attrs import field, frozen


@frozen
class Facts:
    """Everything derived from a content's bytes.

    `size` is in octets; `size_crlf` is the size if each bare LF were CRLF. `header` is the
    header block with its empty line, the exact octets. `envelope` and `structure` are IMAP
    wire text (RFC 3501 §7.4.2; the extended form of BODYSTRUCTURE), `parts` is what
    `sora.mail.section` needs to cut sections.

    `sent_at` is the Date field as a moment (aware); `sent_day` the day that stands there,
    disregarding its zone: SENTBEFORE, SENTON and SENTSINCE compare it (RFC 3501 §6.4.4).

    Sort keys are folded: `sort_subject` is the base subject (RFC 5256 §2.1), `sort_from`,
    `sort_to`, `sort_cc` the mailbox of the first address (§3), `display_from` and
    `display_to` the display name (RFC 5957 §3).

    `message_id`, `in_reply_to` and `references` are message ids without angle brackets.
    `preview` has at most 200 characters (RFC 8970).

    `text_*` are decoded, unfolded and folded by `sora.mail.text.fold`, without NUL.
    `text_header` has one line for each field: a line feed, the name in lower case, a colon, the
    value; it ends in a line feed. `text_body` is the text of all text parts.
    """

    size: int
    size_crlf: int
    header: bytes = field(repr=False)
    envelope: bytes = field(repr=False)
    structure: bytes = field(repr=False)
    parts: str = field(repr=False)
    sent_at: datetime | None = None
    sent_day: date | None = None
    sort_subject: str = ""
    sort_from: str = ""
    sort_to: str = ""
    sort_cc: str = ""
    display_from: str = ""
    display_to: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    preview: str = field(default="", repr=False)
    text_subject: str = field(default="", repr=False)
    text_from: str = field(default="", repr=False)
    text_to: str = field(default="", repr=False)
    text_cc: str = field(default="", repr=False)
    text_bcc: str = field(default="", repr=False)
    text_header: str = field(default="\n", repr=False)
    text_body: str = field(default="", repr=False)
