"""LIST and LSUB; what their extensions add is in `extensions`."""

from trial_tests.support.transcript import TranscriptTestCase


class ListTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("foo", "foo/bar", "foo/bar/baz", "&AOQ-rger", '"a b"'):
            self.client.ask(f"c CREATE {name}".encode())

    def test_what_is_no_name_matches_nothing(self) -> None:
        """RFC 3501 §5.1.3: `&'` does not begin any name; to ask for it is no mistake."""
        self.converse("""
            C: a LIST "" &'+,-*
            S: a OK LIST completed
            C: b LIST "&" *
            S: b OK LIST completed
            C: c LSUB "" "&*"
            S: c OK LSUB completed
        """)

    def test_lists(self) -> None:
        """RFC 3501 §6.3.8, with the attributes of RFC 3348."""
        self.converse("""
            C: a LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" "a b"
            S: * LIST (\\HasChildren) "/" foo
            S: * LIST (\\HasChildren) "/" foo/bar
            S: * LIST (\\HasNoChildren) "/" foo/bar/baz
            S: * LIST (\\HasNoChildren) "/" &AOQ-rger
            S: a OK LIST completed
            C: b LIST "" %
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" "a b"
            S: * LIST (\\HasChildren) "/" foo
            S: * LIST (\\HasNoChildren) "/" &AOQ-rger
            S: b OK LIST completed
            C: c LIST foo/ %
            S: * LIST (\\HasChildren) "/" foo/bar
            S: c OK LIST completed
            C: d LIST "" "foo*az"
            S: * LIST (\\HasNoChildren) "/" foo/bar/baz
            S: d OK LIST completed
            C: e LIST "" inbox
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: e OK LIST completed
            C: f LIST "" "&AOQ-*"
            S: * LIST (\\HasNoChildren) "/" &AOQ-rger
            S: f OK LIST completed
            C: g LIST "" Nowhere
            S: g OK LIST completed
        """)

    def test_an_empty_name_asks_for_the_delimiter(self) -> None:
        """RFC 3501 §6.3.8."""
        self.converse("""
            C: a LIST "" ""
            S: * LIST (\\Noselect) "/" ""
            S: a OK LIST completed
            C: b LIST "foo/" ""
            S: * LIST (\\Noselect) "/" ""
            S: b OK LIST completed
        """)

    def test_patterns_as_literals(self) -> None:
        self.converse("""
            C: a LIST {0+}
            C:  {3+}
            C: foo
            S: * LIST (\\HasChildren) "/" foo
            S: a OK LIST completed
        """)

    def test_what_cannot_be(self) -> None:
        self.converse("""
            C: a LIST ""
            S: a BAD ...
            C: b LIST "" * RETURN
            S: b BAD ...
            C: c LIST (NONSENSE) "" *
            S: c BAD NONSENSE is not a selection option of LIST
            C: d LIST "" * RETURN (NONSENSE)
            S: d BAD NONSENSE is not a return option of LIST
            C: e LIST (RECURSIVEMATCH) "" *
            S: e BAD RECURSIVEMATCH needs another selection option
        """)

    def test_lsub(self) -> None:
        """RFC 3501 §6.3.9: a superior that % matches stands for its inferiors."""
        self.client.ask(b"c SUBSCRIBE foo/bar")
        self.client.ask(b"c SUBSCRIBE INBOX")
        self.converse("""
            C: a LSUB "" *
            S: * LSUB () "/" INBOX
            S: * LSUB () "/" foo/bar
            S: a OK LSUB completed
            C: b LSUB "" %
            S: * LSUB () "/" INBOX
            S: * LSUB (\\Noselect) "/" foo
            S: b OK LSUB completed
            C: c LSUB "" ""
            S: * LSUB (\\Noselect) "/" ""
            S: c OK LSUB completed
        """)

    def test_a_name_stays_subscribed_when_its_mailbox_goes(self) -> None:
        """RFC 3501 §6.3.6."""
        self.client.ask(b"c SUBSCRIBE foo/bar/baz")
        self.client.ask(b"c DELETE foo/bar/baz")
        self.assertIn(b'" foo/bar/baz\r\n'[1:], self.client.ask(b'a LSUB "" *'))
