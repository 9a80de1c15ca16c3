"""Messages to test with: named shapes made by hand, and any number of generated ones.

`SHAPES` holds one message of each shape that the MIME reader must understand, or survive.
`sample_messages(count, seed)` makes a mailbox of them, always the same for the same seed, no
two messages alike. With `wire_safe`, only messages that any client can append and fetch again:
CRLF line ends, no NUL, no header beyond 998 octets a line.
"""

import base64
import quopri
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from random import Random
from typing import Final

WORDS: Final = [
    "about",
    "account",
    "address",
    "agenda",
    "answer",
    "archive",
    "attached",
    "autumn",
    "balance",
    "before",
    "board",
    "book",
    "bridge",
    "budget",
    "calendar",
    "charge",
    "coffee",
    "contract",
    "copy",
    "corner",
    "date",
    "delivery",
    "document",
    "door",
    "draft",
    "early",
    "estimate",
    "evening",
    "example",
    "figure",
    "final",
    "flight",
    "forward",
    "garden",
    "green",
    "hotel",
    "house",
    "idea",
    "invoice",
    "island",
    "journey",
    "july",
    "kitchen",
    "ladder",
    "later",
    "letter",
    "light",
    "list",
    "meeting",
    "memory",
    "minute",
    "monday",
    "morning",
    "mountain",
    "music",
    "network",
    "notes",
    "number",
    "offer",
    "office",
    "open",
    "order",
    "paper",
    "party",
    "payment",
    "people",
    "phone",
    "picture",
    "plan",
    "please",
    "price",
    "project",
    "quarter",
    "question",
    "quick",
    "receipt",
    "reminder",
    "report",
    "river",
    "room",
    "schedule",
    "second",
    "server",
    "signed",
    "station",
    "street",
    "summer",
    "support",
    "table",
    "tender",
    "thanks",
    "ticket",
    "today",
    "tomorrow",
    "train",
    "travel",
    "update",
    "version",
    "visit",
    "water",
    "week",
    "window",
    "winter",
    "world",
    "yellow",
    "yesterday",
]
FOREIGN: Final = (
    "Grüße aus München",
    "déjà vu à l'été",
    "Привет из Москвы",
    "こんにちは世界",
    "안녕하세요",
    "שלום עולם",
    "مرحبا بالعالم",
    "你好，世界",
    "Ελληνικά κείμενα",
    "žluťoučký kůň",
    "Smørrebrød på øl",
    "ﬁne ligature, Ⅷ, ①",
    "naïve café 😀",
)
PEOPLE: Final = (
    ("Alice Example", "alice@example.com"),
    ("Bob Builder", "bob@example.org"),
    ("Carol", "carol@example.net"),
    ("Dan O'Neil", "dan.oneil@example.com"),
    ("Erika Mustermann", "erika@example.de"),
    ("", "noreply@shop.example"),
    ("List Owner", "owner@lists.example.org"),
    ("Frank (Sales)", "frank+sales@example.com"),
)


def crlf(text: str, charset: str = "utf-8") -> bytes:
    """Text written with line feeds -> octets with CRLF."""
    return text.replace("\n", "\r\n").encode(charset)


_HEAD: Final = """\
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
Cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
"""

