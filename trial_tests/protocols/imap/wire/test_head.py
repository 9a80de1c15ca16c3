"""Heads of commands."""

from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.imap.wire.head import Head, head_of, tag_of


class HeadTests(SynchronousTestCase):
    def test_tag_and_word_are_found_whatever_their_case(self) -> None:
        for text, head in [
            (b"a NOOP", Head(b"a", False, b"NOOP", 6)),
            (b"A.1 uid fetch 1 FLAGS", Head(b"A.1", True, b"FETCH", 13)),
            (b"a uid", Head(b"a", False, b"UID", 5)),
            (b"a login {4}\r\nx", Head(b"a", False, b"LOGIN", 7)),
        ]:
            self.assertEqual(head_of(text), head)

    def test_what_is_no_head(self) -> None:
        for text in (b"", b"a", b"a ", b" NOOP", b"+ NOOP", b"a  NOOP", b"a* NOOP", b"a NOOP\0"):
            self.assertIsNone(head_of(text), text)

    def test_a_tag_is_answered_also_when_the_rest_makes_no_sense(self) -> None:
        for text, tag in [
            (b"a ???", b"a"),
            (b"a NO\0OP", b"a"),
            (b"a", b"*"),
            (b"* NOOP", b"*"),
            (b"x" * 101 + b" NOOP", b"*"),
        ]:
            self.assertEqual(tag_of(text), tag, text)
