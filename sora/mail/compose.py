"""Messages of our own: header fields, text parts, multiparts (RFC 5322, 2045 to 2047, 6532).

What is composed here is put together from values that strangers chose (addresses, subjects,
reasons of scripts): no value can end a line, begin a field or a part. All that is written is
7-bit, but for addresses that only exist in UTF-8 (RFC 6532) and for what is returned as it came.

    text = text_part("I am away.")
    octets = message(
        [address_field("From", [Mailbox("ann@example.com", "Ann")]),
         unstructured("Subject", "Auto: Größe"), date_field(now)],
        text,
    )
"""

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from sora.addresses import fold_domain
from sora.errors import BadArgument
from sora.mail.headers import header_end
from sora.mail.trace import date_text

LINE: Final = 78
"""Octets of a line of a header, without its end (RFC 5322 §2.1.1: should)."""
MAX_LINE: Final = 998
"""Octets of any line, without its end (RFC 5322 §2.1.1: must)."""
ENCODED_WORD: Final = 75
"""Characters of an encoded word (RFC 2047 §2)."""
MAX_IDS: Final = 50
"""Message ids in a References field: the first one and the last ones."""

_NAME: Final = re.compile(r"[!-9;-~]{1,70}\Z")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ATOMS: Final = re.compile(r"[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z]+\Z")
_PLAIN_PHRASE: Final = re.compile(r"[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z ]+\Z")
_DOT_ATOM: Final = re.compile(
    r"[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z\x80-\U0010ffff]+"
    r"(?:\.[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z\x80-\U0010ffff]+)*\Z"
)
_DOMAIN: Final = re.compile(r"[^\s<>()@,;:\\\"\[\]]+\Z|\[[!-Z^-~]+\]\Z")
_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>\Z")
# What may stand for itself in the Q encoding of every place, phrases included (RFC 2047 §5).
_Q_SAFE: Final = frozenset(b"!*+-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# Possessive: a line without its end is looked at once.
_FIELD: Final = re.compile(rb"(?m)^[!-9;-~]++[ \t]*+:[^\n]*+\n(?:[ \t]+[^\r\n][^\n]*+\n)*")
_AROUND: Final = len("=?utf-8?q??=")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+\Z")


@frozen
class Mailbox:
    """An address with the name that is shown for it."""

    address: str
    name: str = ""


@frozen
class Part:
    """A MIME entity: the lines of its fields, and its body as it is transported.

    `fields` end with CRLF each, as the functions of this module give them.
    """

    fields: tuple[bytes, ...]
    body: bytes

    def octets(self) -> bytes:
        """The fields, an empty line, the body."""
        return b"".join((*self.fields, b"\r\n", self.body))


# ---------------------------------------------------------------- fields


def unstructured(name: str, value: str, *, utf8: bool = False) -> bytes:
    """A field whose value is text for people, such as Subject (RFC 5322 §3.2.5).

    What is not ASCII becomes encoded words (RFC 2047), or stays with `utf8` (RFC 6532). Control
    characters become spaces.
    """
    text = _clean(value).strip(" ")
    return _folded(name, _as_words(text, utf8, len(name) + 2))


def structured(name: str, value: str) -> bytes:
    """A field whose value is written already, in ASCII; it is folded at its spaces.

    Raises:
        BadArgument: it has something else than ASCII.
    """
    text = _clean(value).strip(" ")
    if not text.isascii():
        raise BadArgument(f"{name}: {value!r} is not ASCII")
    return _folded(name, text.split(" "))


def address_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """From, To, Cc, … (RFC 5322 §3.4). An address that `needs_smtputf8` stays in UTF-8; a
    message with such a field can only be handed to servers that take SMTPUTF8 (RFC 6531).

    Raises:
        BadArgument: there is no address, or one cannot be written.
    """
    if not mailboxes:
        raise BadArgument(f"{name}: there is no address")
    words: list[str] = []
    for number, mailbox in enumerate(mailboxes):
        comma = "," if number < len(mailboxes) - 1 else ""
        phrase = _as_phrase(_clean(mailbox.name).strip(" "), len(name) + 2)
        spec = addr_spec(mailbox.address)
        words += [*phrase, f"<{spec}>{comma}" if phrase else f"{spec}{comma}"]
    return _folded(name, words)


def date_field(when: datetime, name: str = "Date") -> bytes:
    """A date and time (RFC 5322 §3.3), in the zone of `when`."""
    return _folded(name, date_text(when).split(" "))


def ids_field(name: str, ids: Iterable[str]) -> bytes:
    """References, In-Reply-To: ids with their angle brackets. Those that could not stand in a
    field are left out, and of many the middle ones; without any it is no field: empty."""
    good = [one for one in ids if _ID.match(one)]
    if len(good) > MAX_IDS:
        good = [good[0], *good[1 - MAX_IDS :]]
    return _folded(name, good) if good else b""


def addr_spec(address: str) -> str:
    """An address as fields and envelopes have it: its local part quoted where it has to be
    (RFC 5321 §4.1.2), its domain in A-labels unless the local part is not ASCII either.

    Raises:
        BadArgument: it is not an address.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or _CONTROL.search(address) or _SURROGATES.search(address):
        raise BadArgument(f"{address!r} is not an address")
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    if not _DOT_ATOM.match(local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    if local.isascii() and not domain.isascii():
        domain = fold_domain(domain)
    if not _DOMAIN.match(domain) or len(local) + len(domain) > 500:
        raise BadArgument(f"{address!r} is not an address")
    return f"{local}@{domain}"


def needs_smtputf8(address: str) -> bool:
    """Whether an address has no form in ASCII (RFC 6531): its local part is not ASCII."""
    return not address.rpartition("@")[0].isascii()


def message_id(randomness: bytes, domain: str) -> str:
    """A Message-ID (RFC 5322 §3.6.4) of at least 16 random octets and this host's name."""
    right = domain if domain.isascii() and _DOT_ATOM.match(domain) else "localhost"
    return f"<{randomness.hex()}@{right}>"


# ---------------------------------------------------------------- parts


def text_part(text: str, subtype: str = "plain") -> Part:
    """A text in 7 bits, with CRLF and a line end at its end: as it is when it is ASCII, else
    in quoted-printable, or in base64 if that is much shorter (RFC 2045 §6)."""
    lines = re.sub(r"\r\n?", "\n", _SURROGATES.sub("\ufffd", text))
    if lines and not lines.endswith("\n"):
        lines += "\n"
    octets = lines.encode()
    if octets.isascii() and b"\0" not in octets and _longest_line(octets) <= MAX_LINE:
        return Part(_text_fields(subtype, "us-ascii", "7bit"), octets.replace(b"\n", b"\r\n"))
    quoted = b2a_qp(octets, istext=True).replace(b"\n", b"\r\n")
    coded = encodebytes(octets.replace(b"\n", b"\r\n")).replace(b"\n", b"\r\n")
    if len(quoted) <= 1.5 * len(coded):
        return Part(_text_fields(subtype, "utf-8", "quoted-printable"), quoted)
    return Part(_text_fields(subtype, "utf-8", "base64"), coded)


def entity(octets: bytes) -> Part:
    """A MIME entity that somebody else has written (the reason of a vacation with `:mime`,
    RFC 5230 §4.5): of its header only the fields Content-*, with CRLF everywhere. 8-bit
    octets stay, and are declared when they are not."""
    octets = re.sub(rb"\r\n|\r|\n", b"\r\n", octets.replace(b"\0", b""))
    end = header_end(octets)
    header, body = octets[:end], octets[end:]
    lines = [line for line in _FIELD.findall(header) if line[:8].lower() == b"content-"]
    if not any(line[:25].lower() == b"content-transfer-encoding" for line in lines):
        lines.append(b"Content-Transfer-Encoding: %s\r\n" % _bits(body))
    return Part((b"MIME-Version: 1.0\r\n", *lines), body)


def multipart(
    subtype: str, parts: Sequence[Part], boundary: str, parameters: Sequence[tuple[str, str]] = ()
) -> Part:
    """Parts in one (RFC 2046 §5.1). `boundary` must not be in them: make it with
    `boundary_of`; `parameters` are tokens."""
    if not _TOKEN.match(boundary) or len(boundary) > 70:
        raise BadArgument(f"{boundary!r} cannot be a boundary")
    marked = b"--" + boundary.encode()
    pieces = [b"".join((marked, b"\r\n", _inner(part), b"\r\n")) for part in parts]
    body = b"".join((*pieces, marked, b"--\r\n"))
    about = "".join(f"; {key}={_quoted(value)}" for key, value in parameters)
    kind = structured("Content-Type", f'multipart/{subtype}{about}; boundary="{boundary}"')
    coding = structured("Content-Transfer-Encoding", _bits(body).decode())
    return Part((b"MIME-Version: 1.0\r\n", kind, coding), body)


def boundary_of(randomness: bytes) -> str:
    """A boundary made of at least 16 random octets, which no text can foresee; "=_" can stand
    in no text that is quoted-printable or base64 (RFC 2045 §6.7)."""
    return f"_sora-{randomness.hex()}"


def message(fields: Iterable[bytes], content: Part) -> bytes:
    """A whole message: its own fields, then those of its content, and the content's body."""
    return Part((*fields, *content.fields), content.body).octets()


# ---------------------------------------------------------------- inside


def _text_fields(subtype: str, charset: str, encoding: str) -> tuple[bytes, ...]:
    return (
        b"MIME-Version: 1.0\r\n",
        structured("Content-Type", f"text/{subtype}; charset={charset}"),
        structured("Content-Transfer-Encoding", encoding),
    )


def _inner(part: Part) -> bytes:
    """Only a whole message says that it is MIME (RFC 2045 §4)."""
    fields = tuple(line for line in part.fields if line != b"MIME-Version: 1.0\r\n")
    return Part(fields, part.body).octets()


def _bits(body: bytes) -> bytes:
    return b"7bit" if body.isascii() else b"8bit"


def _longest_line(octets: bytes) -> int:
    return max(map(len, octets.split(b"\n")))


def _clean(value: str) -> str:
    return _SURROGATES.sub("\ufffd", _CONTROL.sub(" ", value))


def _folded(name: str, words: Sequence[str]) -> bytes:
    """A field with line ends before words that would make a line too long. An empty word is a
    further space; no line is of spaces only, which would end the header for some readers
    (RFC 5322 §3.2.2)."""
    if not _NAME.match(name):
        raise BadArgument(f"{name!r} is not the name of a field")
    lines: list[bytes] = []
    line = f"{name}:".encode()
    is_empty = True
    for word in words:
        octets = word.encode()
        if octets and not is_empty and len(line) + 1 + len(octets) > LINE:
            lines.append(line)
            line, is_empty = b"", True
        line += b" " + octets
        is_empty = is_empty and not octets
    lines.append(line)
    if max(map(len, lines)) > MAX_LINE:
        raise BadArgument(f"{name}: a word is too long for a line")
    return b"\r\n".join(lines) + b"\r\n"


def _as_words(text: str, utf8: bool, column: int) -> list[str]:
    """The words of a text; those from the first to the last that cannot stand there as they are
    become encoded words, together with the spaces between them (RFC 2047 §6.2). `column` is how
    much the first line has already."""
    words = text.split(" ")
    places = [number for number, word in enumerate(words) if not _stands(word, utf8)]
    if not places:
        return words
    start, end = places[0], places[-1] + 1
    # Spaces beside an encoded word are safe inside of it only: some readers drop them.
    while start > 0 and not words[start - 1]:
        start -= 1
    while end < len(words) and not words[end]:
        end += 1
    return [*words[:start], *_encoded(" ".join(words[start:end]), column), *words[end:]]


def _stands(word: str, utf8: bool) -> bool:
    return (utf8 or word.isascii()) and "=?" not in word and len(word.encode()) <= MAX_LINE - LINE


def _as_phrase(name: str, column: int) -> list[str]:
    """A display name (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words."""
    if not name:
        return []
    if not name.isascii() or "=?" in name or len(name) > LINE - 3:
        return _encoded(name, column)
    if _PLAIN_PHRASE.match(name) and "  " not in name:
        return name.split(" ")
    return [_quoted(name)]


def _quoted(text: str) -> str:
    if _ATOMS.match(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _encoded(text: str, column: int) -> list[str]:
    """Encoded words, of whole characters each (RFC 2047 §5): readable ones if half of it stays as
    it is, else base64. The first one leaves room for `column` octets before it: no line with an
    encoded word is longer than 76 (§2)."""
    octets = text.encode()
    safe = sum(octet in _Q_SAFE or octet == 32 for octet in octets)
    is_q = 2 * safe >= len(octets)
    room = max(24, ENCODED_WORD - max(0, column - 1)) - _AROUND
    words: list[str] = []
    piece = b""
    size = 0
    for character in text:
        coded = character.encode()
        cost = sum(map(_q_size, coded)) if is_q else len(coded)
        if size + cost > (room if is_q else room // 4 * 3):
            words.append(_encoded_word(piece, is_q))
            piece, size, room = b"", 0, ENCODED_WORD - _AROUND
        piece += coded
        size += cost
    return [*words, _encoded_word(piece, is_q)]


def _q_size(octet: int) -> int:
    return 1 if octet in _Q_SAFE or octet == 32 else 3


def _encoded_word(octets: bytes, q: bool) -> str:
    if not q:
        return f"=?utf-8?b?{b64encode(octets).decode()}?="
    text = "".join(
        "_" if octet == 32 else chr(octet) if octet in _Q_SAFE else f"={octet:02X}"
        for octet in octets
    )
    return f"=?utf-8?q?{text}?="
