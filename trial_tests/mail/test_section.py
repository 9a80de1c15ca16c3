"""Sections, compared with the message as a whole."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail import section
from sora.mail.facts import derive
from sora.mail.headers import selected
from sora.mail.message import Part, parse
from sora.mail.section import Extent, Section, locate, render
from trial_tests.mail.test_message import nonsense
from trial_tests.support.messages import SHAPES, crlf, sample_messages
from trial_tests.support.properties import SETTINGS

TRACE = b"Return-Path: <a@example.com>\r\nReceived: from x\r\n\tby y; today\r\n"

# RFC 3501 §6.4.5: the message of the example of part specifiers.
EXAMPLE = crlf(
    "Subject: outer\nContent-Type: MULTIPART/MIXED; boundary=a\n\n"
    "--a\nContent-Type: TEXT/PLAIN\n\npart 1\n"
    "--a\nContent-Type: APPLICATION/OCTET-STREAM\n\npart 2\n"
    "--a\nContent-Type: MESSAGE/RFC822\n\n"
    "Subject: part 3\nContent-Type: MULTIPART/MIXED; boundary=b\n\n"
    "--b\nContent-Type: TEXT/PLAIN\n\npart 3.1\n"
    "--b\nContent-Type: APPLICATION/OCTET-STREAM\n\npart 3.2\n--b--\n"
    "--a\nContent-Type: MULTIPART/MIXED; boundary=c\n\n"
    "--c\nContent-Type: IMAGE/GIF\n\npart 4.1\n"
    "--c\nContent-Type: MESSAGE/RFC822\n\n"
    "Subject: part 4.2\nContent-Type: MULTIPART/MIXED; boundary=d\n\n"
    "--d\nContent-Type: TEXT/PLAIN\n\npart 4.2.1\n"
    "--d\nContent-Type: MULTIPART/ALTERNATIVE; boundary=e\n\n"
    "--e\nContent-Type: TEXT/PLAIN\n\npart 4.2.2.1\n"
    "--e\nContent-Type: TEXT/RICHTEXT\n\npart 4.2.2.2\n--e--\n"
    "--d--\n--c--\n--a--\n"
)


def cut(content: bytes, wanted: Section, trace: bytes = b"") -> bytes | None:
    """A section the way it is read from storage: only the octets of its extent are read."""
    facts = derive(content)
    extent = locate(wanted, facts.parts)
    data = None if extent is None else content[extent.start : extent.end]
    return render(wanted, trace, facts.header, facts.parts, data)


def text(path: str, what: str = "", *fields: str) -> Section:
    return Section(tuple(int(number) for number in path.split(".") if number), what, fields)


class ExampleTests(SynchronousTestCase):
    def test_parts_are_numbered_as_the_rfc_says(self) -> None:
        for path in ("1", "2", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"):
            with self.subTest(path):
                self.assertEqual(cut(EXAMPLE, text(path)), b"part " + path.encode())

    def test_headers_and_texts_of_messages_inside(self) -> None:
        for path, what, begin, end in (
            ("3", "HEADER", b"Subject: part 3\r\n", b"boundary=b\r\n\r\n"),
            ("3", "TEXT", b"--b\r\n", b"--b--"),
            ("3", "", b"Subject: part 3\r\n", b"--b--"),
            ("4.2", "HEADER", b"Subject: part 4.2\r\n", b"boundary=d\r\n\r\n"),
            ("4.2", "TEXT", b"--d\r\n", b"--d--"),
            ("4.1", "MIME", b"Content-Type: IMAGE/GIF\r\n", b"\r\n\r\n"),
            ("4", "MIME", b"Content-Type: MULTIPART/MIXED; boundary=c\r\n", b"\r\n\r\n"),
            ("4", "", b"--c\r\n", b"--c--"),
            ("", "HEADER", b"Subject: outer\r\n", b"boundary=a\r\n\r\n"),
            ("", "TEXT", b"--a\r\n", b"--a--\r\n"),
        ):
            with self.subTest(path=path, what=what):
                found = cut(EXAMPLE, text(path, what)) or b""
                self.assertTrue(found.startswith(begin) and found.endswith(end), found)

    def test_header_fields_of_messages_inside(self) -> None:
        self.assertEqual(
            cut(EXAMPLE, text("4.2", "HEADER.FIELDS", "SUBJECT")), b"Subject: part 4.2\r\n\r\n"
        )
        self.assertEqual(
            cut(EXAMPLE, text("3", "HEADER.FIELDS.NOT", "content-type")),
            b"Subject: part 3\r\n\r\n",
        )

    def test_what_is_not_there_is_nothing(self) -> None:
        """G32: never the whole message."""
        for path, what in (
            ("5", ""),
            ("0", ""),
            ("1.1", ""),
            ("3.3", ""),
            ("3.1.1", ""),
            ("4.2.2.3", ""),
            ("1", "HEADER"),
            ("1", "TEXT"),
            ("4", "HEADER"),
            ("9", "MIME"),
            ("9", "HEADER.FIELDS"),
            ("4294967295", ""),
        ):
            with self.subTest(path=path, what=what):
                self.assertIsNone(cut(EXAMPLE, text(path, what, "subject"), TRACE))

    def test_a_message_that_is_no_multipart_has_one_part(self) -> None:
        content = SHAPES["plain"]
        self.assertEqual(cut(content, text("1"), TRACE), b"Hello,\r\nworld.\r\n")
        self.assertEqual(
            cut(content, text("1", "MIME"), TRACE), cut(content, text("", "HEADER"), TRACE)
        )
        for path in ("2", "1.1"):
            self.assertIsNone(cut(content, text(path)))

    def test_a_message_that_is_a_message(self) -> None:
        content = SHAPES["message as body"]
        self.assertEqual(cut(content, text("1.1")), b"in text\r\n")
        self.assertEqual(cut(content, text("1", "TEXT")), b"in text\r\n")
        self.assertEqual(
            cut(content, text("1", "HEADER.FIELDS", "subject")), b"Subject: in\r\n\r\n"
        )

    def test_the_trace_belongs_to_the_message_and_to_its_header(self) -> None:
        content = SHAPES["plain"]
        self.assertEqual(cut(content, text(""), TRACE), TRACE + content)
        self.assertEqual(
            cut(content, text("", "HEADER.FIELDS", "return-path", "message-id"), TRACE),
            b"Return-Path: <a@example.com>\r\nMessage-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n",
        )
        self.assertEqual(cut(content, text("", "TEXT"), TRACE), b"Hello,\r\nworld.\r\n")

    def test_the_whole_message_is_its_whole_extent(self) -> None:
        self.assertEqual(locate(Section(), derive(EXAMPLE).parts), Extent(0, len(EXAMPLE)))
        self.assertIsNone(locate(text("", "HEADER"), derive(EXAMPLE).parts))

    def test_sizes_are_known_without_reading(self) -> None:
        parts = derive(EXAMPLE).parts
        for path in ("", "1", "3", "4.2.2.1", "7"):
            found = cut(EXAMPLE, text(path), TRACE) or b""
            self.assertEqual(section.size(text(path), len(TRACE), parts), len(found))


# ------------------------------------------------------------------ the naive way


def naive(whole: bytes, wanted: Section) -> bytes | None:
    """A section cut out of the concatenated octets, by walking the tree of them."""
    root = parse(whole)
    part: Part = root
    holds = root  # the message whose parts are counted
    for number in wanted.path:
        if part.message is not None and part is not holds:
            part = holds = part.message
        if part.parts:
            if not 1 <= number <= len(part.parts):
                return None
            part = part.parts[number - 1]
        elif part is holds and number == 1:
            holds = Part(0, 0, 0, [], part.type, 0)
        else:
            return None
    if wanted.what == "MIME":
        return whole[part.start : part.body]
    if wanted.what == "":
        return whole[part.body : part.end] if wanted.path else whole
    message = part.message if wanted.path else root
    if message is None:
        return None
    if wanted.what == "TEXT":
        return whole[message.body : message.end]
    block = whole[message.start : message.body]
    if wanted.what == "HEADER":
        return block
    return selected(block, wanted.fields, wanted.what == "HEADER.FIELDS.NOT")


def paths(part: Part, prefix: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Numbers of all parts, and of some that are not there."""
    found = [prefix, (*prefix, 1), (*prefix, 2), (*prefix, 1, 1)]
    for number, inner in enumerate(part.parts, start=1):
        found += paths(inner, (*prefix, number))
    if part.message is not None:
        found += paths(part.message, prefix or (1,))
    return found


