"""BODYSTRUCTURE and BODY, as the RFCs show them."""

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import parse
from sora.mail.structure import basic, extended
from trial_tests.mail.test_message import nonsense
from trial_tests.support.messages import SHAPES, crlf, deep_message, sample_messages, wide_message
from trial_tests.support.properties import SETTINGS

PLAIN = b'"TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT"'


def structure(data: bytes) -> bytes:
    return extended(parse(data), data)


def lines(count: int, size: int) -> str:
    """`count` lines of `size` octets together, when each line feed becomes CRLF."""
    return "\n" * (count - 1) + "x" * (size - 2 * count) + "\n"


class BodyStructureTests(SynchronousTestCase):
    def test_the_examples_of_the_rfc(self) -> None:
        """RFC 3501 §7.4.2: the sizes are those of the examples."""
        single = crlf(
            "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\nContent-Transfer-Encoding: 7BIT\n\n"
            + lines(48, 2279)
        )
        self.assertEqual(basic(structure(single)), b"(" + PLAIN + b" 2279 48)")
        mixed = crlf(
            "Content-Type: MULTIPART/MIXED; BOUNDARY=b\n\n--b\n"
            "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\n" + lines(23, 1152) + "\n--b\n"
            "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=cc.diff\n"
            "Content-ID: <960723163407.20117h@cac.washington.edu>\n"
            "Content-Description: Compiler diff\nContent-Transfer-Encoding: BASE64\n\n"
            + lines(73, 4554)
            + "\n--b--\n"
        )
        self.assertEqual(
            basic(structure(mixed)),
            b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
            b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") '
            b'"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 4554 73) "MIXED")',
        )

    def test_extension_data(self) -> None:
        """RFC 3501 §7.4.2: MD5, disposition, language, location; parameters as they were sent,
        but for continuations (RFC 2231 §6)."""
        self.assertEqual(
            structure(SHAPES["attachments"]),
            b'((("text" "html" NIL NIL NIL "7BIT" 24 0 NIL NIL NIL NIL)'
            b'("image" "gif" ("name" "one.gif") "<one@example>" NIL "base64" 20 '
            b'"Q2hlY2sgSW50ZWdyaXR5IQ==" ("inline" ("filename" "one.gif")) NIL NIL) '
            b'"related" ("boundary" "inner" "type" "text/html") NIL NIL NIL)'
            b'("application" "pdf" NIL NIL "the contract" "base64" 12 NIL '
            b'("attachment" ("filename*" "utf-8\'\'Gr%C3%BCsse.pdf")) '
            b'("en" "de") "http://example.com/contract") '
            b'"mixed" ("boundary" "outer") NIL NIL NIL)',
        )

    def test_a_message_in_a_message_has_its_envelope_structure_and_lines(self) -> None:
        inner = (
            b'(NIL "in" ((NIL NIL "in" "example.com")) ((NIL NIL "in" "example.com")) '
            b'((NIL NIL "in" "example.com")) NIL NIL NIL NIL NIL)'
        )
        self.assertEqual(
            structure(SHAPES["message as body"]),
            b'("message" "rfc822" NIL NIL NIL "7BIT" 46 '
            + inner
            + b" ("
            + PLAIN
            + b" 9 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)",
        )
        self.assertEqual(
            basic(structure(SHAPES["message as body"])),
            b'("message" "rfc822" NIL NIL NIL "7BIT" 46 ' + inner + b" (" + PLAIN + b" 9 1) 4)",
        )

    def test_parts_of_a_digest_are_messages(self) -> None:
        """RFC 2046 §5.1.5."""
        found = structure(SHAPES["digest"])
        self.assertTrue(
            found.startswith(b'(("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 51 (NIL "first" ')
        )
        self.assertIn(b'("text" "plain" NIL NIL NIL "7BIT" 13 0 NIL NIL NIL NIL) "digest"', found)

    def test_broken_multiparts_show_their_text(self) -> None:
        """G32: the grammar of RFC 3501 knows no multipart without parts."""
        for name, size, count in (
            ("missing boundary", 20, 4),
            ("boundary never used", 11, 1),
            ("empty multipart", 7, 1),
        ):
            with self.subTest(name):
                self.assertEqual(
                    structure(SHAPES[name]).partition(b' "mixed"')[0],
                    b"((%s %d %d NIL NIL NIL NIL)" % (PLAIN, size, count),
                )

    def test_what_is_no_content_type_is_text(self) -> None:
        found = structure(SHAPES["bad content types"])
        self.assertTrue(found.startswith(b"((" + PLAIN + b" 3 0 "))
        self.assertIn(b'("name" "a\\"b\\\\c" "x" "y")', found)

    def test_parameters_with_any_octets_are_literals(self) -> None:
        data = b'Content-Type: a/b; name="\xc3\xa9"; x="(\\")"\r\n\r\n'
        found = structure(data)
        self.assertEqual(
            found,
            b'("a" "b" ("name" {2}\r\n\xc3\xa9 "x" "(\\")") NIL NIL "7BIT" 0 NIL NIL NIL NIL)',
        )
        self.assertEqual(
            basic(found), b'("a" "b" ("name" {2}\r\n\xc3\xa9 "x" "(\\")") NIL NIL "7BIT" 0)'
        )


