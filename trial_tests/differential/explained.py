"""The differences that stay, and why Sora is right, or free.

Each reason is as narrow as it can be told: the values it is about, and what the message must be
like. A difference without a reason fails the test.
"""

import re
from collections.abc import Callable
from typing import Final

from attrs import frozen

from sora.mail.message import Part, parse
from trial_tests.differential import grammar
from trial_tests.differential.compare import Difference, Place

_ADDRESSES: Final = frozenset(("from", "sender", "reply-to", "to", "cc", "bcc"))
_MIME_FIELDS: Final = {
    "id": b"content-id",
    "description": b"content-description",
    "encoding": b"content-transfer-encoding",
    "md5": b"content-md5",
    "disposition": b"content-disposition",
    "language": b"content-language",
    "location": b"content-location",
    "parameters": b"content-type",
    "type": b"content-type",
    "parts": b"content-type",
}
_EMPTY_LINE: Final = re.compile(rb"(?:\A|\n)\r?\n\Z")


@frozen
class Reason:
    """What the RFC says, why that makes the difference right, and when it holds."""

    rfc: str
    why: str
    holds: Callable[[Difference], bool]


def reason_for(difference: Difference) -> Reason | None:
    """The first reason that holds."""
    return next((reason for reason in REASONS if reason.holds(difference)), None)


# ------------------------------------------------------------------ what a message is like


def _values(part: Part, name: bytes) -> list[bytes]:
    return [value for other, value in part.fields if other == name]


def _field(difference: Difference) -> str:
    """The field of ENVELOPE."""
    kind, _, name = difference.what.partition(" ")
    return name if kind == "envelope" else ""


def _sources(difference: Difference) -> list[list[bytes]]:
    """The values of the fields that the value comes from, by field."""
    name = _field(difference)
    if name:
        names = [name.encode()]
        if name in ("sender", "reply-to"):
            names.append(b"from")
    else:
        names = [_MIME_FIELDS[difference.what]] if difference.what in _MIME_FIELDS else []
    return [_values(difference.part, one) for one in names]


def _is_repeated(difference: Difference) -> bool:
    return any(len(values) > 1 for values in _sources(difference))


def _is_no_address_list(difference: Difference) -> bool:
    return _field(difference) in _ADDRESSES and not all(
        grammar.is_address_list(value) for values in _sources(difference) for value in values
    )


def _has_spaced_dot(difference: Difference) -> bool:
    return _field(difference) in _ADDRESSES and any(
        re.search(rb"\.[ \t]|[ \t]\.", value) for values in _sources(difference) for value in values
    )


def _has_broken_type(part: Part) -> bool:
    values = _values(part, b"content-type")
    return not all(map(grammar.is_content_type, values)) or len(values) > 1


def _around(difference: Difference) -> list[Part]:
    """The part and those around it, the innermost first."""
    place = difference.place
    return [place.part, *reversed(place.above)] if place else []


def _is_in_broken_type(difference: Difference) -> bool:
    """The part's own type is not in the grammar, or that of one around it; or that of a multipart
    before it, which for one server goes on."""
    if difference.what.startswith(("BODY[", "envelope ")):
        return False
    multiparts = [one for one in _all(difference) if one.parts]
    return any(map(_has_broken_type, (*_around(difference), *multiparts)))


def _is_broken(what: str, is_right: Callable[[bytes], bool]) -> Callable[[Difference], bool]:
    def holds(difference: Difference) -> bool:
        return difference.what == what and not all(
            is_right(value) for values in _sources(difference) for value in values
        )

    return holds


def _is_without_version(difference: Difference) -> bool:
    around = _around(difference)
    of_message = len(around) == 1 or (len(around) > 1 and around[1].message is not None)
    return (
        difference.what in _MIME_FIELDS and of_message and not _values(around[0], b"mime-version")
    )


