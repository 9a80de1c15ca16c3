"""FETCH and UID FETCH."""

from datetime import UTC, datetime

from sora.mail.facts import derive
from trial_tests.support.messages import SHAPES
from trial_tests.support.transcript import TranscriptTestCase

MIXED = (
    b"From: Fred <fred@example.com>\r\n"
    b"Subject: two parts\r\n"
    b"X-Long: a\r\n b\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n'
    b"\r\n"
    b"preamble\r\n"
    b"--b\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"Hello\r\n"
    b"--b\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n"
    b"Subject: inner\r\n"
    b"From: joe@example.com\r\n"
    b"\r\n"
    b"Inside\r\n"
    b"--b--\r\n"
)


def fetched(name: str, octets: bytes) -> bytes:
    """The answer for one item that is a literal."""
    return b"* 1 FETCH (%b {%d}\r\n%b)\r\na OK FETCH completed\r\n" % (
        name.encode(),
        len(octets),
        octets,
    )


class FetchTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(MIXED, date=datetime(1996, 7, 17, 2, 44, 25, tzinfo=UTC))
        self.client.ask(b"s SELECT INBOX")

    def fetch(self, items: str) -> bytes:
        return self.client.ask(b"a FETCH 1 " + items.encode())

    def section(self, spec: str, name: str | None = None) -> bytes | None:
        """The octets of BODY.PEEK[spec], and that the answer is nothing but them."""
        said = self.fetch(f"BODY.PEEK[{spec}]")
        if b" NIL)" in said:
            self.assertEqual(
                said, f"* 1 FETCH (BODY[{spec}] NIL)\r\na OK FETCH completed\r\n".encode()
            )
            return None
        head, _, rest = said.partition(b"}\r\n")
        size = int(head.rpartition(b"{")[2])
        self.assertEqual(rest[size:], b")\r\na OK FETCH completed\r\n")
        self.assertTrue(head.startswith(f"* 1 FETCH (BODY[{name or spec}] ".encode()), head)
        return rest[:size]

    def test_sections(self) -> None:
        """RFC 3501 §6.4.5."""
        header, _, text = MIXED.partition(b"\r\n\r\n")
        inner = b"Subject: inner\r\nFrom: joe@example.com\r\n\r\nInside"
        for spec, octets in {
            "": MIXED,
            "TEXT": text,
            "1": b"Hello",
            "1.MIME": b"Content-Type: text/plain\r\n\r\n",
            "2": inner,
            "2.TEXT": b"Inside",
            "2.1": b"Inside",
            "2.MIME": b"Content-Type: message/rfc822\r\n\r\n",
            "3": None,
            "1.1": None,
            "1.TEXT": None,
            "1.HEADER": None,
            "2.2": None,
            "9999999999": None,
        }.items():
            self.assertEqual(self.section(spec), octets, spec)
        self.assertEqual(self.fetch("BODY.PEEK[HEADER]").count(header), 1)

    def test_headers_are_strings(self) -> None:
        self.assertEqual(
            self.fetch("BODY.PEEK[HEADER.FIELDS (subject x-LONG Nowhere)]"),
            b"* 1 FETCH (BODY[HEADER.FIELDS (subject x-LONG Nowhere)] {37}\r\n"
            b"Subject: two parts\r\nX-Long: a\r\n b\r\n\r\n)\r\na OK FETCH completed\r\n",
        )
        self.assertEqual(
            self.fetch("BODY.PEEK[2.HEADER.FIELDS.NOT (subject)]"),
            fetched("BODY[2.HEADER.FIELDS.NOT (subject)]", b"From: joe@example.com\r\n\r\n"),
        )

    def test_partials(self) -> None:
        """RFC 3501 §6.4.5: beyond the end there is an empty string."""
        for partial, name, octets in [
            ("<0.5>", "<0>", MIXED[:5]),
            ("<10.7>", "<10>", MIXED[10:17]),
            ("<0.1000000>", "<0>", MIXED),
            (f"<{len(MIXED) - 1}.5>", f"<{len(MIXED) - 1}>", MIXED[-1:]),
            (f"<{len(MIXED)}.5>", f"<{len(MIXED)}>", b""),
            ("<4294967295.4294967295>", "<4294967295>", b""),
        ]:
            self.assertEqual(
                self.fetch(f"BODY.PEEK[]{partial}"), fetched(f"BODY[]{name}", octets), partial
            )
        self.assertEqual(self.fetch("BODY.PEEK[1]<1.3>"), fetched("BODY[1]<1>", b"ell"))
        self.assertIn(b"a BAD", self.fetch("BODY.PEEK[]<0.0>"))

    def test_envelope_structures_date_and_size(self) -> None:
        facts = derive(MIXED)
        self.assertEqual(
            self.fetch("(ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)"),
            b'* 1 FETCH (ENVELOPE %b BODYSTRUCTURE %b INTERNALDATE "17-Jul-1996 02:44:25 +0000"'
            b" RFC822.SIZE %d)\r\na OK FETCH completed\r\n"
            % (facts.envelope, facts.structure, len(MIXED)),
        )
        basic = self.fetch("BODY")
        self.assertTrue(basic.startswith(b'* 1 FETCH (BODY (("text" "plain" '), basic)
        self.assertNotIn(b"BOUNDARY", basic.upper())

    def test_macros(self) -> None:
        """RFC 3501 §6.4.5."""
        for macro, words in {
            "FAST": [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"],
            "all": [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"],
            "Full": [b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"],
        }.items():
            said = self.fetch(macro)
            self.assertTrue(said.startswith(b"* 1 FETCH (FLAGS (\\Recent) INTERNALDATE"), said)
            self.assertEqual([word for word in words if word + b" " in said], words)
        self.assertIn(b"a BAD", self.fetch("(FAST)"))

    def test_older_names(self) -> None:
        header = MIXED[: MIXED.index(b"\r\n\r\n") + 4]
        self.assertIn(b"RFC822.HEADER ", self.fetch("RFC822.HEADER"))
        self.assertIn(header, self.fetch("RFC822.HEADER"))
        self.assertIn(b"FLAGS (\\Recent)", self.fetch("FLAGS"))
        self.assertEqual(
            self.fetch("RFC822.TEXT"),
            b"* 1 FETCH (RFC822.TEXT {%d}\r\n%b FLAGS (\\Seen \\Recent))\r\na OK FETCH completed\r\n"
            % (len(MIXED) - len(header), MIXED[len(header) :]),
        )
        self.assertEqual(self.fetch("RFC822"), fetched("RFC822", MIXED))

    def test_reading_a_body_sets_seen_once(self) -> None:
        """RFC 3501 §6.4.5: the flags are in the same answer, and told nowhere again."""
        self.converse("""
            C: a FETCH 1 BODY[1]
            S: * 1 FETCH (BODY[1] {5}
            S: Hello FLAGS (\\Seen \\Recent))
            S: a OK FETCH completed
            C: b FETCH 1 BODY[1]
            S: * 1 FETCH (BODY[1] {5}
            S: Hello)
            S: b OK FETCH completed
            C: c NOOP
            S: c OK NOOP completed
        """)

    def test_by_uid(self) -> None:
        """RFC 3501 §6.4.8: the UID is always there; what is not there is passed over."""
        self.append_some(2)
        self.client.ask(b"a NOOP")
        self.converse("""
            C: a UID FETCH 2:* FLAGS
            S: * 2 FETCH (UID 2 FLAGS (\\Recent))
            S: * 3 FETCH (UID 3 FLAGS (\\Recent))
            S: a OK UID FETCH completed
            C: b UID FETCH 999:* (UID)
            S: * 3 FETCH (UID 3)
            S: b OK UID FETCH completed
            C: c UID FETCH 77 (FLAGS BODY[])
            S: c OK UID FETCH completed
        """)

    def test_sets_of_numbers(self) -> None:
        """G36: reversed, overlapping and with stars."""
        self.append_some(3)
        self.client.ask(b"a NOOP")
        for numbers, expected in {
            "4:2": [2, 3, 4],
            "*:3": [3, 4],
            "*": [4],
            "1,1,1:2": [1, 2],
            "*:*": [4],
        }.items():
            said = self.client.ask(f"a FETCH {numbers} UID".encode())
            self.assertEqual(
                said,
                b"".join(b"* %d FETCH (UID %d)\r\n" % (n, n) for n in expected)
                + b"a OK FETCH completed\r\n",
            )

    def test_what_cannot_be(self) -> None:
        for items in [
            "NONSENSE",
            "BODY[",
            "BODY[]<0>",
            "BODY[MIME]",
            "BODY[1.]",
            "BODY[0]",
            "BODY[HEADER.FIELDS ()]",
            "BODY[HEADER.FIELDS]",
            "(FLAGS",
            "()",
            "(FLAGS  UID)",
            "ENVELOPE[1]",
        ]:
            self.assertTrue(self.fetch(items).startswith(b"a BAD "), items)
        self.assertTrue(self.client.ask(b"a FETCH 2 FLAGS").startswith(b"a BAD "))
        self.assertTrue(self.client.ask(b"a FETCH 1:2 FLAGS").startswith(b"a BAD "))
        self.assertTrue(self.client.ask(b"a FETCH 0 FLAGS").startswith(b"a BAD "))

    def test_an_empty_mailbox(self) -> None:
        """`*` means nothing there (RFC 3501 §9, seq-number)."""
        self.client.ask(b"a CREATE Empty")
        self.client.ask(b"a SELECT Empty")
        self.converse("""
            C: a UID FETCH 1:* FLAGS
            S: a OK UID FETCH completed
            C: b FETCH 1 FLAGS
            S: b BAD ...
        """)

    def test_no_expunge_is_told_during_fetch(self) -> None:
        """G25, RFC 3501 §7.4.1; numbers mean what this client was told (G27)."""
        self.append_some(2)
        self.client.ask(b"a NOOP")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        other.ask(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.ask(b"b EXPUNGE")
        self.converse("""
            C: a FETCH 2 (UID)
            S: * 2 FETCH (UID 2)
            S: a OK FETCH completed
            C: b FETCH 1:2 (UID)
            S: * 2 FETCH (UID 2)
            S: b NO [EXPUNGEISSUED] ...
            C: c FETCH 1 (BODY.PEEK[])
            S: c NO [EXPUNGEISSUED] ...
            C: d UID FETCH 2 (UID)
            S: * 2 FETCH (UID 2)
            S: * 1 EXPUNGE
            S: * 2 RECENT
            S: d OK UID FETCH completed
        """)

    def test_all_shapes_are_byte_identical(self) -> None:
        """G32."""
        self.client.ask(b"a CREATE Shapes")
        shapes = [message for message in SHAPES.values() if message]
        for message in shapes:
            self.append(message, "Shapes")
        self.client.ask(b"s SELECT Shapes")
        said = self.client.ask(b"a FETCH 1:* (BODY.PEEK[])")
        expected = b"".join(
            b"* %d FETCH (BODY[] {%d}\r\n%b)\r\n" % (number, len(message), message)
            for number, message in enumerate(shapes, 1)
        )
        self.assertEqual(said, expected + b"a OK FETCH completed\r\n")
        said = self.client.ask(b"b FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY)")
        self.assertTrue(said.endswith(b"b OK FETCH completed\r\n"))
        self.assertEqual(said.count(b" FETCH (ENVELOPE ("), len(shapes))

    def test_a_new_keyword_is_told_before_the_first_message_that_has_it(self) -> None:
        """RFC 3501 §7.2.6, whichever way FETCH is answered."""
        self.append_some(1)
        self.client.ask(b"s SELECT INBOX")
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        for word, items in ((b"$one", b"FLAGS"), (b"$two", b"(FLAGS BODY.PEEK[TEXT])")):
            other.ask(b"a STORE 1 +FLAGS (" + word + b")")
            said = self.client.ask(b"a FETCH 1 " + items)
            self.assertTrue(said.startswith(b"* FLAGS ("), said)
            self.assertIn(word, said.partition(b"\r\n")[0])
            self.assertEqual(said.count(b"* FLAGS ("), 1, said)

    def test_a_body_that_cannot_be_read_is_left_out(self) -> None:
        """G8: never as an empty one."""
        self.append_some(1)
        self.client.ask(b"a NOOP")
        first = next(iter(self.server.objects.objects))
        kept = self.server.objects.objects.pop(first)
        said = self.client.ask(b"a FETCH 1:2 (BODY.PEEK[])")
        self.assertIn(b"* 2 FETCH (BODY[] ", said)
        self.assertNotIn(b"* 1 FETCH", said)
        self.assertRegex(said, rb"\r\na NO \[(UNAVAILABLE|CORRUPTION)\] [^\r\n]*\r\n$")
        self.server.objects.objects[first] = kept
        self.server.objects.down = True
        said = self.client.ask(b"a FETCH 1:2 (BODY[])")
        self.assertRegex(said, rb"a NO \[UNAVAILABLE\] [^\r\n]*\r\n$")
        self.assertNotIn(b"BODY[]", said)
        # \Seen was set by the statement that looked for the bodies: the client is told.
        self.assertEqual(said.count(b"FLAGS (\\Seen"), 2, said)


class LargeMessageTests(TranscriptTestCase):
    """Messages that are not held in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.large = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 100_000
        self.append(b"Subject: small\r\n\r\nsmall")
        self.append(self.large)
        self.client.ask(b"s SELECT INBOX")

    def test_comes_whole_and_in_order(self) -> None:
        self.assertEqual(
            self.client.ask(b"a FETCH 1:2 (UID BODY.PEEK[] RFC822.SIZE)"),
            b"* 1 FETCH (UID 1 BODY[] {23}\r\nSubject: small\r\n\r\nsmall RFC822.SIZE 23)\r\n"
            b"* 2 FETCH (UID 2 BODY[] {%d}\r\n%b RFC822.SIZE %d)\r\na OK FETCH completed\r\n"
            % (len(self.large), self.large, len(self.large)),
        )

    def test_partials_and_sections(self) -> None:
        text = self.large[18:]
        for spec, octets in {
            "BODY[]<5.10>": self.large[5:15],
            "BODY[]<10.1000000>": self.large[10:1_000_010],
            "BODY[TEXT]": text,
            "BODY[TEXT]<3.700000>": text[3:700_003],
            "BODY[1]": text,
            "BODY[]<1600017.5>": self.large[-1:],
            "BODY[]<1600018.5>": b"",
        }.items():
            said = self.client.ask(b"a FETCH 2 " + spec.replace("BODY[", "BODY.PEEK[").encode())
            head, _, rest = said.partition(b"\r\n")
            self.assertTrue(head.endswith(b"{%d}" % len(octets)), head)
            self.assertEqual(rest[: len(octets)], octets)
            self.assertEqual(rest[len(octets) :], b")\r\na OK FETCH completed\r\n")

    def test_a_client_that_does_not_read_is_waited_for(self) -> None:
        """Back-pressure: no more than the buffer is written."""
        transport = self.client.transport
        self.client.connection.pauseProducing()
        self.client.send(b"a FETCH 2 BODY.PEEK[]\r\n")
        self.assertLess(len(transport.value()), 600_000)
        for _ in range(20):
            self.client.connection.resumeProducing()
            self.client.connection.pauseProducing()
        self.client.connection.resumeProducing()
        self.assertIn(b"a OK FETCH completed", self.client.take())

    def test_flags_that_change_meanwhile_are_told_afterwards(self) -> None:
        """G26: the client learned those of the beginning."""
        other = self.new_client()
        other.ask(b"s SELECT INBOX")
        self.client.connection.pauseProducing()
        self.client.send(b"a FETCH 2 (FLAGS BODY.PEEK[])\r\n")
        other.ask(b"a STORE 2 +FLAGS (\\Flagged)")
        for _ in range(20):
            self.client.connection.resumeProducing()
            self.client.connection.pauseProducing()
        self.client.connection.resumeProducing()
        said = self.client.take()
        self.assertTrue(said.startswith(b"* 2 FETCH (FLAGS (\\Recent) BODY[] {"), said[:80])
        said = said[-200:] + self.client.ask(b"b NOOP")
        self.assertIn(b"* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))\r\n", said)

    def test_many_answers_wait_for_a_client_that_does_not_read(self) -> None:
        """Back-pressure within a batch: one command asks for a message a hundred times."""
        self.append(b"Subject: middle\r\n\r\n" + b"x" * 200_000)
        self.client.ask(b"n NOOP")
        items = " ".join(["BODY.PEEK[]"] * 20)
        self.client.connection.pauseProducing()
        self.client.send(f"a UID FETCH 1,3 ({items})\r\n".encode())
        self.client.send(f"b UID FETCH 1,3 ({items})\r\n".encode())
        self.assertLess(len(self.client.transport.value()), 5_000_000)
        self.client.connection.resumeProducing()
        said = self.client.take()
        self.assertEqual(said.count(b"OK UID FETCH completed"), 2)
        self.assertEqual(said.count(b"BODY[] {200019}"), 40)

    def test_a_store_that_breaks_in_the_middle_cuts_the_connection(self) -> None:
        """Once its size was said, there is no way back."""
        self.client.connection.pauseProducing()
        self.client.send(b"a FETCH 2 BODY.PEEK[]\r\n")
        self.server.objects.down = True
        for _ in range(20):
            self.client.connection.resumeProducing()
            self.client.connection.pauseProducing()
        said = self.client.take()
        if b"a OK" not in said:
            self.assertNotIn(b"a NO", said)
            self.assertTrue(self.client.is_hung_up_on)

    def test_a_store_that_is_down_from_the_beginning_is_answered(self) -> None:
        self.server.objects.down = True
        self.assertRegex(self.client.ask(b"a FETCH 2 BODY.PEEK[]"), rb"^a NO \[UNAVAILABLE\]")
