"""The contents of parts: RFC 5173 §5.2 and §5.3, RFC 5703 §7."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import parse
from sora.sieve.contents import of_text, of_types, transcoded, walk

NESTED = (
    b"From: Whomever\r\n"
    b"Content-Type: multipart/mixed; boundary=outer\r\n"
    b"\r\n"
    b"This is a multi-part message in MIME format.\r\n"
    b"\r\n"
    b"--outer\r\n"
    b"Content-Type: multipart/alternative; boundary=inner\r\n"
    b"\r\n"
    b"This is a nested multi-part message in MIME format.\r\n"
    b"\r\n"
    b"--inner\r\n"
    b'Content-Type: text/plain; charset="us-ascii"\r\n'
    b"\r\n"
    b"Hello\r\n"
    b"\r\n"
    b"--inner\r\n"
    b'Content-Type: text/html; charset="us-ascii"\r\n'
    b"\r\n"
    b"<html><body>Hello</body></html>\r\n"
    b"\r\n"
    b"--inner--\r\n"
    b"\r\n"
    b"This is the end of the inner MIME multipart.\r\n"
    b"\r\n"
    b"--outer\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"From: Someone Else\r\n"
    b"Subject: hello request\r\n"
    b"\r\n"
    b"Please say Hello\r\n"
    b"\r\n"
    b"--outer--\r\n"
    b"\r\n"
    b"This is the end of the outer MIME multipart.\r\n"
)
"""The example of RFC 5173 §5.2"""

OUTER_PROLOGUE = "This is a multi-part message in MIME format.\r\n"
OUTER_EPILOGUE = "\r\nThis is the end of the outer MIME multipart.\r\n"
INNER_PROLOGUE = "This is a nested multi-part message in MIME format.\r\n"
INNER_EPILOGUE = "\r\nThis is the end of the inner MIME multipart.\r\n"
HTML = "<html><body>Hello</body></html>\r\n"
HEADER = "From: Someone Else\r\nSubject: hello request\r\n\r\n"
PLEASE = "Please say Hello\r\n"


def message(kind: bytes, body: bytes, encoding: bytes = b"7bit") -> bytes:
    head = b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (kind, encoding)
    return head + body


class TypeTests(SynchronousTestCase):
    def test_the_example_of_the_rfc(self) -> None:
        around = [OUTER_PROLOGUE, OUTER_EPILOGUE, INNER_PROLOGUE, INNER_EPILOGUE]
        for kind, expected in (
            ("multipart", around),
            ("multipart/alternative", around[2:]),
            ("text/plain", ["Hello\r\n", PLEASE]),
            ("text/html", [HTML]),
            ("TEXT/HTML", [HTML]),
            ("text", ["Hello\r\n", HTML, PLEASE]),
            ("message/rfc822", [HEADER]),
            ("message", [HEADER]),
            ("", [*around, "Hello\r\n", HTML, HEADER, PLEASE]),
            ("audio", []),
            ("/", []),
            ("text/", []),
            ("/plain", []),
            ("text/plain/x", []),
        ):
            self.assertEqual(list(of_types(NESTED, parse(NESTED), [kind])), expected, kind)

    def test_several_types(self) -> None:
        found = of_types(NESTED, parse(NESTED), ["audio", "text/html", "message"])
        self.assertEqual(list(found), [HTML, HEADER])

    def test_containers_without_anything_around(self) -> None:
        """An empty key tells whether there is such a part (RFC 5173 §5.2)."""
        for body, expected in (
            (b"--b\r\n\r\nx\r\n--b--\r\n", ["", ""]),
            (b"--b\r\n\r\nx\r\n--b--", [""]),
            (b"--b\r\n\r\nx\r\n", [""]),
            (b"\r\n--b\r\n\r\nx\r\n--b--\r\n", ["", ""]),
            (b"nothing", [""]),
            (b"", [""]),
        ):
            data = message(b"multipart/mixed; boundary=b", body)
            self.assertEqual(list(of_types(data, parse(data), ["multipart"])), expected, body)

    def test_decoding(self) -> None:
        for kind, encoding, body, expected in (
            (b"text/plain; charset=utf-8", b"8bit", "für".encode(), "für"),
            (b"text/plain; charset=iso-8859-1", b"quoted-printable", b"f=FCr", "für"),
            (b"text/plain; charset=utf-8", b"base64", b"ZsO8cg==", "für"),
            (b"text/plain; charset=x-nothing", b"8bit", "für".encode(), "für"),
            (b"application/octet-stream", b"base64", b"QUJD", "ABC"),
            (b"text/plain", b"x-unknown", b"as it is", "as it is"),
            (b"text/plain", b"7bit", b"a\0b", "ab"),
        ):
            data = message(kind, body, encoding)
            self.assertEqual(list(of_types(data, parse(data), [""])), [expected], kind)


class TextTests(SynchronousTestCase):
    def test_what_a_reader_sees(self) -> None:
        self.assertEqual(list(of_text(NESTED, parse(NESTED))), ["Hello\r\n", "Hello", PLEASE])

    def test_nothing_but_text(self) -> None:
        data = message(b"image/png", b"text")
        self.assertEqual(list(of_text(data, parse(data))), [])


class TranscodedTests(SynchronousTestCase):
    def test_into_unicode_or_nothing(self) -> None:
        """RFC 5703 §7: what is not known or not valid is empty."""
        for kind, encoding, body, expected in (
            (b"text/plain; charset=utf-8", b"8bit", "für".encode(), "für"),
            (b"text/plain; charset=iso-8859-1", b"quoted-printable", b"f=FCr", "für"),
            (b"text/plain", b"7bit", b"plain", "plain"),
            (b"text/plain; charset=x-nothing", b"8bit", b"text", ""),
            (b"text/plain; charset=utf-8", b"8bit", b"f\xfcr", ""),
            (b"text/plain", b"x-unknown", b"as it is", ""),
        ):
            data = message(kind, body, encoding)
            self.assertEqual(transcoded(data, parse(data), 100), expected, kind)

    def test_a_limit(self) -> None:
        data = message(b"text/plain; charset=utf-8", "äöüß".encode(), b"8bit")
        self.assertEqual(transcoded(data, parse(data), 3), "äöü")


class WalkTests(SynchronousTestCase):
    def test_depth_first(self) -> None:
        kinds = [part.type.kind.decode() for part in walk(parse(NESTED))]
        self.assertEqual(
            kinds,
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "message/rfc822",
                "text/plain",
            ],
        )