def _has_boundary_in_itself(difference: Difference) -> bool:
    """Whether a multipart of the message has the boundary of one around it."""

    def clashes(part: Part, around: frozenset[bytes]) -> bool:
        if part.boundary in around:
            return True
        if part.boundary:
            around |= {part.boundary}
        inner = part.parts or ([part.message] if part.message else [])
        return any(clashes(one, around) for one in inner)

    return not _field(difference) and clashes(parse(difference.data), frozenset())


def _is_without_parts(place: Place | None) -> bool:
    """A multipart without a delimiter line, or the part of text that stands for its body."""
    if place is None or place.parent is None:
        return False
    parent = place.parent
    return (
        parent.parts == [place.part]
        and place.part.start == place.part.body == parent.body
        and not place.part.fields
    )


def _has_no_empty_line(block: bytes) -> bool:
    return not _EMPTY_LINE.search(block)


def _ends_before_delimiter(difference: Difference) -> bool:
    """Whether the part ends with a multipart's close delimiter, or its header is cut short, and
    a delimiter of a multipart around it comes next."""
    part = difference.part
    while part.message:
        part = part.message
    return bool(part.parts) or _has_no_empty_line(difference.data[part.start : part.body])


def _is_line_end_of_delimiter(difference: Difference) -> bool:
    if difference.place is None:
        return False
    if difference.what in ("octets", "lines"):
        longer = int(difference.dovecot) - int(difference.sora)
        return longer == (2 if difference.what == "octets" else 1) and _ends_before_delimiter(
            difference
        )
    if difference.what.startswith("section ") and difference.sora is not None:
        ours, theirs = difference.sora, difference.dovecot or b""
        return theirs == ours + b"\r\n" and _ends_before_delimiter(difference)
    return False


def _is_of_cut_header(difference: Difference) -> bool:
    """Whether the value is a header, of the part or of the message in it, without its end."""
    if difference.place is None:
        return False
    part = difference.part
    if part.message and "MIME" not in difference.what:
        part = part.message
    return ("HEADER" in difference.what or "MIME" in difference.what) and _has_no_empty_line(
        difference.data[part.start : part.body]
    )


def _is_of_empty_body(difference: Difference) -> bool:
    """The values of a part, or of a message in it, whose empty line a delimiter follows."""
    if difference.place is None:
        return False
    part = difference.part
    while part.message and difference.what != "section MIME":
        part = part.message
    if part.body != part.end or _has_no_empty_line(difference.data[part.start : part.body]):
        return False
    if difference.what in ("octets", "lines"):
        return abs(int(difference.dovecot) - int(difference.sora)) in (1, 2)
    ours, theirs = difference.sora or b"", difference.dovecot or b""
    if difference.what in ("section ", "section TEXT"):
        return bool(theirs == ours + b"\r\n")
    if not difference.what.startswith("section "):
        return False
    return ours.startswith(theirs) and ours[len(theirs) :] in (b"\r\n", b"\r")


def _all(difference: Difference) -> list[Part]:
    """All parts of the message."""
    found = [parse(difference.data)]
    for part in found:
        found += part.parts or ([part.message] if part.message else [])
    return found


def _has_line_that_begins_like_delimiter(difference: Difference) -> bool:
    if difference.what.startswith("envelope "):
        return False
    boundaries = {part.boundary for part in _all(difference) if part.boundary}
    return any(
        re.search(rb"(?m)^--" + re.escape(boundary) + rb"(?!(?:--)?[ \t]*\r?$)", difference.data)
        for boundary in boundaries
    )


def _is_cut_off_at_delimiter(difference: Difference) -> bool:
    last = difference.data[difference.data.rfind(b"\n") + 1 :].rstrip(b" \t")
    return not _field(difference) and last in {
        b"--" + part.boundary for part in _all(difference) if part.boundary
    }


