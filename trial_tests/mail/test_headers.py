"""Header blocks: their end, their fields, their lines."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.headers import MAX_HEADER, fields, first, header_end, selected
from trial_tests.support.messages import SHAPES
from trial_tests.support.properties import SETTINGS

BLOCK = (
    b"Received: one\r\n\tfolded\r\n"
    b"From : a@example.com\r\n"
    b"SUBJECT: hello\r\n world\r\n"
    b"no field\r\n"
    b"Subject-Not: other\r\n"
    b"X-Empty:\r\n"
    b"\r\n"
)


class HeaderEndTests(SynchronousTestCase):
    def test_a_block_ends_at_the_first_empty_line(self) -> None:
        for data, block in (
            (b"A: b\r\n\r\nbody", b"A: b\r\n\r\n"),
            (b"A: b\n\nbody", b"A: b\n\n"),
            (b"A: b\n\r\nbody", b"A: b\n\r\n"),
            (b"A: b\r\n\nbody\r\n\r\n", b"A: b\r\n\n"),
            (b"\r\nbody", b"\r\n"),
            (b"\nbody", b"\n"),
            (b"no fields\r\n\r\nbody", b"no fields\r\n\r\n"),
            (b"A: b\r\n \r\nB: c\r\n\r\n", b"A: b\r\n \r\nB: c\r\n\r\n"),
            (b"A: b\r\nB: c", b"A: b\r\nB: c"),
            (b"", b""),
        ):
            with self.subTest(data):
                self.assertEqual(data[: header_end(data)], block)

    def test_a_block_without_end_is_cut_after_a_line(self) -> None:
        line = b"X: " + b"y" * 95 + b"\r\n"
        data = line * (MAX_HEADER // 50)
        end = header_end(data)
        self.assertEqual(end % 100, 0)
        self.assertTrue(MAX_HEADER - 100 < end <= MAX_HEADER)
        self.assertEqual(header_end(b"x" * (MAX_HEADER + 5)), MAX_HEADER)


class FieldsTests(SynchronousTestCase):
    def test_fields_are_unfolded_and_their_names_lowered(self) -> None:
        self.assertEqual(
            fields(BLOCK),
            [
                (b"received", b"one\tfolded"),
                (b"from", b"a@example.com"),
                (b"subject", b"hello world"),
                (b"subject-not", b"other"),
                (b"x-empty", b""),
            ],
        )
        self.assertEqual(first(fields(BLOCK), b"from"), b"a@example.com")
        self.assertIsNone(first(fields(BLOCK), b"to"))


class SelectedTests(SynchronousTestCase):
    def test_lines_are_cut_out_as_they_stand(self) -> None:
        """RFC 3501 §6.4.5: the empty line is always there if the message has one."""
        for names, inverted, expected in (
            (("subject",), False, b"SUBJECT: hello\r\n world\r\n\r\n"),
            (
                ("From", "RECEIVED"),
                False,
                b"Received: one\r\n\tfolded\r\nFrom : a@example.com\r\n\r\n",
            ),
            (("x-absent",), False, b"\r\n"),
            ((), False, b"\r\n"),
            (
                ("received", "subject", "x-empty"),
                True,
                b"From : a@example.com\r\nno field\r\nSubject-Not: other\r\n\r\n",
            ),
            ((), True, BLOCK),
        ):
            with self.subTest(names=names, inverted=inverted):
                self.assertEqual(selected(BLOCK, names, inverted), expected)

    def test_names_are_not_patterns(self) -> None:
        self.assertEqual(selected(BLOCK, (".*",)), b"\r\n")
        self.assertEqual(selected(BLOCK, ("From|Subject",)), b"\r\n")

    def test_blocks_without_an_empty_line(self) -> None:
        for block, expected in (
            (b"A: b", b"A: b"),
            (b"A: b\n", b"A: b\n"),
            (b"A: b\nC: d", b"A: b\n"),
            (b"C: d\nA: b", b"A: b"),
            (b"A: b\r\nA: c", b"A: b\r\nA: c"),
            (b"", b""),
            (b"A: b\n\n", b"A: b\n\n"),
        ):
            with self.subTest(block):
                self.assertEqual(selected(block, ("a",)), expected)

    def assert_complementary(self, block: bytes, names: tuple[str, ...]) -> None:
        """Every line is in exactly one of the two selections."""
        chosen, rest = selected(block, names), selected(block, names, inverted=True)
        blank = len(selected(block, ()))
        self.assertEqual(len(chosen) + len(rest) - blank, len(block))

    def test_selection_and_inversion_are_all_of_the_block(self) -> None:
        for name, message in SHAPES.items():
            with self.subTest(name):
                self.assert_complementary(
                    message[: header_end(message)], ("subject", "to", "X-Odd")
                )

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(["A:", "b", "AB: c", "\r\n", "\n", " ", "\r", ":", "A : x"]),
            max_size=20,
        )
    )
    def test_any_block_is_divided_without_loss(self, pieces: list[str]) -> None:
        data = "".join(pieces).encode()
        self.assert_complementary(data[: header_end(data)], ("a",))
