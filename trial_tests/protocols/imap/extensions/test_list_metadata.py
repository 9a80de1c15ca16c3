"""LIST-METADATA (RFC 9590)."""

from sora.protocols.imap.spoken import DIALECT
from trial_tests.support.transcript import TranscriptTestCase

COLOR = "/shared/vendor/cmu/cyrus-imapd/color"


class ListMetadataTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for command in (
            b"CREATE foo/inner",
            b"SUBSCRIBE INBOX",
            b"SUBSCRIBE foo/inner",
            f'SETMETADATA INBOX ({COLOR} "#b71c1c")'.encode(),
        ):
            self.assertIn(b"a OK", self.client.ask(b"a " + command))

    def test_the_examples_of_the_rfc(self) -> None:
        """§4"""
        self.assertIn(b" LIST-METADATA ", self.client.ask(b"A00 CAPABILITY"))
        self.converse(f"""
            C: A01 LIST "" % RETURN (METADATA ("{COLOR}"))
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * METADATA INBOX ({COLOR} "#b71c1c")
            S: * LIST (\\HasChildren) "/" foo
            S: * METADATA foo ({COLOR} NIL)
            S: A01 OK LIST completed
            C: A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (METADATA ("{COLOR}"))
            S: * LIST (\\HasNoChildren \\Subscribed) "/" INBOX
            S: * METADATA INBOX ({COLOR} "#b71c1c")
            S: * LIST (\\HasChildren) "/" foo ("CHILDINFO" ("SUBSCRIBED"))
            S: A02 OK LIST completed
        """)

    def test_the_whole_list_is_one_round_trip_more(self) -> None:
        self.client.ask(b"a SETMETADATA foo/inner (/private/comment x)")
        statements = self.server.storage.tables.statements
        statements.clear()
        said = self.client.ask(
            b'a LIST "" * RETURN (STATUS (MESSAGES) METADATA (/private/comment /private/specialuse))'
        )
        self.assertEqual(said.count(b"* METADATA "), 3)
        self.assertEqual(dict(statements), {"mailboxes.list": 1, "metadata.listed": 1})

    def test_a_name_without_a_mailbox_has_none(self) -> None:
        self.client.ask(b"a DELETE foo/inner")
        said = self.client.ask(b'a LIST (SUBSCRIBED) "" * RETURN (METADATA (/private/comment))')
        self.assertIn(b"* METADATA INBOX", said)
        self.assertNotIn(b"* METADATA foo", said)

    def test_what_is_bad(self) -> None:
        self.converse("""
            C: a LIST "" * RETURN (METADATA)
            S: a BAD ...
            C: b LIST "" * RETURN (METADATA ())
            S: b BAD ...
            C: c LIST "" * RETURN (METADATA (comment))
            S: c BAD 'comment' is no name of an annotation
        """)


class WithoutMetadataTests(TranscriptTestCase):
    dialect = DIALECT.without(b"METADATA")

    def test_it_needs_metadata(self) -> None:
        self.assertNotIn(b"METADATA", self.client.ask(b"a CAPABILITY"))
        self.assertIn(b"b BAD", self.client.ask(b'b LIST "" * RETURN (METADATA (/private/a))'))