REASONS: Final = (
    Reason(
        "RFC 5322 §3.6",
        "The field may stand once. When it stands twice, Sora takes the first, as SORT and "
        "THREAD do; Dovecot the last, or all.",
        _is_repeated,
    ),
    Reason(
        "RFC 5322 §3.4, §4.4",
        "It is no list of addresses. Sora reads what can be read; Dovecot stops at the error.",
        _is_no_address_list,
    ),
    Reason(
        "RFC 5322 §4.4",
        "There may be white space around the dots of an address. Dovecot stops there.",
        _has_spaced_dot,
    ),
    Reason(
        "RFC 2045 §5.1, §5.2",
        "The type is not in the grammar, or stands twice. Sora reads what can be read, else it "
        "is text; Dovecot has an empty type, or no parameter from the error on.",
        _is_in_broken_type,
    ),
    Reason(
        "RFC 2183 §2",
        "The disposition is not in the grammar.",
        _is_broken("disposition", grammar.is_disposition),
    ),
    Reason(
        "RFC 2045 §6.1",
        "The encoding is no token. Sora takes its first word, as readers do.",
        _is_broken("encoding", grammar.is_encoding),
    ),
    Reason(
        "RFC 3282 §2",
        "The languages are not in the grammar.",
        _is_broken("language", grammar.is_language_list),
    ),
    Reason(
        "RFC 2045 §4",
        "A message without MIME-Version is not in MIME. Sora reads it as if it were, as readers "
        "do; Dovecot reads its type only.",
        _is_without_version,
    ),
    Reason(
        "RFC 2046 §5.1.1",
        "A boundary must not stand inside of what it delimits: a multipart and one inside of it "
        "have the same.",
        _has_boundary_in_itself,
    ),
    Reason(
        "RFC 3501 §9, body-type-mpart",
        "A multipart without a delimiter must have a part. Sora shows its body as text, so that "
        "nothing is hidden; Dovecot shows no octets.",
        lambda difference: _is_without_parts(difference.place),
    ),
    Reason(
        "RFC 2046 §5.1.1",
        "The line end before a delimiter belongs to the delimiter, also after the close "
        "delimiter of a multipart inside.",
        _is_line_end_of_delimiter,
    ),
    Reason(
        "RFC 3501 §6.4.5",
        "The empty line belongs to the header, also when a delimiter comes right after it. "
        "Dovecot takes it for the line end before the delimiter.",
        _is_of_empty_body,
    ),
    Reason(
        "RFC 2046 §5.1.1",
        "A delimiter is the whole line. Dovecot takes each line that begins with one.",
        _has_line_that_begins_like_delimiter,
    ),
    Reason(
        "RFC 2046 §5.1.1",
        "The message is cut off in the line of a delimiter. Sora begins a part there.",
        _is_cut_off_at_delimiter,
    ),
    Reason(
        "RFC 2046 §5.1.1",
        "A boundary does not end in white space, which gateways add to lines.",
        lambda difference: any(
            re.search(rb"\s\Z", part.type.get(b"boundary") or b"") for part in _all(difference)
        ),
    ),
    Reason(
        "RFC 5322 §4.5",
        "A field is folded before its colon. Sora takes it for the field.",
        lambda difference: any(
            re.search(rb"(?m)^[!-9;-~]+[ \t]*\r\n[ \t]+:", difference.data[part.start : part.body])
            for part in _around(difference)
        ),
    ),
    Reason(
        "RFC 3501 §6.4.5",
        "The empty line belongs to each selection of header fields, but not if there is none. "
        "Dovecot adds one, or reads on behind the part.",
        lambda difference: "HEADER.FIELDS" in difference.what and _is_of_cut_header(difference),
    ),
    Reason(
        "RFC 2046 §5.1.1",
        "A partial of a part ends with the part. Dovecot gives half of the line end behind it.",
        lambda difference: (
            difference.what == "section " and difference.dovecot == (difference.sora or b"") + b"\r"
        ),
    ),
    Reason(
        "RFC 3501 §6.4.5",
        "There is no part 1 of a part that is neither multipart nor message, and it is NIL.",
        lambda difference: difference.place is None and difference.sora is None,
    ),
)
