"""PREVIEW (RFC 8970)."""

from trial_tests.support.transcript import TranscriptTestCase


class PreviewTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(b"Subject: a\r\n\r\nPreview text!\r\n")
        self.append(
            b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Lang\xc3\xbcage <b>one</b></p>\r\n"
        )
        self.append(b"Content-Type: image/png\r\n\r\nx\r\n")
        self.client.ask(b"s SELECT INBOX")

    def test_the_examples_of_the_rfc(self) -> None:
        """§3.2, §5; LAZY is understood, and changes nothing."""
        self.converse("""
            C: A1 FETCH 1 (PREVIEW)
            S: * 1 FETCH (PREVIEW "Preview text!")
            S: A1 OK FETCH completed
            C: E1 FETCH 1:3 (PREVIEW (LAZY) UID)
            S: * 1 FETCH (PREVIEW "Preview text!" UID 1)
            S: * 2 FETCH (PREVIEW {13}
            S: Lang\u00fcage one UID 2)
            S: * 3 FETCH (PREVIEW "" UID 3)
            S: E1 OK FETCH completed
        """)

    def test_with_items_that_are_read_otherwise(self) -> None:
        self.assertEqual(
            self.client.ask(b"f FETCH 1 (PREVIEW BODY.PEEK[TEXT])"),
            b'* 1 FETCH (PREVIEW "Preview text!" BODY[TEXT] {15}\r\nPreview text!\r\n)\r\n'
            b"f OK FETCH completed\r\n",
        )

    def test_with_modifiers_of_fetch(self) -> None:
        """RFC 4466 §2.4: the list behind an item by itself may be one of the command's."""
        said = self.client.ask(b"a FETCH 1 PREVIEW (CHANGEDSINCE 1)")
        self.assertIn(b'PREVIEW "Preview text!"', said)
        said = self.client.ask(b"a FETCH 1 PREVIEW (lazy) (CHANGEDSINCE 1)")
        self.assertIn(b'PREVIEW "Preview text!"', said)

    def test_it_sees_nothing(self) -> None:
        self.client.ask(b"f FETCH 1 PREVIEW")
        self.assertIn(b"(UNSEEN 3)", self.client.ask(b"u STATUS INBOX (UNSEEN)"))

    def test_other_modifiers_are_bad(self) -> None:
        self.converse("""
            C: a FETCH 1 (PREVIEW (EAGER))
            S: a BAD ...
            C: b FETCH 1 (PREVIEW ())
            S: b BAD ...
        """)
