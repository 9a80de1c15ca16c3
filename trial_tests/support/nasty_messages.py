"""Messages as nobody should write them, and as they arrive: made at random, then damaged.

`nasty_message(random)` is a tree of MIME with all that makes readers disagree: boundaries that
are prefixes of one another, parts without headers or bodies, messages in messages, encoded
words in every charset, groups and comments in addresses, fields folded at odd places, 8-bit
octets. `damaged(random, message)` cuts, doubles, swaps and overwrites pieces of any message.
Both depend on nothing but `random`.
"""

import base64
import quopri
from collections.abc import Callable
from random import Random
from typing import Final

from trial_tests.support.messages import FOREIGN, WORDS

CHARSETS: Final = (
    ("utf-8", "Grüße, Привет, 你好"),
    ("iso-8859-1", "Grüße déjà"),
    ("windows-1252", "“Grüße” – €"),
    ("iso-8859-2", "žluťoučký kůň"),
    ("iso-8859-15", "naïve € café"),
    ("koi8-r", "Привет из Москвы"),
    ("windows-1251", "Привет из Москвы"),
    ("iso-8859-5", "Привет"),
    ("iso-8859-7", "Ελληνικά"),
    ("windows-1253", "Ελληνικά"),
    ("iso-8859-9", "İstanbul ığ"),
    ("iso-2022-jp", "日本語テスト"),
    ("shift_jis", "日本語テスト"),
    ("euc-jp", "日本語テスト"),
    ("gb2312", "你好世界"),
    ("gbk", "你好世界"),
    ("big5", "你好世界"),
    ("euc-kr", "안녕하세요"),
    ("us-ascii", "plain words"),
)
"""Labels, and a text that can be written in each."""

_ATOMS: Final = ("a", "joe", "x.y", "dan.o'neil", "frank+tag", "UPPER", "=?x", "!#$%&'*", "-")
_HOSTS: Final = ("example.com", "x", "[127.0.0.1]", "sub.example.org", "EXAMPLE.NET", "a_b.test")


def nasty_message(random: Random, depth: int = 0) -> bytes:
    """A message with CRLF line ends, from an empty one to one of some kilobytes."""
    return _header(random) + _entity(random, depth)


# ------------------------------------------------------------------ texts


def words(random: Random, count: int) -> str:
    """Some words of English."""
    return " ".join(random.choice(WORDS) for _ in range(count))


def encoded_word(random: Random) -> bytes:
    """A text of its own charset as one encoded word, mostly right."""
    label, text = random.choice(CHARSETS)
    octets = text.encode({"gb2312": "gb18030"}.get(label, label))
    label = random.choice((label, label.upper(), label))
    if random.random() < 0.1:
        label += "*en"
    if random.random() < 0.5:
        return b"=?%s?%s?%s?=" % (label.encode(), _either(random, b"B", b"b"), _base64(octets))
    quoted = b"".join(
        bytes([octet]) if bytes([octet]).isalnum() else b"=%02X" % octet for octet in octets
    )
    return b"=?%s?%s?%s?=" % (label.encode(), _either(random, b"Q", b"q"), quoted)


def _base64(octets: bytes) -> bytes:
    return base64.b64encode(octets)


def _either(random: Random, *choices: bytes) -> bytes:
    return random.choice(choices)


def _phrase(random: Random) -> bytes:
    return random.choice(
        (
            lambda: b"",
            lambda: words(random, random.randint(1, 3)).title().encode(),
            lambda: b'"%s, %s"' % (words(random, 1).encode(), words(random, 1).encode()),
            lambda: b'"A \\"quoted\\" \\\\ name"',
            lambda: encoded_word(random),
            lambda: encoded_word(random) + b" " + encoded_word(random),
            lambda: random.choice(FOREIGN).encode(),
            lambda: b"J. Random (a comment (nested)) User",
            lambda: b'""',
        )
    )()


def address(random: Random) -> bytes:
    """One address, or something in its place."""
    local = random.choice(_ATOMS).encode()
    host = random.choice(_HOSTS).encode()
    phrase = _phrase(random)
    return random.choice(
        (
            lambda: b"%s@%s" % (local, host),
            lambda: b"%s <%s@%s>" % (phrase, local, host),
            lambda: b"%s<%s@%s>" % (phrase, local, host),
            lambda: b"%s@%s (%s)" % (local, host, words(random, 2).encode()),
            lambda: b"%s <%s @ %s>" % (phrase, local, host),
            lambda: b"%s <@relay.test:%s@%s>" % (phrase, local, host),
            lambda: b"%s <@a.test,@b.test:%s@%s>" % (phrase, local, host),
            lambda: b'"quoted local"@%s' % host,
            lambda: b'%s <"q\\"uoted"@%s>' % (phrase, host),
            lambda: b"%s: %s@%s, x@y;" % (phrase or b"group", local, host),
            lambda: b"undisclosed-recipients:;",
            lambda: b"%s" % local,
            lambda: b"<%s>" % local,
            lambda: b"<>",
            lambda: phrase,
        )
    )()