SHAPES: Final[dict[str, bytes]] = {
    "plain": crlf(_HEAD + "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\nHello,\nworld.\n"),
    "empty": b"",
    "only an empty line": b"\r\n",
    "only a body": b"\r\nThere is no header here.\r\n",
    "only a header": b"Subject: no empty line after me\r\nFrom: a@example.com\r\n",
    "no line end": b"Subject: cut off here",
    "not mail at all": b"hello world, this is no header\r\nnor is this\r\n",
    "empty body": crlf("From: a@example.com\nSubject: nothing\n\n"),
    "mbox line": crlf("From a@example.com Mon Jan  1 00:00:00 2024\nSubject: from mbox\n\nx\n"),
    "leading continuation": b" folded into nothing\r\nSubject: after it\r\n\r\nbody\r\n",
    "bare lf": b"From: a@example.com\nSubject: bare\n\twith a fold\n\nline one\nline two\n",
    "mixed line ends": b"From: a@example.com\r\nSubject: mixed\n\nline one\r\nline two\nthree\r\n",
    "bare cr": b"From: a@example.com\r\nSubject: a\rb\r\n\r\nbody\rwith\rcr\r\n",
    "nul": b"From: a@example.com\r\nSubject: nul\0here\r\n\r\nbody\0with\0nul\r\n",
    "8bit header": "From: Jörg <joerg@example.de>\r\nSubject: Grüße\r\n\r\nKörper\r\n".encode(),
    "latin1 header": "From: Jörg <j@example.de>\r\nSubject: Grüße\r\n\r\nK\r\n".encode("latin-1"),
    "encoded words": crlf(
        "From: =?UTF-8?Q?J=C3=B6rg_M=C3=BCller?= <joerg@example.de>\n"
        "To: =?iso-8859-1?q?Andr=E9?= <andre@example.fr>, =?utf-8?B?0J/RgNC40LLQtdGC?= <p@example.ru>\n"
        "Subject: =?UTF-8?B?R3LDvMOf?=\n =?UTF-8?B?ZSBhdXMgTcO8bmNoZW4=?=\n"
        "\nbody\n"
    ),
    "broken encoded words": crlf(
        "From: =?x-unknown?Q?=FF=FE?= <a@example.com>\n"
        "Subject: =?UTF-8?Q?What?_a_question?= =?utf-8?B?4pyT4pyT4p==?= =?utf-8?Q?open =?bad\n"
        "\nbody\n"
    ),
    "groups": crlf(
        "From: a@example.com\n"
        "To: A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;\n"
        "Cc: Undisclosed recipients:;\n\nbody\n"
    ),
    "odd addresses": crlf(
        "From: Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>\n"
        'To: "Joe Q. Public" <john.q.public@example.com>, <boss@nil.test>, "Giant; \\"Big\\" Box"\n'
        " <sysservices@example.net>, Mary Smith <@node.test,@other.test:mary@example.net>\n"
        'Cc: root, <>, , broken@, @nowhere, joe@[127.0.0.1], "un terminated <x@example.com>\n'
        "Bcc: old@example.com (Old Style)\n\nbody\n"
    ),
    "alternative": crlf(
        _HEAD + 'Content-Type: multipart/alternative; boundary="=_alt"\n\n'
        "This is a message in MIME.\n--=_alt\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe und eine sehr lange =\nZeile\n"
        "--=_alt\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
        "<html><head><style>p{}</style></head><body><p>Grüße &amp; <b>eine</b> Zeile</p></body></html>\n"
        "--=_alt--\nThe epilogue.\n"
    ),
    "attachments": crlf(
        _HEAD + "Content-Type: multipart/mixed;\n boundary=outer\n\n"
        '--outer\nContent-Type: multipart/related; boundary=inner; type="text/html"\n\n'
        "--inner\nContent-Type: text/html\n\n<img src=cid:one>Picture\n"
        "--inner\nContent-Type: image/gif; name=one.gif\nContent-ID: <one@example>\n"
        "Content-Transfer-Encoding: base64\nContent-Disposition: inline; filename=one.gif\n"
        "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n\nR0lGODlhAQABAAAAACw=\n--inner--\n\n"
        "--outer\nContent-Type: application/pdf\nContent-Description: the contract\n"
        "Content-Language: en, de\nContent-Location: http://example.com/contract\n"
        "Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC; filename*1=\"sse.pdf\"\n"
        "Content-Transfer-Encoding: base64\n\nJVBERi0xLjQK\n--outer--\n"
    ),
    "nested message": crlf(
        _HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below.\n"
        "--b\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\n"
        "From: inner@example.com\nTo: someone@example.com\nSubject: inner one\n"
        "Content-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: text/plain\n\ninner text\n"
        "--c\nContent-Type: message/rfc822\n\nSubject: innermost\n\ndeep text\n--c--\n\n--b--\n"
    ),
    "message as body": crlf(
        _HEAD + "Content-Type: message/rfc822\n\nFrom: in@example.com\nSubject: in\n\nin text\n"
    ),
    "digest": crlf(
        _HEAD + "Content-Type: multipart/digest; boundary=d\n\n--d\n\nFrom: one@example.com\n"
        "Subject: first\n\nfirst text\n--d\n\nFrom: two@example.com\nSubject: second\n\nsecond text\n"
        "--d\nContent-Type: text/plain\n\nnot a message\n--d--\n"
    ),
    "report": crlf(
        _HEAD + "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\n"
        "It was not delivered.\n--r\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; a@example.com\nAction: failed\n"
        "--r\nContent-Type: text/rfc822-headers\n\nSubject: lost\n--r--\n"
    ),
    "signed": crlf(
        _HEAD + "Content-Type: multipart/signed; micalg=pgp-sha256;\n"
        ' protocol="application/pgp-signature"; boundary="sig"\n\n--sig\n'
        "Content-Type: text/plain\n\nSigned text.\n-- \nA signature\n\n--sig\n"
        "Content-Type: application/pgp-signature; name=signature.asc\n\n"
        "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n--sig--\n"
    ),
    "calendar": crlf(
        _HEAD + "Content-Type: text/calendar; method=REQUEST; charset=utf-8\n\n"
        "BEGIN:VCALENDAR\nSUMMARY:Meeting\nEND:VCALENDAR\n"
    ),
    "missing boundary": crlf(_HEAD + "Content-Type: multipart/mixed\n\n--b\n\ntext\n--b--\n"),
    "boundary never used": crlf(_HEAD + "Content-Type: multipart/mixed; boundary=b\n\nonly text\n"),
    "unterminated multipart": crlf(
        _HEAD
        + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\nContent-Type: text/html"
    ),
    "empty multipart": crlf(_HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b--\n"),
    "empty parts": crlf(
        _HEAD
        + "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b\nX: y\n--b\n\n\n--b--\n"
    ),
    "inner never closed": crlf(
        _HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--b\n\nthree\n--b--\n"
    ),
    "same boundary twice": crlf(
        _HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n"
    ),
    "boundary with spaces": crlf(
        _HEAD + 'Content-Type: multipart/mixed; boundary="gc0p4Jq0M2Yt08j34c0p "\n\n'
        "--gc0p4Jq0M2Yt08j34c0p\t \n\npart\n--gc0p4Jq0M2Yt08j34c0p-- \n"
    ),
    "bad content types": crlf(
        _HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text\n\none\n"
        "--b\nContent-Type: ; charset=x\n\ntwo\n--b\nContent-Type: text/plain; charset\n\nthree\n"
        '--b\nContent-Type: text/plain; name="a\\"b\\\\c"; x=y (comment)\n\nfour\n'
        '--b\nContent-Type: text/plain; name="never closed\n\nfive\n--b--\n'
    ),
    "bad transfer encodings": crlf(
        _HEAD + "Content-Type: multipart/mixed; boundary=b\n\n"
        "--b\nContent-Transfer-Encoding: base64\n\n!!!SGVs*bG8\ngd29y\nbGQ\n"
        "--b\nContent-Transfer-Encoding: quoted-printable\n\n=zz =4 =\n"
        "--b\nContent-Transfer-Encoding: x-mystery\n\nplain\n--b--\n"
    ),
    "charsets": crlf(_HEAD + "Content-Type: multipart/mixed; boundary=b\n\n")
    + b"".join(
        b"--b\r\nContent-Type: text/plain; charset=%s\r\n\r\n%s\r\n" % (name.encode(), data)
        for name, data in (
            ("iso-2022-jp", "日本語".encode("iso2022_jp")),
            ("koi8-r", "Привет".encode("koi8-r")),
            ("gb2312", "你好".encode("gb2312")),
            ("windows-1252", "“quoted” – €".encode("cp1252")),
            ("x-nobody-knows", b"caf\xe9"),
            ("utf-8", b"bad \xff\xfe utf-8"),
        )
    )
    + b"--b--\r\n",
    "folded fields": crlf(
        "From: a@example.com\nSubject: a\n  very\n\tlong\n subject\n"
        "References: <one@example>\n <two@example>\n\t<three@example>\nIn-Reply-To: <three@example>\n"
        "X-Empty:\nX-Blank: \n \nX-Odd : space before the colon\n\nbody\n"
    ),
    "repeated fields": crlf(
        "From: a@example.com\nTo: b@example.com\nTo: c@example.com\nSubject: first\nSubject: second\n"
        "Date: Mon, 1 Jan 2024 00:00:00 +0000\nDate: Tue, 2 Jan 2024 00:00:00 +0000\n\nbody\n"
    ),
    "long lines": b"Subject: " + b"long " * 2000 + b"\r\n\r\n" + b"x" * 20000 + b"\r\n",
    "quotes and backslashes": crlf(
        'From: "A \\"B\\" \\\\ C" <a@example.com>\nSubject: "quoted" \\ back\n\nbody\n'
    ),
    "html only": crlf(
        _HEAD + "Content-Type: text/html; charset=utf-8\n\n<!DOCTYPE html><html><body>"
        "<!-- hidden --><script>var a='<b>';</script><p>One</p><p>Two&nbsp;&lt;three&gt;</p>"
        '<a href="http://example.com/?a>b">link</a><br>last <unclosed'
    ),
    "bad dates": crlf("From: a@example.com\nDate: 31 Feb 2024 25:61:00 +9999\n\nbody\n"),
    "sender and reply-to": crlf(
        "From: a@example.com\nSender: s@example.com\nReply-To: r@example.com\nTo:\n\nbody\n"
    ),
}
"""One message of each shape, by a name that says what is special about it."""


def deep_message(depth: int) -> bytes:
    """Multiparts in multiparts, `depth` levels, each with a boundary of its own."""
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )
    closing = b"".join(b"\r\n--b%d--\r\n" % level for level in reversed(range(depth)))
    return b"Subject: deep\r\n" + opening + b"Content-Type: text/plain\r\n\r\ndeep\r\n" + closing