class BasicTests(SynchronousTestCase):
    def test_it_is_what_is_left_without_extension_data(self) -> None:
        for data in (
            *SHAPES.values(),
            *sample_messages(100, 5),
            deep_message(99),
            wide_message(500),
        ):
            full, short = read_wire(structure(data)), read_wire(basic(structure(data)))
            self.assertEqual(short, without_extension(full))

    @SETTINGS
    @given(nonsense)
    def test_any_structure_can_be_shortened(self, data: bytes) -> None:
        full, short = read_wire(structure(data)), read_wire(basic(structure(data)))
        self.assertEqual(short, without_extension(full))


Wire = list["Wire"] | bytes


def read_wire(data: bytes) -> Wire:
    """Wire text as nested lists, read the slow and simple way."""
    value, end = _read(data, 0)
    assert end == len(data), data[end:]
    return value


def _read(data: bytes, place: int) -> tuple[Wire, int]:
    if data[place : place + 1] == b"(":
        found: list[Wire] = []
        place += 1
        while data[place : place + 1] != b")":
            if found and data[place : place + 1] == b" ":
                place += 1
            value, place = _read(data, place)
            found.append(value)
        return found, place + 1
    if data[place : place + 1] == b'"':
        end = place + 1
        while data[end : end + 1] != b'"':
            end += 2 if data[end : end + 1] == b"\\" else 1
        return data[place : end + 1], end + 1
    if data[place : place + 1] == b"{":
        close = data.index(b"}\r\n", place)
        end = close + 3 + int(data[place + 1 : close])
        return data[close + 3 : end], end
    end = place
    while data[end : end + 1] not in (b" ", b")", b"(", b""):
        end += 1
    assert end > place
    return data[place:end], end


def without_extension(body: Wire) -> Wire:
    """RFC 3501 §9: body-type-mpart, body-type-basic, -msg, -text without their ext parts."""
    assert isinstance(body, list)
    if isinstance(body[0], list):
        parts = [without_extension(one) for one in body if isinstance(one, list) and is_body(one)]
        kept = [one for one in body if isinstance(one, bytes)]
        return [*parts, kept[0]]
    assert isinstance(body[0], bytes) and isinstance(body[1], bytes)
    if body[0].upper() == b'"TEXT"':
        return body[:8]
    if (body[0] + body[1]).upper() == b'"MESSAGE""RFC822"':
        return [*body[:8], without_extension(body[8]), body[9]]
    return body[:7]


def is_body(value: list[Wire]) -> bool:
    """A body has many elements, or a body first; parameters and dispositions do not."""
    if not value:
        return False
    if isinstance(value[0], list):
        return is_body(value[0])
    return len(value) >= 7 and isinstance(value[6], bytes) and value[6].isdigit()