def _addresses(random: Random) -> bytes:
    separator = random.choice((b", ", b",", b",\r\n ", b", ,", b" , "))
    return separator.join(address(random) for _ in range(random.choice((1, 1, 1, 2, 3, 6))))


def _date(random: Random) -> bytes:
    day, month = random.randint(1, 28), random.choice(("Jan", "Feb", "May", "Dec"))
    year = random.randint(1998, 2026)
    clock = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}"
    zone = random.choice(("+0000", "-0700", "+0530", "+1300", "GMT", "EST", "-0000", "Z"))
    text = random.choice(
        (
            f"Mon, {day} {month} {year} {clock} {zone}",
            f"{day} {month} {year} {clock} {zone}",
            f"Mon, {day} {month} {year} {clock} {zone} (A comment)",
            f"Mon, {day} {month} {year} {clock[:5]} {zone}",
            f"{day:02} {month} {year % 100:02} {clock} {zone}",
        )
    )
    return text.encode()


def _ids(random: Random) -> bytes:
    one = lambda: b"<%x@example.com>" % random.getrandbits(32)  # noqa: E731
    return random.choice((one, lambda: one() + b"\r\n\t" + one(), lambda: b"no brackets"))()


def _subject(random: Random) -> bytes:
    return random.choice(
        (
            lambda: words(random, 4).encode(),
            lambda: b"Re: [list] " + words(random, 2).encode(),
            lambda: encoded_word(random),
            lambda: encoded_word(random) + b"\r\n " + encoded_word(random),
            lambda: words(random, 1).encode() + b" " + encoded_word(random) + b" tail",
            lambda: random.choice(FOREIGN).encode(),
            lambda: random.choice(CHARSETS)[1].encode("latin-1", "replace"),
            lambda: words(random, 3).encode() + b"\r\n\t " + words(random, 2).encode(),
            lambda: b'"quotes" and \\ back',
            lambda: b"",
            lambda: words(random, 200).encode(),
        )
    )()


# ------------------------------------------------------------------ headers


def _field(random: Random, name: bytes, value: bytes) -> bytes:
    colon = random.choice((b": ", b": ", b": ", b": ", b":", b":  ", b":\r\n ", b":\t"))
    name = random.choice((name, name, name, name.lower(), name.upper()))
    return name + colon + value + b"\r\n"


_FIELDS: Final[tuple[tuple[bytes, float, Callable[[Random], bytes]], ...]] = (
    (b"Date", 0.9, _date),
    (b"From", 0.95, _addresses),
    (b"Sender", 0.15, address),
    (b"Reply-To", 0.2, _addresses),
    (b"To", 0.8, _addresses),
    (b"Cc", 0.4, _addresses),
    (b"Bcc", 0.1, _addresses),
    (b"Subject", 0.9, _subject),
    (b"Message-ID", 0.8, _ids),
    (b"In-Reply-To", 0.3, _ids),
    (b"References", 0.3, _ids),
    (b"X-Empty", 0.1, lambda random: b""),
    (b"X-Long", 0.05, lambda random: words(random, 250).encode()),
    (b"X-Words", 0.2, encoded_word),
    (b"MIME-Version", 0.9, lambda random: b"1.0"),
)


def _header(random: Random) -> bytes:
    fields = [
        _field(random, name, make(random))
        for name, chance, make in _FIELDS
        if random.random() < chance
    ]
    if random.random() < 0.1:
        fields.append(random.choice(fields or [b"X: y\r\n"]))
    if random.random() < 0.5:
        random.shuffle(fields)
    return b"".join(fields)


# ------------------------------------------------------------------ bodies


def _entity(random: Random, depth: int) -> bytes:
    """The fields of MIME, an empty line, and the body."""
    if depth > 5 or random.random() < 0.4 + depth / 10:
        return _leaf(random)
    if random.random() < 0.25:
        return _message(random, depth)
    return _multipart(random, depth)


def _leaf(random: Random) -> bytes:
    kind = random.choice((_text, _text, _html, _attachment, _bare, _odd))
    return kind(random)


