"""The differences between searches that stay, and why Sora is right, or free.

As in `explained`: each reason is about one search and one message that only one server found.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final
from unicodedata import decomposition

from attrs import frozen

from sora.mail.charsets import codec_of
from sora.mail.facts import Facts, derive
from sora.mail.headers import fields, others
from sora.mail.message import Part, parse
from sora.mail.text import fold
from sora.mail.transfer import decode as decode_transfer
from trial_tests.differential import grammar
from trial_tests.differential.queries import Query

_ADDRESS_FIELDS: Final = frozenset(("from", "to", "cc", "bcc", "sender", "reply-to"))
_WORD: Final = re.compile(rb"=\?([^?\s]*)\?([^?]*)\?([^?]*)\?=")


@frozen
class Found:
    """A message that one search found in one of the two servers only.

    `unlike` tells that the servers see different parts in it: `explained` has the reason.
    """

    query: Query
    data: bytes
    facts: Facts
    by_sora: bool
    unlike: bool = False

    @property
    def needle(self) -> str:
        """The text, folded."""
        return fold(self.query.text)

    @property
    def field(self) -> str:
        """The header field that is searched, in lower case; empty for all others."""
        key = self.query.key
        if key == "HEADER":
            return self.query.name.lower()
        return key.lower() if key in ("SUBJECT", "FROM", "TO", "CC", "BCC") else ""

    def values(self) -> list[bytes]:
        """The values of the field; of TEXT, all lines of all headers."""
        if not self.field:
            blocks = [self.data[part.start : part.body] for part, _ in _parts(self.data)]
            return re.sub(rb"\r\n(?=[ \t])", b"", b"\r\n".join(blocks)).splitlines()
        found = fields(self.facts.header)
        return [value for name, value in found if name == self.field.encode()]


@frozen
class Reason:
    """See `explained.Reason`."""

    rfc: str
    why: str
    holds: Callable[[Found], bool]


def reason_for(found: Found) -> Reason | None:
    """The first reason that holds."""
    return next((reason for reason in REASONS if reason.holds(found)), None)


def _parts(data: bytes) -> Iterator[tuple[Part, bool]]:
    """All parts, each with whether it is the message inside of another part."""
    waiting = [(parse(data), False)]
    while waiting:
        part, inside = waiting.pop()
        yield part, inside
        waiting += [(one, False) for one in part.parts]
        if part.message:
            waiting.append((part.message, True))


def _is_of_no_date(found: Found) -> bool:
    dates = [value for name, value in fields(found.facts.header) if name == b"date"]
    return found.query.key.startswith("SENT") and (
        len(dates) != 1
        or not grammar.is_date(dates[0])
        # Years of three digits are those since 1900 (RFC 5322 §4.3).
        or re.search(rb" \d{3} ", dates[0]) is not None
    )


def _is_in_fields_of_parts(found: Found) -> bool:
    lines = [line for line in found.facts.text_header.split("\n") if line.startswith(" ")]
    return (
        found.query.key == "BODY"
        and not found.by_sora
        and any(found.needle in one for one in lines)
    )


def _is_in_message_inside(found: Found) -> bool:
    return (
        found.query.key in ("BODY", "TEXT")
        and found.by_sora
        and any(
            found.needle in derive(found.data[part.start : part.body]).text_header
            for part, inside in _parts(found.data)
            if inside
        )
    )


def _has_html(found: Found) -> bool:
    return found.query.key in ("BODY", "TEXT") and any(
        part.type.subtype.lower() == b"html" for part, _ in _parts(found.data)
    )


def _is_in_odd_addresses(found: Found) -> bool:
    if found.field not in _ADDRESS_FIELDS:
        return False
    values = found.values()
    if not found.by_sora and found.needle in "missing_mailbox@missing_domain syntax_error":
        return True
    return (
        len(values) > 1
        or not all(map(grammar.is_address_list, values))
        or any(character in found.query.text for character in "<>()[]:;@,.\"'\\ ")
        or any(b"(" in value for value in values)
    )


def _has_language(found: Found) -> bool:
    return any(b"*" in word[1] for word in _words(found))


def _words(found: Found) -> Iterator["re.Match[bytes]"]:
    for value in found.values():
        yield from _WORD.finditer(value)


def _has_odd_words(found: Found) -> bool:
    """Something that begins or ends like an encoded word, and is none, or not in its charset."""
    if found.query.key == "BODY":
        return False
    for value in found.values():
        rest = _WORD.sub(b"", value)
        if b"=?" in rest or b"?=" in rest:
            return True
    return not all(map(_is_right, _words(found)))


def _is_right(word: "re.Match[bytes]") -> bool:
    codec = codec_of(word[1].decode("latin-1"))
    encoding = {b"b": b"base64", b"q": b"quoted-printable"}.get(word[2].lower())
    if codec is None or encoding is None:
        return False
    try:
        decode_transfer(word[3], encoding).decode(codec)
    except UnicodeError:
        return False
    return True


def _has_8bit_header(found: Found) -> bool:
    return found.query.key != "BODY" and any(not _is_utf8(value) for value in found.values())


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeError:
        return False
    return True


def _is_looser(found: Found) -> bool:
    """Found by full case folding, or by a compatible character."""
    text = found.data.decode("utf-8", "replace")
    return found.by_sora and (
        "ss" in found.needle or any(decomposition(one).startswith("<") for one in text)
    )


def _has_mislabelled_text(found: Found) -> bool:
    """A text whose octets are not what its charset and encoding say, or a type said twice."""
    if found.query.key not in ("BODY", "TEXT"):
        return False
    for part, _ in _parts(found.data):
        if part.parts or part.message:
            continue
        types = [name for name, _ in part.fields if name == b"content-type"]
        values = [value for name, value in part.fields if name == b"content-transfer-encoding"]
        if (
            len(types) > 1
            or not all(map(_is_known_encoding, values))
            or not _is_rightly_encoded(found.data[part.body : part.end], part)
        ):
            return True
        octets = decode_transfer(found.data[part.body : part.end], part.encoding)
        label = (part.type.get(b"charset") or b"us-ascii").decode("latin-1")
        codec = codec_of(label)
        try:
            octets.decode(codec or "ascii")
        except UnicodeError:
            return True
    return False


def _has_odd_parts(found: Found) -> bool:
    """A multipart without a delimiter, or a type that is not in the grammar."""
    return found.query.key in ("BODY", "TEXT") and any(
        (part.parts and not part.parts[0].fields and part.parts[0].start == part.body)
        or (part.type.get(b"boundary") or b"").endswith(b" ")
        or not all(
            grammar.is_content_type(value) for name, value in part.fields if name == b"content-type"
        )
        for part, _ in _parts(found.data)
    )


def _is_known_encoding(value: bytes) -> bool:
    known = (b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable")
    return value.lower().strip() in known


def _is_rightly_encoded(octets: bytes, part: Part) -> bool:
    if part.encoding.lower() == b"base64":
        return re.fullmatch(rb"[A-Za-z0-9+/\s]*=?\s*=?\s*", octets) is not None
    if part.encoding.lower() == b"quoted-printable":
        return re.search(rb"=(?![0-9A-F]{2}|[ \t]*\r?\n)", octets) is None
    return True


REASONS: Final = (
    Reason(
        "RFC 2046",
        "The servers see different parts in the message, for a reason that FETCH has.",
        lambda found: found.unlike and found.query.key in ("BODY", "TEXT"),
    ),
    Reason(
        "RFC 5322 §2.2",
        "A line of a header that is no field is found as if it were one.",
        lambda found: (
            found.query.key in ("BODY", "TEXT")
            and any(others(found.data[part.start : part.body]) for part, _ in _parts(found.data))
        ),
    ),
    Reason(
        "RFC 5322 §2.2.3",
        "Unfolding takes away the CRLF alone.",
        lambda found: (
            re.search(r"\s", found.query.text) is not None
            and any(re.search(rb"\s\s", value) for value in found.values())
        ),
    ),
    Reason(
        "RFC 3501 §6.4.4",
        "A message without a date that says when was not sent before any day; Dovecot takes it "
        "for one of 1970.",
        _is_of_no_date,
    ),
    Reason(
        "RFC 9051 §6.4.4",
        "BODY matches no header fields; those of the parts are found with TEXT.",
        _is_in_fields_of_parts,
    ),
    Reason(
        "RFC 3501 §6.4.4",
        "The header of a message inside is in the body of the message around it.",
        _is_in_message_inside,
    ),
    Reason(
        "RFC 9051 §6.4.4",
        "Matching may be flexible: Sora finds what a reader of HTML sees, Dovecot its source.",
        _has_html,
    ),
    Reason(
        "RFC 3501 §6.4.4",
        "Sora searches the field as it was sent. Dovecot writes the addresses anew, with place "
        "holders, and searches that.",
        _is_in_odd_addresses,
    ),
    Reason(
        "RFC 5322 §4.5",
        "A field is folded before its colon. Sora takes it for the field.",
        lambda found: (
            re.search(rb"(?m)^[!-9;-~]+[ \t]*\r\n[ \t]+:", found.facts.header) is not None
        ),
    ),
    Reason(
        "RFC 2231 §4",
        "The name of a file is found as a reader sees it.",
        lambda found: (
            found.query.key == "TEXT"
            and found.by_sora
            and any(
                line.startswith(" filename:") and found.needle in line
                for line in found.facts.text_header.split("\n")
            )
        ),
    ),
    Reason(
        "RFC 9051 §6.4.4",
        "Matching may be flexible: Sora's TEXT knows no space behind the colon of a field.",
        lambda found: found.query.key == "TEXT" and found.by_sora and ":" in found.needle,
    ),
    Reason("RFC 2231 §5", "An encoded word may name a language.", _has_language),
    Reason(
        "RFC 2047 §6.3",
        "What is no encoded word stays as it is, or is read as far as it can be.",
        _has_odd_words,
    ),
    Reason(
        "RFC 6532 §3.2",
        "8-bit octets in a header are UTF-8. If not, Sora reads Windows-1252, as readers do.",
        _has_8bit_header,
    ),
    Reason(
        "RFC 9051 §6.4.4",
        "Matching may be flexible: STRASSE finds straße, and FINE ﬁne.",
        _is_looser,
    ),
    Reason(
        "RFC 2045 §5.2",
        "A part of a type that is not in the grammar is text, and so is a multipart without "
        "a delimiter.",
        _has_odd_parts,
    ),
    Reason(
        "RFC 2045 §2",
        "The text is not in the charset that its part names: Sora tries UTF-8 and Windows-1252.",
        _has_mislabelled_text,
    ),
)
