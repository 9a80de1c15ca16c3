"""Keys of SORT and THREAD."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.address_list import parse
from sora.mail.sort_keys import (
    MAX_KEY,
    MAX_REFERENCES,
    base_subject,
    first_display,
    first_mailbox,
    is_reply,
    message_id,
    message_ids,
)


class SubjectTests(SynchronousTestCase):
    def test_replies_and_forwards(self) -> None:
        """RFC 5256 §2.1: what was removed besides white space and blobs says so."""
        for subject, expected in (
            ("Hello", False),
            ("  [list] Hello ", False),
            ("Re: Hello", True),
            ("[list] Fw: Hello", True),
            ("Hello (fwd)", True),
            ("[Fwd: Hello]", True),
            ("Regarding: Hello", False),
        ):
            self.assertEqual(is_reply(subject), expected, subject)

    def test_the_base_subject(self) -> None:
        """RFC 5256 §2.1 and §5."""
        for subject, expected in (
            ("Hello", "HELLO"),
            ("Re: Hello", "HELLO"),
            ("RE: re : Fwd: FW: hello (fwd)", "HELLO"),
            ("Re[2]: hello", "HELLO"),
            ("[list] Re: [other] hello", "HELLO"),
            ("Re: [list] hello (FWD) (fwd)", "HELLO"),
            ("[Fwd: Re: hello]", "HELLO"),
            ("[fwd: [fwd: hello (fwd)]]", "HELLO"),
            ("[only a blob]", "[ONLY A BLOB]"),
            ("Re:", ""),
            ("Re: (fwd)", ""),
            ("  a \t b  ", "A B"),
            ("regarding: this", "REGARDING: THIS"),
            ("[unclosed hello", "[UNCLOSED HELLO"),
            ("", ""),
            ("R\u00e9: caf\u00e9", "RE\u0301: CAFE\u0301"),
            ("RE: Stra\u00dfe", "STRA\u00dfE"),
        ):
            with self.subTest(subject):
                self.assertEqual(base_subject(subject), expected)

    def test_long_subjects_are_cut_and_take_no_time(self) -> None:
        for piece in ("re: ", "[a] ", "(fwd)", "[fwd: ", "[", "x"):
            with self.subTest(piece):
                self.assertLessEqual(len(base_subject(piece * 100_000)), MAX_KEY)


class AddressTests(SynchronousTestCase):
    def test_the_mailbox_and_the_name_of_the_first_address(self) -> None:
        """RFC 5256 §3, RFC 5957 §3."""
        for value, mailbox, display in (
            (b"Alice <Alice.A@Example.com>, b@c", "ALICE.A", "ALICE"),
            (b"bob@Example.com", "BOB", "BOB@EXAMPLE.COM"),
            (b"=?utf-8?Q?J=C3=B6rg?= <j@x>", "J", "JO\u0308RG"),
            (b"Group: a@b;", "GROUP", "GROUP"),
            (b"root", "ROOT", "ROOT"),
            (b"", "", ""),
        ):
            with self.subTest(value):
                self.assertEqual(first_mailbox(parse(value)), mailbox)
                self.assertEqual(first_display(parse(value)), display)


class MessageIdTests(SynchronousTestCase):
    def test_ids_are_found_among_anything(self) -> None:
        for value, expected in (
            (b"<a@b>", ("a@b",)),
            (b"<a@b> <c@d>\t<a@b>", ("a@b", "c@d", "a@b")),
            (b"message from X <a@b> of today", ("a@b",)),
            (b'<"a"@b>', ("a@b",)),
            (b"< a@b >", ("a@b",)),
            (b"<>", ()),
            (b"no brackets", ()),
        ):
            with self.subTest(value):
                self.assertEqual(message_ids(value), expected)

    def test_a_message_id_without_brackets_is_taken_as_it_is(self) -> None:
        self.assertEqual(message_id(b"a@b"), "a@b")
        self.assertEqual(message_id(b"  "), "")
        self.assertEqual(message_id(b"<a@b> x"), "a@b")

    def test_of_many_references_the_first_and_the_last_are_kept(self) -> None:
        ids = message_ids(b" ".join(b"<%d@x>" % number for number in range(1000)))
        self.assertEqual(len(ids), MAX_REFERENCES)
        self.assertEqual((ids[0], ids[-1]), ("0@x", "999@x"))