def _charset_parameter(random: Random, label: str) -> bytes:
    return (
        random.choice(
            (b"; charset=%s", b'; charset="%s"', b";\r\n\tCharset=%s", b' ; charset="%s" ')
        )
        % label.encode()
    )


def _text(random: Random) -> bytes:
    label, text = random.choice(CHARSETS)
    octets = f"{text}\r\n{words(random, random.randint(0, 40))}\r\n".encode(
        {"gb2312": "gb18030"}.get(label, label)
    )
    encoding = random.choice((b"", b"8bit", b"quoted-printable", b"base64", b"7bit", b"BINARY"))
    head = b"Content-Type: text/plain" + _charset_parameter(random, label) + b"\r\n"
    if encoding:
        head += b"Content-Transfer-Encoding: %s\r\n" % encoding
    return head + _optional(random) + b"\r\n" + _encoded(octets, encoding)


def _encoded(octets: bytes, encoding: bytes) -> bytes:
    if encoding == b"base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if encoding == b"quoted-printable":
        return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return octets


def _html(random: Random) -> bytes:
    return (
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>%s</p></body></html>\r\n"
        % words(random, 5).encode()
    )


def _attachment(random: Random) -> bytes:
    name = random.choice((b"a.bin", b'"a b.bin"', b"=?utf-8?q?=C3=BC?=", b'"a\\"b"', "ü".encode()))
    disposition = random.choice(
        (
            b"attachment; filename=%s" % name,
            b"inline",
            b"attachment; filename*=utf-8''%C3%BC.bin",
            b'attachment;\r\n filename*0="a"; filename*1="b"',
            b'ATTACHMENT; size=7; creation-date="Wed, 12 Feb 1997 16:29:51 -0500"',
        )
    )
    return (
        b"Content-Type: application/octet-stream; name=%s\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: %s\r\n%s\r\n" % (name, disposition, _optional(random))
    ) + base64.encodebytes(random.randbytes(random.randint(0, 200))).replace(b"\n", b"\r\n")


def _bare(random: Random) -> bytes:
    return b"\r\n" + words(random, random.randint(0, 20)).encode() + random.choice((b"", b"\r\n"))


def _odd(random: Random) -> bytes:
    kind = random.choice(
        (
            b"text",
            b"text/",
            b"/plain",
            b"",
            b"text/plain; charset",
            b"text/plain; =x",
            b"text/plain;;; charset=utf-8;",
            b"text/plain (comment); charset=utf-8 (another)",
            b"TEXT/X-Unknown; a=b; A=c",
            b"message/delivery-status",
            b"message/external-body; access-type=anon-ftp; site=x",
            b"message/partial; id=x; number=1",
            b"image/svg+xml",
            b'text/plain; name="never closed',
            b"multipart/mixed",
            b'multipart/mixed; boundary=""',
        )
    )
    return b"Content-Type: %s\r\n%s\r\n%s\r\n" % (
        kind,
        _optional(random),
        words(random, 9).encode(),
    )


def _optional(random: Random) -> bytes:
    """Further fields of MIME."""
    fields = (
        (b"Content-ID", _ids),
        (b"Content-Description", _subject),
        (b"Content-MD5", lambda random: b"Q2hlY2sgSW50ZWdyaXR5IQ=="),
        (b"Content-Language", lambda random: random.choice((b"en", b"en, de", b"", b"en,de , fr"))),
        (b"Content-Location", lambda random: b"http://example.com/a b"),
    )
    return b"".join(
        _field(random, name, make(random)) for name, make in fields if random.random() < 0.08
    )


def _boundary(random: Random) -> bytes:
    return random.choice(
        (b"b", b"bb", b"b--", b"=_%x" % random.getrandbits(20), b"a b", b"x:y/z", b"b" * 70)
    )


def _multipart(random: Random, depth: int) -> bytes:
    boundary = _boundary(random)
    subtype = random.choice((b"mixed", b"alternative", b"digest", b"related", b"MIXED", b"x-odd"))
    quoted = b'"%s"' % boundary if random.random() < 0.7 or not boundary.isalnum() else boundary
    pieces = [
        b"Content-Type: multipart/%s; boundary=%s\r\n%s\r\n" % (subtype, quoted, _optional(random))
    ]
    if random.random() < 0.3:
        pieces.append(b"A preamble.\r\n")
    for _ in range(random.choice((0, 1, 2, 2, 3))):
        inner = (
            nasty_message(random, depth + 1) if subtype == b"digest" else _entity(random, depth + 1)
        )
        if subtype == b"digest" and random.random() < 0.8:
            inner = b"\r\n" + inner
        padding = random.choice((b"", b"", b"", b" ", b"\t "))
        pieces.append(b"--%s%s\r\n%s" % (boundary, padding, inner))
        if not inner.endswith(b"\r\n") or random.random() < 0.3:
            pieces.append(b"\r\n")
    if random.random() < 0.9:
        pieces.append(b"--%s--\r\n" % boundary)
    if random.random() < 0.3:
        pieces.append(b"An epilogue.\r\n")
    return b"".join(pieces)


