"""Dots and line ends of DATA, wherever the message is cut into pieces."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.relay.wire.data import DataEncoder
from trial_tests.support.properties import SETTINGS

TABLE = (
    (b"", b".\r\n"),
    (b"a\r\n", b"a\r\n.\r\n"),
    (b"a", b"a\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b"..a\r\n.b\r\n", b"...a\r\n..b\r\n.\r\n"),
    (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n.\r\n"),
    (b"a\r.\rb\r", b"a\r\n..\r\nb\r\n.\r\n"),
    (b"a\r\n.\r\nMAIL FROM:<x>\r\n", b"a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"),
    (b"a\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
    (b"a\r\r\nb", b"a\r\n\r\nb\r\n.\r\n"),
    (b"\r\n", b"\r\n.\r\n"),
    (b"x" * 5000 + b"\r\n", b"x" * 5000 + b"\r\n.\r\n"),
    (b"\x00\xff\r\n", b"\x00\xff\r\n.\r\n"),
)  # fmt: skip
"""a message, and what is sent"""


def encoded(*pieces: bytes) -> bytes:
    encoder = DataEncoder()
    return b"".join([*map(encoder.feed, pieces), encoder.end()])


def received(data: bytes) -> bytes:
    """What a server makes of it (RFC 5321 §4.5.2), by a simple reading."""
    lines = data.split(b"\r\n")
    assert lines[-2:] == [b".", b""] and b"." not in lines[:-2]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


class DataTests(SynchronousTestCase):
    def test_a_message_in_one_piece(self) -> None:
        for message, sent in TABLE:
            self.assertEqual(encoded(message), sent)

    def test_cut_at_every_place(self) -> None:
        """G48: dots are right, also where two pieces meet."""
        for message, sent in TABLE:
            for place in range(min(len(message), 60)):
                self.assertEqual(encoded(message[:place], message[place:]), sent)
                self.assertEqual(encoded(message[:place], b"", message[place:]), sent)

    @SETTINGS
    @given(st.lists(st.text(".\r\na\x80", max_size=6).map(lambda text: text.encode("latin-1"))))
    def test_it_arrives_as_it_was(self, pieces: list[bytes]) -> None:
        whole = b"".join(pieces)
        wanted = re.sub(rb"\r\n|\r|\n", b"\r\n", whole)
        if wanted and not wanted.endswith(b"\r\n"):
            wanted += b"\r\n"
        self.assertEqual(received(encoded(*pieces)), wanted)
