"""LIST-EXTENDED (RFC 5258)."""

from trial_tests.support.transcript import TranscriptTestCase


class ListExtendedTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable/Broccoli"):
            self.client.ask(f"c CREATE {name}".encode())
        for name in ("Fruit/Banana", "Vegetable", "Vegetable/Broccoli"):
            self.client.ask(f"c SUBSCRIBE {name}".encode())
        self.client.ask(b"c DELETE Vegetable/Broccoli")
        self.client.ask(b"c UNSUBSCRIBE INBOX")

    def test_only_what_is_subscribed(self) -> None:
        """RFC 5258 §5, example 2: also names without a mailbox."""
        self.converse("""
            C: a LIST (SUBSCRIBED) "" "*"
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Fruit/Banana
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Vegetable
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" Vegetable/Broccoli
            S: a OK LIST completed
        """)

    def test_whether_it_is_subscribed(self) -> None:
        """RFC 5258 §5, example 6."""
        self.converse("""
            C: a LIST () "" "%" RETURN (SUBSCRIBED CHILDREN)
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasChildren) "/" Fruit
            S: * LIST (\\HasNoChildren) "/" Tofu
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Vegetable
            S: a OK LIST completed
        """)

    def test_superiors_of_what_is_subscribed(self) -> None:
        """RFC 5258 §3.5 and §5, example 8: CHILDINFO."""
        self.converse("""
            C: a LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"
            S: * LIST (\\HasChildren) "/" Fruit ("CHILDINFO" ("SUBSCRIBED"))
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Vegetable ("CHILDINFO" ("SUBSCRIBED"))
            S: a OK LIST completed
        """)

    def test_not_of_what_is_listed_itself(self) -> None:
        """RFC 5258 §3.5 and §5, example 9: no superior only for the sake of inferiors that the
        client is shown anyway."""
        self.client.ask(b"c SUBSCRIBE Fruit/Apple")
        self.converse("""
            C: a LIST (SUBSCRIBED RECURSIVEMATCH) "" (Fruit Fruit/Apple)
            S: * LIST (\\HasChildren) "/" Fruit ("CHILDINFO" ("SUBSCRIBED"))
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Fruit/Apple
            S: a OK LIST completed
            C: b LIST (SUBSCRIBED RECURSIVEMATCH) "" (Fruit Fruit/%)
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Fruit/Apple
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Fruit/Banana
            S: b OK LIST completed
        """)

    def test_several_patterns(self) -> None:
        """RFC 5258 §5, example 4."""
        self.converse("""
            C: a LIST "" ("INBOX" "Tofu" "Fruit/%")
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren) "/" Fruit/Apple
            S: * LIST (\\HasNoChildren) "/" Fruit/Banana
            S: * LIST (\\HasNoChildren) "/" Tofu
            S: a OK LIST completed
            C: b LIST (REMOTE) "" (Tofu) RETURN ()
            S: * LIST (\\HasNoChildren) "/" Tofu
            S: b OK LIST completed
        """)


class WithoutListExtendedTests(TranscriptTestCase):
    dialect = TranscriptTestCase.dialect.without(b"LIST-EXTENDED")

    def test_its_syntax_is_bad_and_what_needs_it_is_gone(self) -> None:
        self.assertNotIn(b"LIST-", self.client.ask(b"a CAPABILITY"))
        self.assertTrue(self.client.ask(b'a LIST (SUBSCRIBED) "" *').startswith(b"a BAD"))
        self.assertTrue(self.client.ask(b'a LIST "" * RETURN (STATUS (X))').startswith(b"a BAD"))