def _message(random: Random, depth: int) -> bytes:
    kind = random.choice((b"message/rfc822", b"MESSAGE/RFC822", b"message/rfc822; name=x"))
    head = b"Content-Type: %s\r\n%s\r\n" % (kind, _optional(random))
    return head + nasty_message(random, depth + 1)


# ------------------------------------------------------------------ damage

_PIECES: Final = (
    b"\r\n", b"\r\n\r\n", b"--", b"--b", b"--b--", b"\r\n--b\r\n", b":", b";", b"=", b'"', b"\\",
    b"(", b")", b"<", b">", b"@", b",", b" ", b"\t", b"\r\n ", b"=?", b"?=", b"=?utf-8?q?", b"\xff",
    b"\x80", "ü".encode(), b"boundary=", b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Transfer-Encoding: base64\r\n", b"\x7f", b"{5}",
)  # fmt: skip


def damaged(random: Random, message: bytes, times: int | None = None) -> bytes:
    """The message with one to four things done to it. CRLF stays CRLF: no bare CR, LF, NUL."""
    for _ in range(times or random.randint(1, 4)):
        message = random.choice(_DAMAGES)(random, message)
    return with_crlf(message)


def with_crlf(message: bytes) -> bytes:
    """The same lines, each ended by CRLF; bare CRs are gone."""
    return message.replace(b"\r", b"").replace(b"\n", b"\r\n")


def with_bare_line_feeds(random: Random, message: bytes) -> bytes:
    """Some or all of the lines ended by LF alone."""
    share = random.choice((0.1, 0.5, 1))
    pieces = message.split(b"\r\n")
    return (
        b"".join(piece + (b"\n" if random.random() < share else b"\r\n") for piece in pieces[:-1])
        + pieces[-1]
    )


def _span(random: Random, message: bytes) -> tuple[int, int]:
    start = random.randint(0, len(message))
    return start, min(len(message), start + random.choice((1, 2, 5, 20, 100)))


def _cut(random: Random, message: bytes) -> bytes:
    start, end = _span(random, message)
    return message[:start] + message[end:]


def _double(random: Random, message: bytes) -> bytes:
    start, end = _span(random, message)
    return message[:end] + message[start:end] * random.choice((1, 1, 3)) + message[end:]


def _move(random: Random, message: bytes) -> bytes:
    start, end = _span(random, message)
    piece, rest = message[start:end], message[:start] + message[end:]
    place = random.randint(0, len(rest))
    return rest[:place] + piece + rest[place:]


def _insert(random: Random, message: bytes) -> bytes:
    place = random.randint(0, len(message))
    return message[:place] + random.choice(_PIECES) + message[place:]


def _truncate(random: Random, message: bytes) -> bytes:
    return message[: random.randint(0, len(message))]


def _drop_line(random: Random, message: bytes) -> bytes:
    lines = message.splitlines(keepends=True)
    if lines:
        del lines[random.randrange(len(lines))]
    return b"".join(lines)


def _double_line(random: Random, message: bytes) -> bytes:
    lines = message.splitlines(keepends=True)
    if lines:
        place = random.randrange(len(lines))
        lines.insert(place, lines[place])
    return b"".join(lines)


def _swap_lines(random: Random, message: bytes) -> bytes:
    lines = message.splitlines(keepends=True)
    if lines:
        a, b = random.randrange(len(lines)), random.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def _fold(random: Random, message: bytes) -> bytes:
    place = random.randint(0, min(len(message), 600))
    return message[:place] + random.choice((b"\r\n ", b"\r\n\t", b"\r\n  ")) + message[place:]


def _overwrite(random: Random, message: bytes) -> bytes:
    if not message:
        return message
    place = random.randrange(len(message))
    octet = random.choice((b" ", b"-", b"\xe4", b'"', b"\n", b"a", b"=", b":"))
    return message[:place] + octet + message[place + 1 :]


_DAMAGES: Final = (
    _cut,
    _double,
    _move,
    _insert,
    _insert,
    _truncate,
    _drop_line,
    _double_line,
    _swap_lines,
    _fold,
    _overwrite,
)
