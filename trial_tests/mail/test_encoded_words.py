"""Encoded words, right and wrong."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.encoded_words import decode
from trial_tests.support.properties import SETTINGS


class EncodedWordsTests(SynchronousTestCase):
    def test_words_are_decoded(self) -> None:
        """RFC 2047 §8, RFC 2231 §5."""
        for value, expected in (
            (b"plain text", "plain text"),
            (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
            (b"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
            (b"=?ISO-8859-1?Q?a?=", "a"),
            (b"=?ISO-8859-1?Q?a?= b", "a b"),
            (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            (b"=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=", "ab"),
            (b"=?ISO-8859-1?Q?a_b?=", "a b"),
            (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
            (
                b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=",
                "If you can read this yo",
            ),
            (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
            (b"Re: =?utf-8?b?R3LDvMOfZQ==?= all", "Re: Grüße all"),
            (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ):
            with self.subTest(value):
                self.assertEqual(decode(value), expected)

    def test_broken_words_are_read_as_they_were_meant(self) -> None:
        for value, expected in (
            # A character split between two words.
            (b"=?utf-8?B?w7w=?= =?utf-8?B?w58=?=", "üß"),
            (b"=?utf-8?B?R3LD?= =?utf-8?B?vMOf?=", "Grüß"),
            (b"=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC?=", "Grü"),
            # Spaces and question marks inside.
            (b"=?utf-8?Q?a b?=", "a b"),
            (b"=?utf-8?Q?What?_=C3=BC?=", "What? ü"),
            # Wrong or missing padding.
            (b"=?utf-8?B?R3LDvA?=", "Grü"),
            # No white space between words, or around them.
            (b"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
            (b"x=?utf-8?Q?a?=y", "xay"),
            (b'"=?utf-8?Q?a?="', '"a"'),
            # Unknown charsets, wrong ones, none.
            (b"=?x-nobody?Q?=E9?=", "é"),
            (b"=?us-ascii?Q?=C3=A9?=", "é"),
            # Not encoded words.
            (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
            (b"=?utf-8?Q?open", "=?utf-8?Q?open"),
            (b"=?utf-8?Q?open =?utf-8?Q?b?=", "=?utf-8?Q?open b"),
            # Raw octets: UTF-8 if they are that, else Windows-1252.
            ("Grüße".encode(), "Grüße"),
            (b"caf\xe9", "café"),
            (b"nul\0", "nul"),
            (b"=?utf-8?Q?=00a?=", "a"),
        ):
            with self.subTest(value):
                self.assertEqual(decode(value), expected)

    def test_long_nonsense_is_read_in_linear_time(self) -> None:
        """Each of these is quadratic in a careless reader; the test would not end."""
        for piece in (b"=?", b"=?a?q?", b"=?a?q?x?=", b"=?a?q?" + b"?" * 50, b"=?utf-8?B?w58=?= "):
            with self.subTest(piece):
                self.assertIsInstance(decode(piece * (300_000 // len(piece))), str)

    @SETTINGS
    @given(
        st.lists(
            st.sampled_from(
                [
                    "=?",
                    "?=",
                    "?",
                    "utf-8",
                    "utf-7",
                    "utf-16",
                    "?Q?",
                    "?B?",
                    "=C3",
                    "+2AA-",
                    "YQ",
                    " ",
                    "é",
                ]
            ),
            max_size=20,
        )
    )
    def test_nothing_raises_and_everything_can_be_stored(self, pieces: list[str]) -> None:
        text = decode("".join(pieces).encode())
        self.assertNotIn("\0", text)
        text.encode("utf-8")
