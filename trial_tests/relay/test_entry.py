"""What is written into a file of the queue is read again, also after a crash."""

import json

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.relay.entry import (
    FIRST_LINE,
    Answer,
    Attempt,
    Fate,
    NotAnEntry,
    decode_attempt,
    decode_entry,
    encode_attempt,
    encode_envelope,
    first_line,
    new_entry,
    read_first_line,
    restarted,
)
from sora.relay.interfaces import DeliverBy, Outgoing, OutgoingRecipient
from trial_tests.support.properties import SETTINGS

OUTGOING = Outgoing(
    "redirect",
    "jörg@example.com",
    (OutgoingRecipient("a@b", ("NEVER",), "rfc822;a@b"), OutgoingRecipient("c@d")),
    ret="FULL",
    envid="x\ny",
    by=DeliverBy(5.0, "N", True),
    smtputf8=True,
    account=7,
)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REFUSED = Answer(Fate.REFUSED, 550, "5.1.1", "no such user", "mx.example.net")
LATER = Answer(Fate.WAITING, 450, "4.2.1", "later", "mx.example.net")
SENT = Answer(Fate.SENT, 250, relayed=True)


class EntryTests(SynchronousTestCase):
    def test_an_entry_comes_back(self) -> None:
        first, envelope = first_line(123, 456, True), encode_envelope(OUTGOING, 99.5)
        self.assertEqual(len(first), FIRST_LINE)
        self.assertEqual(read_first_line(first), (123, 456, True))
        self.assertEqual(envelope.count(b"\n"), 1)
        entry = decode_entry("name", first, envelope, [])
        self.assertEqual(entry, new_entry("name", OUTGOING, 456, True, 99.5))
        self.assertEqual((entry.due, entry.remaining), (99.5, (0, 1)))

    def test_attempts(self) -> None:
        entry = new_entry("name", OUTGOING, 456, True, 100.0)
        first = Attempt(110.0, 170.0, False, {}, "the relay is away")
        second = Attempt(170.0, 230.0, True, {0: REFUSED, 1: LATER}, "later", warned=True)
        third = Attempt(230.0, 290.0, True, {1: SENT})
        lines = [encode_attempt(one).strip() for one in (first, second, third)]
        read = decode_entry(
            "name", first_line(1, 456, True), encode_envelope(OUTGOING, 100.0), lines
        )
        self.assertEqual(read, entry.after(first).after(second).after(third))
        self.assertEqual((read.attempts, read.tries, read.last, read.warned), (2, 3, 230.0, True))
        self.assertEqual((read.answers, read.remaining), ((REFUSED, SENT), ()))
        self.assertEqual(entry.after(first).error, "the relay is away")

    def test_an_operator_lets_it_begin_anew(self) -> None:
        entry = new_entry("name", OUTGOING, 1, False, 100.0)
        entry = entry.after(Attempt(110.0, 111.0, True, {0: REFUSED, 1: SENT}))
        again = decode_attempt(encode_attempt(restarted(entry, 500.0)))
        assert again is not None
        entry = entry.after(again)
        self.assertEqual(
            (entry.attempts, entry.tries, entry.since, entry.queued), (0, 0, 500.0, 100.0)
        )
        self.assertEqual(entry.remaining, (0,))

    def test_a_line_that_was_cut_short_is_not_there(self) -> None:
        """G48: a crash while an attempt was written down."""
        line = encode_attempt(Attempt(1.0, 2.0, True, {0: REFUSED}, "x"))
        for length in range(len(line) - 1):
            self.assertIsNone(decode_attempt(line[:length]))
        self.assertIsNotNone(decode_attempt(line))

    def test_what_is_no_entry(self) -> None:
        good = first_line(1, 1, False)
        for first, envelope in (
            (b"", b"{}"),
            (good[:-2], b"{}"),
            (good.replace(b"relay", b"delay"), b"{}"),
            (good.replace(b" 7", b" 9"), b"{}"),
            (first_line(99_999_999, 1, False), b"{}"),
            (good, b"{"),
            (good, b"{}"),
            (good, b"[]"),
            (good, b'{"kind":"x","sender":"","recipients":[{}],"queued":1}'),
        ):
            self.assertRaises(NotAnEntry, decode_entry, "x", first, envelope, [])

    def test_where_it_comes_from(self) -> None:
        """The trace that has queued it; older versions wrote none, and what is no trace is none."""
        first = first_line(1, 1, False)
        before = json.loads(encode_envelope(OUTGOING, 1.0))
        for written, read in (
            (TRACEPARENT, TRACEPARENT),
            ("nonsense", None),
            (TRACEPARENT + "-" + "x" * 10_000, None),
            (7, None),
            ([TRACEPARENT], None),
        ):
            envelope = json.dumps({**before, "traceparent": written}).encode()
            entry = decode_entry("x", first, envelope, [])
            self.assertEqual(entry.outgoing, evolve(OUTGOING, traceparent=read))
        del before["traceparent"]
        old = decode_entry("x", first, json.dumps(before).encode(), [])
        self.assertEqual(old.outgoing, OUTGOING)
        again = encode_envelope(evolve(OUTGOING, traceparent=TRACEPARENT), 1.0)
        self.assertEqual(json.loads(again), {**before, "traceparent": TRACEPARENT})

    @SETTINGS
    @given(st.text(), st.text(), st.lists(st.text()))
    def test_any_text_is_one_line(self, sender: str, envid: str, addresses: list[str]) -> None:
        recipients = tuple(OutgoingRecipient(address) for address in addresses)
        outgoing = evolve(OUTGOING, sender=sender, envid=envid, recipients=recipients)
        envelope = encode_envelope(outgoing, 1.0)
        self.assertEqual((envelope.count(b"\n"), envelope.isascii()), (1, True))
        read = decode_entry("x", first_line(1, 1, False), envelope, [])
        self.assertEqual(read.outgoing, outgoing)

    @SETTINGS
    @given(st.binary())
    def test_no_line_breaks_it(self, line: bytes) -> None:
        decode_attempt(line)
        self.assertRaises(NotAnEntry, decode_entry, "x", line, line, [line])
