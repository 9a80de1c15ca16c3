"""FETCH of many messages at once, and again from memory."""

from trial_tests.support.transcript import TranscriptTestCase


class ListTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(b"Subject: one\r\nX-100%d: yes\r\n\r\nText\r\n")
        self.append(b"Subject: two\r\n\r\nText\r\n")
        self.client.ask(b"s SELECT INBOX")

    def twice(self, items: bytes) -> bytes:
        """The answer, which is the same from storage and from memory."""
        first = self.client.ask(b"a FETCH 1:* " + items)
        self.assertEqual(self.client.ask(b"a FETCH 1:* " + items), first)
        return first

    def test_items_stand_in_the_order_of_the_question(self) -> None:
        said = self.twice(b"(RFC822.SIZE FLAGS UID)")
        self.assertEqual(
            said,
            b"* 1 FETCH (RFC822.SIZE 36 FLAGS (\\Recent) UID 1)\r\n"
            b"* 2 FETCH (RFC822.SIZE 22 FLAGS (\\Recent) UID 2)\r\n"
            b"a OK FETCH completed\r\n",
        )

    def test_percent_signs_are_what_they_are(self) -> None:
        said = self.twice(b'BODY.PEEK[HEADER.FIELDS ("X-100%d")]')
        self.assertIn(b'* 1 FETCH (BODY[HEADER.FIELDS ("X-100%d")] ', said)
        self.assertIn(b"X-100%d: yes\r\n", said)

    def test_partials_of_different_lengths_are_apart(self) -> None:
        self.assertIn(b'BODY[HEADER]<0> "Subj")', self.twice(b"BODY.PEEK[HEADER]<0.4>"))
        self.assertIn(b'BODY[HEADER]<0> "Subject")', self.twice(b"BODY.PEEK[HEADER]<0.7>"))

    def test_flags_are_those_of_now(self) -> None:
        self.twice(b"(FLAGS ENVELOPE)")
        self.client.ask(b"a STORE 2 +FLAGS.SILENT (\\Flagged)")
        self.assertIn(b"* 2 FETCH (FLAGS (\\Flagged \\Recent) ENV", self.twice(b"(FLAGS ENVELOPE)"))
