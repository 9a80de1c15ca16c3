"""Keys of SORT and THREAD: base subject, first addresses, message ids (RFC 5256, RFC 5957).

All texts are as `sora.mail.text.casemap` makes them, so that storage can order them by code
point. What a subject is without its marks is found out before (RFC 5255 §4.2).
"""

import re
from collections.abc import Sequence
from typing import Final

from sora.mail.address_list import MISSING_DOMAIN, MailAddress
from sora.mail.encoded_words import decode, raw
from sora.mail.text import casemap, one_line

MAX_KEY: Final = 1000
"""Characters of a key; what differs later than that is the same."""
MAX_REFERENCES: Final = 200
"""Message ids kept of References: the first, and the last ones."""

# RFC 5256 §5: subj-blob, subj-refwd, subj-leader, subj-trailer.
# No possessive group: Python before 3.11.5 restores a wrong place after one that failed.
_BLOB: Final = r"(?:\[[^\[\]]*\] ?)"
_LEADER: Final = re.compile(_BLOB + r"*(?:re|fwd?) ?" + _BLOB + r"?: ?", re.IGNORECASE | re.ASCII)
_FIRST_BLOB: Final = re.compile(_BLOB)
_MESSAGE_ID: Final = re.compile(rb"<\s*([^<>\s](?:[^<>]{0,996}[^<>\s])?)\s*>")


def base_subject(subject: str) -> str:
    """The base subject of a decoded subject (RFC 5256 §2.1), as a key."""
    return casemap(_base(subject)[0])[:MAX_KEY]


def is_reply(subject: str) -> bool:
    """Whether a decoded subject is that of a reply or a forward: it has more around its base
    than white space and blobs (RFC 5256 §2.1, §3 THREAD=REFERENCES step 5)."""
    return _base(subject)[1]


def _base(subject: str) -> tuple[str, bool]:
    text, reply = one_line(subject[: 4 * MAX_KEY]), False
    while True:
        text, marked = _stripped(text)
        reply = reply or marked
        # Step 6: "[fwd: ...]" around it.
        if not (text[:5].lower() == "[fwd:" and text.endswith("]")):
            return text, reply
        text, reply = text[5:-1], True


def _stripped(text: str) -> tuple[str, bool]:
    """Steps 2 to 5: without trailers, leaders and, unless nothing else is left, blobs; and
    whether there were trailers or leaders."""
    marked = False
    while (is_forward := text[-5:].lower() == "(fwd)") or text.endswith(" "):
        text = text[: -5 if is_forward else -1]
        marked = marked or is_forward
    place = len(text) - len(text.lstrip(" "))
    while True:
        leader = _LEADER.match(text, place)
        if leader is not None:
            place, marked = leader.end(), True
            continue
        blob = _FIRST_BLOB.match(text, place)
        if blob is None or blob.end() == len(text):
            return text[place:], marked
        place = blob.end()


def first_mailbox(addresses: Sequence[MailAddress]) -> str:
    """The mailbox of the first address, without its domain (RFC 5256 §3, FROM)."""
    if not addresses:
        return ""
    return casemap(decode(addresses[0].mailbox or b""))[:MAX_KEY]


def first_display(addresses: Sequence[MailAddress]) -> str:
    """The display name of the first address, or its address (RFC 5957 §3)."""
    if not addresses:
        return ""
    one = addresses[0]
    name = one_line(decode(one.name or b""))
    if not name:
        name = decode(one.mailbox or b"")
        if one.host and one.host != MISSING_DOMAIN:
            name += "@" + decode(one.host)
    return casemap(name)[:MAX_KEY]


def message_ids(value: bytes) -> tuple[str, ...]:
    """The message ids of a field, without brackets, quoting normalised."""
    ids = tuple(map(_normalised, _MESSAGE_ID.findall(value)))
    if len(ids) > MAX_REFERENCES:
        return ids[:1] + ids[1 - MAX_REFERENCES :]
    return ids


def message_id(value: bytes) -> str:
    """The message id of a Message-ID field; one without brackets is taken as it is."""
    ids = message_ids(value)
    if ids:
        return ids[0]
    words = value[:MAX_KEY].split()
    return raw(words[0].strip(b"<>")) if words else ""


def _normalised(one: bytes) -> str:
    # `"a"@b` and `a@b` are the same id (RFC 5256 §3, THREAD=REFERENCES).
    if one.startswith(b'"'):
        one = re.sub(rb"\\(.)", rb"\1", one.replace(b'"', b""))
    return raw(one)