class WholeMessageTests(SynchronousTestCase):
    """Trace and content apart give the same as both together."""

    def assert_same(self, content: bytes, trace: bytes) -> None:
        whole = trace + content
        facts, both = derive(content), derive(whole)
        self.assertEqual(both.size, facts.size + len(trace))
        self.assertEqual(both.size_crlf, facts.size_crlf + len(trace))
        self.assertEqual(both.header, trace + facts.header)
        self.assertEqual(both.envelope, facts.envelope)
        self.assertEqual(both.structure, facts.structure)
        self.assertEqual(both.text_body, facts.text_body)
        for path in set(paths(parse(content))):
            for what in section._HEADERS + ("", "TEXT", "MIME"):
                if what == "MIME" and not path:
                    continue
                fields = ("subject", "Received", "content-type") if "FIELDS" in what else ()
                wanted = Section(path, what, fields)
                self.assertEqual(cut(content, wanted, trace), naive(whole, wanted), wanted)

    def test_every_section_of_every_shape(self) -> None:
        for name, content in SHAPES.items():
            with self.subTest(name):
                self.assert_same(content, TRACE)
                self.assert_same(content, b"")

    def test_every_section_of_generated_messages(self) -> None:
        for content in sample_messages(60, 11):
            self.assert_same(content, TRACE)

    @SETTINGS
    @given(nonsense, st.sampled_from([b"", TRACE]))
    def test_every_section_of_anything(self, content: bytes, trace: bytes) -> None:
        self.assert_same(content, trace)
