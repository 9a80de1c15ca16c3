"""URLs of messages and their parts (RFC 5092), as CATENATE names them (RFC 4469 §3).

Only relative ones are understood: `/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.MIME`. They
name messages of the user who has logged in. A server, a search, and URLAUTH (RFC 4467) are refused.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from attrs import frozen

from sora.errors import BadName, BadSyntax, BadURL
from sora.mail.mailbox_names import DELIMITER, normalise
from sora.mail.numbers import MAX_NUMBER
from sora.mail.section import Section
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.sections import Partial, read_section

MAX_LENGTH: Final = 2000
"""octets of a URL"""

# RFC 5092 §11: bchar = achar / ":" / "@" / "/", with the sub-delims that need no escape.
_ALLOWED = re.compile(rb"(?:[A-Za-z0-9._~!$'()*+,&=:@/;-]|%[0-9A-Fa-f]{2})+\Z")
_PATH = re.compile(
    rb"(?P<mailbox>[^;]*?)(?:;UIDVALIDITY=(?P<uidvalidity>[0-9]{1,10}))?/?"
    rb";UID=(?P<uid>[0-9]{1,10})"
    rb"(?:/;SECTION=(?P<section>[^;]*?))?"
    rb"(?:/;PARTIAL=(?P<start>[0-9]{1,19})(?:\.(?P<count>[0-9]{1,19}))?)?\Z",
    re.IGNORECASE,
)
# What a response code may not hold (RFC 4469 §5, url-resp-text), and quotes.
_UNSPEAKABLE = re.compile(rb"[^\x20-\x21\x23-\x5b\x5e-\x7e]")


@frozen
class MessageURL:
    """A message, or `partial` octets of a section of it. `count` of a partial may be None:
    to the end."""

    text: bytes
    mailbox: str
    uidvalidity: int | None
    uid: int
    section: Section
    partial: Partial | None


def read_message_url(text: bytes, selected: str | None) -> MessageURL:
    """A URL relative to the user's mailboxes or, when it names none, to the `selected` one.

    Raises BadURL.
    """
    refused = BadURL(spoken_url(text))
    if len(text) > MAX_LENGTH or not _ALLOWED.match(text) or text.startswith(b"//"):
        raise refused
    found = _PATH.match(text)
    if found is None:
        raise refused
    uid, uidvalidity = int(found["uid"]), found["uidvalidity"]
    if not 0 < uid <= MAX_NUMBER:
        raise refused
    try:
        mailbox = _mailbox(found["mailbox"], selected)
        section = Section((), "", ())
        if found["section"] is not None:
            section = _section(unquote_to_bytes(found["section"]))
    except (BadName, BadSyntax, UnicodeDecodeError):
        raise refused from None
    if mailbox is None:
        raise refused
    return MessageURL(
        text,
        mailbox,
        None if uidvalidity is None else int(uidvalidity),
        uid,
        section,
        _partial(found["start"], found["count"]),
    )


def spoken_url(text: bytes) -> bytes:
    """The URL as it may stand in a response code: what may not is escaped."""
    return _UNSPEAKABLE.sub(lambda one: b"%%%02X" % one[0][0], text[:MAX_LENGTH])


def _mailbox(path: bytes, selected: str | None) -> str | None:
    """The mailbox that a path names (RFC 3986 §5.2.3 for one without a slash at its beginning)."""
    if not path:
        return selected
    name = unquote_to_bytes(path).decode("utf-8")
    if path.startswith(b"/"):
        return normalise(name[1:]) if len(name) > 1 else None
    above = (selected or "").rpartition(DELIMITER)
    return normalise(above[0] + above[1] + name)


def _section(text: bytes) -> Section:
    scan = Scanner(b"[" + text + b"]")
    section = read_section(scan)
    scan.end()
    if not section.path and not section.what:
        raise BadSyntax("A section of a URL is not empty")
    return section


def _partial(start: bytes | None, count: bytes | None) -> Partial | None:
    if start is None:
        return None
    to_the_end = (1 << 63) - 1
    return Partial(int(start), to_the_end if count is None else int(count))
