"""The tree of a message: parts and their offsets."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import MAX_DEPTH, MAX_PARTS, Part, parse
from trial_tests.support.messages import SHAPES, crlf, deep_message, sample_messages, wide_message
from trial_tests.support.properties import SETTINGS


def outline(part: Part, data: bytes) -> object:
    """A part as nested lists of types and bodies, to compare with what a reader expects."""
    if part.parts:
        return [part.type.kind.decode(), *[outline(inner, data) for inner in part.parts]]
    if part.message is not None:
        return ("message", outline(part.message, data))
    return data[part.body : part.end].decode("latin-1").replace("\r\n", "\n")


def every_part(part: Part) -> list[Part]:
    inner = part.parts or ([part.message] if part.message else [])
    return [part, *[found for one in inner for found in every_part(one)]]


FRAGMENTS = (
    "Content-Type: multipart/mixed; boundary=b\n",
    "Content-Type: multipart/digest; boundary=b-\n",
    "Content-Type: message/rfc822\n",
    "Content-Type: text/plain\n",
    "Content-Transfer-Encoding: base64\n",
    "Subject: x\n",
    "To: a@b,\n",
    " folded\n",
    "\n",
    "\r\n",
    "\r\n--b\r\n",
    "\n--b\n",
    "--b\n",
    "--b--\n",
    "\n--b---\n",
    "\n--b- \n",
    "--b",
    "text",
    "--",
    "\0",
    "é",
)
nonsense = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(
    lambda all_: "".join(all_).encode()
)


class MessageTests(SynchronousTestCase):
    def assert_outline(self, name: str, expected: object) -> None:
        data = SHAPES[name]
        self.assertEqual(outline(parse(data), data), expected)

    def test_multiparts_are_taken_apart(self) -> None:
        """RFC 2046 §5.1: the line end before a delimiter belongs to the delimiter."""
        self.assert_outline(
            "attachments",
            [
                "multipart/mixed",
                ["multipart/related", "<img src=cid:one>Picture", "R0lGODlhAQABAAAAACw="],
                "JVBERi0xLjQK",
            ],
        )
        self.assert_outline(
            "nested message",
            [
                "multipart/mixed",
                "See below.",
                ("message", ["multipart/mixed", "inner text", ("message", "deep text")]),
            ],
        )
        self.assert_outline(
            "digest",
            [
                "multipart/digest",
                ("message", "first text"),
                ("message", "second text"),
                "not a message",
            ],
        )

    def test_broken_multiparts_still_have_parts(self) -> None:
        for name, expected in (
            ("missing boundary", ["multipart/mixed", "--b\n\ntext\n--b--\n"]),
            ("boundary never used", ["multipart/mixed", "only text\n"]),
            ("unterminated multipart", ["multipart/mixed", "first", ""]),
            ("empty multipart", ["multipart/mixed", "--b--\n"]),
            ("empty parts", ["multipart/mixed", "", "", "", ""]),
            (
                "inner never closed",
                ["multipart/mixed", ["multipart/alternative", "one", "two"], "three"],
            ),
            ("same boundary twice", ["multipart/mixed", ["multipart/mixed", "one"], "two"]),
            ("boundary with spaces", ["multipart/mixed", "part"]),
        ):
            with self.subTest(name):
                self.assert_outline(name, expected)

    def test_a_boundary_that_begins_with_another_is_not_that(self) -> None:
        data = crlf(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
            "Content-Type: multipart/mixed; boundary=b-2\n\n--b-2\n\none\n--b-2--\n"
            "--b\n\ntwo --b\n--bb\n--b x\n--b--\n--b\n\nnot a part\n"
        )
        self.assertEqual(
            outline(parse(data), data),
            ["multipart/mixed", ["multipart/mixed", "one"], "two --b\n--bb\n--b x"],
        )

    def test_of_two_boundaries_that_a_line_may_mean_the_innermost_is_meant(self) -> None:
        """`--b--` closes b, and delimits b-- (RFC 2046 §5.1.2 forbids both at once)."""
        inner = "Content-Type: multipart/mixed; boundary=%s\n\n--%s\n\none\n--b--\n%s"
        for outer, name, rest, expected in (
            ("b--", "b", "\ntwo\n", ["multipart/mixed", ["multipart/mixed", "one"], "three"]),
            ("b", "b--", "\ntwo", ["multipart/mixed", ["multipart/mixed", "one", "two"], "three"]),
        ):
            data = crlf(
                f"Content-Type: multipart/mixed; boundary={outer}\n\n--{outer}\n"
                + inner % (name, name, rest)
                + f"\n--{outer}\n\nthree\n--{outer}--\n"
            )
            with self.subTest(outer):
                self.assertEqual(outline(parse(data), data), expected)

    def test_a_message_in_a_message_as_deep_as_allowed(self) -> None:
        data = b"Content-Type: message/rfc822\r\n\r\n" * (MAX_DEPTH + 50) + b"Subject: x\r\n\r\nend"
        parts = every_part(parse(data))
        self.assertEqual(len(parts), MAX_DEPTH)
        self.assertEqual(parts[-1].type.kind, b"application/octet-stream")

    def test_multiparts_as_deep_as_allowed(self) -> None:
        data = deep_message(MAX_DEPTH + 50)
        parts = every_part(parse(data))
        self.assertEqual(max(part.depth for part in parts), MAX_DEPTH + 1)

    def test_ten_thousand_parts_are_all_there(self) -> None:
        """G36: what is bounded is bounded far above what is sent."""
        self.assertEqual(len(parse(wide_message(10_000)).parts), 10_000)

    def test_more_parts_than_allowed_end_in_one(self) -> None:
        data = wide_message(20_000)
        root = parse(data)
        self.assertEqual(len(root.parts), MAX_PARTS - 1)
        self.assertEqual(root.parts[-1].end, len(data))

    def test_long_nonsense_is_read_in_linear_time(self) -> None:
        """Each of these is quadratic in a careless reader; the test would not end."""
        head = b"Content-Type: multipart/mixed; boundary=b\n\n"
        for name, data in (
            ("parts without an empty line", head + b"--b\nX: y\n" * 100_000),
            ("lines that are no delimiters", head + b"--c\n" * 500_000),
            ("delimiters that never end", head + b"\n--" + b"b" * 2_000_000),
            ("empty parts", head + b"--b\n" * 500_000),
            ("closed again and again", head + b"--b--\n" * 300_000),
            (
                "deep, with all the body inside",
                deep_message(MAX_DEPTH).replace(b"\r\ndeep\r\n", b"\r\n" + b"--x\n" * 300_000),
            ),
            ("a header of a megabyte", b"X: y\n" * 300_000),
            ("one line", b"x" * 3_000_000),
            ("folds", b"X: y\n" + b" z\n" * 500_000),
        ):
            with self.subTest(name):
                self.assertEqual(parse(data).end, len(data))

    def assert_sound(self, data: bytes) -> None:
        """Offsets ascend, parts lie inside of their parents and do not overlap."""
        root = parse(data)
        self.assertEqual((root.start, root.end), (0, len(data)))
        for part in every_part(root):
            self.assertTrue(part.start <= part.body <= part.end)
            inner = part.parts or ([part.message] if part.message else [])
            place = part.body
            for one in inner:
                self.assertTrue(place <= one.start)
                # An empty part can begin where the delimiter after it, and its parent's, begins.
                self.assertTrue(one.end <= max(part.end, one.body))
                place = one.end
            if part.message is not None:
                self.assertEqual((part.message.start, part.message.end), (part.body, part.end))

    def test_offsets_are_sound_for_every_shape(self) -> None:
        for name, data in SHAPES.items():
            with self.subTest(name):
                self.assert_sound(data)
        for data in sample_messages(150, 3):
            self.assert_sound(data)

    @SETTINGS
    @given(nonsense)
    def test_offsets_are_sound_for_anything(self, data: bytes) -> None:
        self.assert_sound(data)