def wide_message(parts: int) -> bytes:
    """One multipart with many small parts."""
    part = b"--b\r\nContent-Type: text/plain\r\n\r\nsmall\r\n"
    head = b"Subject: wide\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + part * parts + b"--b--\r\n"


def plain_message(size: int, seed: int = 1) -> bytes:
    """A message of text, with the header of an ordinary mail, of about `size` octets."""
    random = Random(seed)
    head = crlf(_common_header(random, seed) + "Content-Type: text/plain; charset=utf-8\n\n")
    return head + crlf(_prose(random, max(size - len(head), 0)))


def attachment_message(size: int, seed: int = 1) -> bytes:
    """A text and an attachment in base64, of about `size` octets together."""
    random = Random(seed)
    return crlf(
        _common_header(random, seed)
        + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        + _prose(random, 500)
        + "--b\nContent-Type: application/octet-stream; name=data.bin\n"
        "Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=data.bin\n\n"
        + base64.encodebytes(random.randbytes(size * 73 // 100)).decode()
        + "--b--\n"
    )


def sample_messages(count: int, seed: int, wire_safe: bool = False) -> list[bytes]:
    """A mailbox of many shapes, the same for the same seed; no two messages are alike."""
    random = Random(seed)
    messages = []
    for number in range(count):
        makers = _SAFE if wire_safe else _SAFE + _UNSAFE
        maker = makers[number % len(makers)] if number < len(makers) else random.choice(makers)
        messages.append(maker(random, number))
    return messages


# ------------------------------------------------------------------ pieces


def _words(random: Random, count: int) -> str:
    return " ".join(random.choice(WORDS) for _ in range(count))


def _prose(random: Random, size: int) -> str:
    lines = []
    written = 0
    while written < size:
        line = _words(random, random.randint(6, 11)).capitalize() + "."
        if random.random() < 0.2:
            line += "\n"
        lines.append(line)
        written += len(line) + 2
    return "\n".join(lines)[: max(size - 2, 0)] + "\n"


def _encoded(text: str, random: Random) -> str:
    """Encoded words (RFC 2047), each short enough for a line."""
    words = []
    for start in range(0, len(text), 12):
        data = text[start : start + 12].encode()
        if random.random() < 0.5:
            words.append(f"=?utf-8?B?{base64.b64encode(data).decode()}?=")
        else:
            quoted = "".join(f"={octet:02X}" for octet in data)
            words.append(f"=?UTF-8?Q?{quoted}?=")
    return "\n ".join(words)


def _person(random: Random) -> str:
    if random.random() < 0.1:
        return f"{_encoded(random.choice(FOREIGN), random)} <p{random.randint(1, 99)}@example.net>"
    name, address = random.choice(PEOPLE)
    if not name:
        return address
    return (
        f'"{name}" <{address}>' if "(" in name or random.random() < 0.3 else f"{name} <{address}>"
    )


def _common_header(random: Random, number: int) -> str:
    zone = timezone(timedelta(minutes=random.choice((-480, -300, 0, 60, 120, 330, 540))))
    when = datetime(2024, 1, 1, tzinfo=zone) + timedelta(minutes=random.randint(0, 800000))
    subject = _words(random, random.randint(2, 7)).capitalize()
    if random.random() < 0.3:
        subject = "Re: " + subject
    if random.random() < 0.15:
        subject = _encoded(random.choice(FOREIGN), random)
    fields = [
        f"Received: from mx{random.randint(1, 9)}.example.org by mx.example.com with ESMTPS\n"
        f"\tid {random.getrandbits(48):012x}; {format_datetime(when)}",
        f"Date: {format_datetime(when)}",
        f"From: {_person(random)}",
        f"To: {', '.join(_person(random) for _ in range(random.randint(1, 3)))}",
        f"Subject: {subject}",
        f"Message-ID: <{number}.{random.getrandbits(64):016x}@example.com>",
        "MIME-Version: 1.0",
    ]
    if random.random() < 0.3:
        fields.append(f"Cc: {_person(random)}")
    if random.random() < 0.3:
        ids = " ".join(f"<{random.getrandbits(32):08x}@example.com>" for _ in range(3))
        fields.append(f"References: {ids}\nIn-Reply-To: {ids.split()[-1]}")
    return "\n".join(fields) + "\n"


def _boundary(random: Random) -> str:
    return f"=_{random.getrandbits(64):016x}"


def _text_part(random: Random) -> str:
    if random.random() < 0.3:
        text = f"{random.choice(FOREIGN)}\n{_prose(random, 300)}"
        quoted = quopri.encodestring(text.encode()).decode()
        return (
            "Content-Type: text/plain; charset=utf-8\n"
            f"Content-Transfer-Encoding: quoted-printable\n\n{quoted}"
        )
    return (
        f"Content-Type: text/plain; charset=us-ascii\n\n{_prose(random, random.randint(50, 3000))}"
    )


def _html_part(random: Random) -> str:
    paragraphs = "".join(f"<p>{_words(random, 12)}</p>\n" for _ in range(random.randint(1, 8)))
    return (
        "Content-Type: text/html; charset=utf-8\n\n<html><head><title>x</title></head>"
        f"<body>\n{paragraphs}</body></html>\n"
    )


def _attachment_part(random: Random) -> str:
    data = base64.encodebytes(random.randbytes(random.randint(10, 6000))).decode()
    name = random.choice(("report.pdf", "photo one.jpg", "data.bin", "a.zip"))
    return (
        f'Content-Type: application/octet-stream; name="{name}"\n'
        "Content-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment; filename="{name}"\n\n{data}'
    )


def _joined(subtype: str, parts: list[str], random: Random) -> str:
    boundary = _boundary(random)
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{subtype}; boundary="{boundary}"\n\n{body}--{boundary}--\n'


def _plain(random: Random, number: int) -> bytes:
    return crlf(_common_header(random, number) + _text_part(random))


def _html(random: Random, number: int) -> bytes:
    return crlf(_common_header(random, number) + _html_part(random))


def _alternative_part(random: Random) -> str:
    return _joined("alternative", [_text_part(random), _html_part(random)], random)


def _alternative(random: Random, number: int) -> bytes:
    return crlf(_common_header(random, number) + _alternative_part(random))


def _mixed_text(random: Random, number: int) -> str:
    parts = [random.choice((_text_part, _alternative_part))(random)]
    parts += [_attachment_part(random) for _ in range(random.randint(1, 3))]
    return _common_header(random, number) + _joined("mixed", parts, random)


def _mixed(random: Random, number: int) -> bytes:
    return crlf(_mixed_text(random, number))


def _forwarded(random: Random, number: int) -> bytes:
    inner = "Content-Type: message/rfc822\n\n" + _mixed_text(random, number)
    return crlf(
        _common_header(random, number) + _joined("mixed", [_text_part(random), inner], random)
    )


def _digest(random: Random, number: int) -> bytes:
    messages = ["\n" + _common_header(random, number) + _text_part(random) for _ in range(3)]
    return crlf(_common_header(random, number) + _joined("digest", messages, random))


def _latin1(random: Random, number: int) -> bytes:
    head = _common_header(random, number) + "Content-Type: text/plain; charset=iso-8859-1\n"
    return crlf(head + "Content-Transfer-Encoding: 8bit\n\nGrüße, naïve café\n", "latin-1")


def _raw_8bit(random: Random, number: int) -> bytes:
    return crlf(f"X-Note: {random.choice(FOREIGN)}\n{_common_header(random, number)}\nGrüße\n")


def _no_body(random: Random, number: int) -> bytes:
    return crlf(_common_header(random, number) + "\n")


def _shape(random: Random, number: int) -> bytes:
    names = sorted(name for name in SHAPES if _wire_safe(SHAPES[name]))
    return b"X-Number: %d\r\n" % number + SHAPES[random.choice(names)]


def _wire_safe(message: bytes) -> bool:
    head = message.partition(b"\r\n\r\n")[0]
    return (
        b"\r\n\r\n" in message
        and b"\0" not in message
        and message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
        and not message.startswith((b" ", b"\r", b"From "))
        and all(len(line) <= 998 for line in head.split(b"\r\n"))
    )


def _bare_lf(random: Random, number: int) -> bytes:
    return _mixed(random, number).replace(b"\r\n", b"\n")


def _with_nul(random: Random, number: int) -> bytes:
    return _plain(random, number) + b"after\0nul\r\n"


def _unsafe_shape(random: Random, number: int) -> bytes:
    names = sorted(SHAPES)
    return b"X-Number: %d\r\n" % number + SHAPES[random.choice(names)]


_Maker = Callable[[Random, int], bytes]
_SAFE: Final[tuple[_Maker, ...]] = (
    _plain,
    _html,
    _alternative,
    _mixed,
    _forwarded,
    _digest,
    _latin1,
    _raw_8bit,
    _no_body,
    _shape,
)
_UNSAFE: Final[tuple[_Maker, ...]] = (_bare_lf, _with_nul, _unsafe_shape)
