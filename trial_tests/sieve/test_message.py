"""The header that scripts see."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.message import Header, Message


class Headers(SynchronousTestCase):
    def test_values(self) -> None:
        """RFC 5228 §2.4.2.2, §2.7.2: unfolded, decoded, without white space at the ends."""
        header = Header.of(
            b"Subject: =?iso-8859-1?Q?=E4?= =?utf-8?B?w7Y=?= x  \r\n"
            b"X-Folded: a\r\n b\r\n\tc\r\n"
            b"X-Space  : d\r\n"
            b"no field\r\n"
            b"x-folded:second\r\n"
            b"X-Raw: \xc3\xa4 \xe4\r\n"
            b"X-Empty:\r\n"
            b"X-Bad: =?x-unknown?Q?a=FF?=\r\n"
            b"\r\nX-Body: no\r\n"
        )
        for name, values in (
            ("SUBJECT", ["äö x"]),
            ("x-folded", ["a b\tc", "second"]),
            ("x-space", ["d"]),
            ("x-empty", [""]),
            ("x-body", []),
            ("x-space ", []),
            ("", []),
            ("subject:", []),
            ("no field", []),
        ):
            self.assertEqual(header.values([name]), values, name)
        self.assertEqual(len(header.values(["x-raw"])), 1)

    def test_octets(self) -> None:
        """Nothing is lost, whatever the lines are (G46)."""
        for block in (
            b"",
            b"\r\n",
            b"\n",
            b"A: b\r\n\r\n",
            b"A: b\n\n",
            b"A: b\r\n",
            b"A: b",
            b" leading\r\nA: b\r\n c\r\n\r\n",
            b"no field\r\n\tx\r\n\r\n",
            b"A: \x00\xff\r\n\r\n",
        ):
            self.assertEqual(Header.of(block + b"").octets(), block)

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([b"A", b":", b" ", b"\t", b"\r\n", b"\n", b"\xff", b"x:y"])))
    def test_any_octets(self, pieces: list[bytes]) -> None:
        data = b"".join(pieces)
        message = Message.of(data)
        self.assertEqual(message.header.octets(), data[: message.body_start])

    def test_addresses(self) -> None:
        header = Header.of(b'To: "A" <a@example.com>, G: b@example.com, c;, d\r\n\r\n')
        (field,) = header.named("to")
        self.assertEqual([one.mailbox for one in field.addresses], [b"a", b"b", b"c", b"d"])

    def test_size(self) -> None:
        """A message of which only the beginning is at hand (G45)."""
        message = Message.of(b"A: b\r\n\r\n", size=1000)
        self.assertEqual((message.size, message.body_start), (1000, 8))
