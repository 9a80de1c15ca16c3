"""What an IMAP server says, as a client reads it."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import BadSyntax
from sora.exchange.formats import imap_responses
from sora.exchange.formats.imap_responses import ResponseReader, attributes, date_time, number

SAID = (
    b"* OK [CAPABILITY IMAP4rev1] it's (fine\r\n"
    b'* LIST (\\HasNoChildren) "/" "a \\"b\\\\"\r\n'
    b"* LIST () NIL {3}\r\na b\r\n"
    b'* 5 FETCH (UID 7 FLAGS (\\Seen $x) BODY[] {6}\r\n(\r\n") X "y" BODY[HEADER.FIELDS (A B)] NIL)\r\n'
    b"s1 OK [READ-WRITE] done\r\n"
)


class Taken:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


class ReaderTests(SynchronousTestCase):
    def said(self, *pieces: bytes) -> list[Any]:
        reader = ResponseReader(lambda before, size: None)
        return [response for piece in pieces for response in reader.receive(piece)]

    @given(st.lists(st.integers(0, len(SAID)), max_size=12))
    def test_pieces_make_no_difference(self, cuts: list[int]) -> None:
        places = [0, *sorted(cuts), len(SAID)]
        pieces = [SAID[a:b] for a, b in pairwise(places)]
        greeting, first, second, fetch, done = self.said(*pieces)
        self.assertEqual((greeting.kind, greeting.code[0]), (b"OK", b"CAPABILITY"))
        self.assertEqual(first.words, [b"LIST", [b"\\HasNoChildren"], b"/", b'a "b\\'])
        self.assertEqual(second.words, [b"LIST", [], None, b"a b"])
        self.assertEqual(fetch.kind, b"FETCH")
        self.assertEqual(
            attributes(fetch.words[-1]),
            {
                b"UID": b"7",
                b"FLAGS": [b"\\Seen", b"$x"],
                b"BODY[]": b'(\r\n") ',
                b"X": b"y",
                b"BODY[HEADER.FIELDS (A B)]": None,
            },
        )
        self.assertEqual((done.tag, done.kind, done.code), (b"s1", b"OK", [b"READ-WRITE"]))

    def test_literals_are_offered(self) -> None:
        """What is taken is not kept, and counts for nothing."""
        self.patch(imap_responses, "MAX_RESPONSE", 100)
        offers = []

        def offer(before: bytes, size: int) -> Taken | None:
            offers.append((before, size))
            return Taken() if size > 50 else None

        reader = ResponseReader(offer)
        said = b"* 1 FETCH (A {3}\r\nabc BODY[] {200}\r\n" + b"x" * 200 + b")\r\n"
        [response] = reader.receive(said)
        items = attributes(response.words[-1])
        self.assertEqual((items[b"A"], items[b"BODY[]"].data), (b"abc", b"x" * 200))
        self.assertEqual(offers, [(b"* 1 FETCH (A ", 3), (b" BODY[] ", 200)])

    def test_what_is_too_large_or_no_imap(self) -> None:
        self.patch(imap_responses, "MAX_RESPONSE", 100)
        for wrong in (
            b"x" * 101,
            b"* 1 FETCH (X {101}\r\n",
            b"* 1 FETCH (X {60}\r\n" + b"x" * 60 + b" {60}\r\n",
            b"* LIST (\r\n",
            b"* LIST )\r\n",
            b"* " + b"(" * 60 + b"\r\n",
            b'* LIST "\r\n',
            b"* LIST [\r\n",
        ):
            with self.assertRaises(BadSyntax, msg=wrong[:30]):
                self.said(wrong)

    def test_dates_and_numbers(self) -> None:
        self.assertEqual(
            date_time(b" 1-Feb-2003 04:05:06 +0000"), datetime(2003, 2, 1, 4, 5, 6, tzinfo=UTC)
        )
        for wrong in (None, b"", b"31-Feb-2003 04:05:06 +0000", b"1-Foo-2003 04:05:06 +0000"):
            self.assertIsNone(date_time(wrong))
        self.assertEqual(
            [number(b"12"), number(b"x"), number(None), number(b"9" * 30)], [12, None, None, None]
        )
        self.assertEqual(attributes(b"x"), {})
