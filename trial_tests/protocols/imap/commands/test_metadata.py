"""GETMETADATA and SETMETADATA (RFC 5464)."""

from attrs import evolve

from sora.mailbox.annotations import AnnotationRules
from sora.storage.rows import NewMailbox
from trial_tests.support.sharing import WORK, SharingTestCase
from trial_tests.support.transcript import TranscriptTestCase


class MetadataTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        rules = AnnotationRules(
            max_value=2000,
            max_entries=10,
            admin="mailto:root@example.com",
            comment="Shared comment",
        )
        self.server.mail._rooms = evolve(self.server.mail._rooms, annotation_rules=rules)
        self.client = self.new_client()

    def test_the_server(self) -> None:
        """§4.2, §6.2: what is shared of it is read-only."""
        self.converse("""
            C: a GETMETADATA "" /shared/comment
            S: * METADATA "" (/shared/comment "Shared comment")
            S: a OK GETMETADATA completed
            C: b GETMETADATA "" (/shared/admin /private/comment)
            S: * METADATA "" (/shared/admin "mailto:root@example.com" /private/comment NIL)
            S: b OK GETMETADATA completed
            C: c SETMETADATA "" (/shared/comment "mine")
            S: c NO [NOPERM] What is shared of the server is set by who runs it
            C: d SETMETADATA "" (/private/vendor/x/y "mine")
            S: d OK SETMETADATA completed
            C: e GETMETADATA (DEPTH infinity) "" (/private /shared)
            S: * METADATA "" (/private/vendor/x/y "mine" /shared/admin "mailto:root@example.com" /shared/comment "Shared comment")
            S: e OK GETMETADATA completed
        """)

    def test_a_mailbox(self) -> None:
        """§4.2, §4.3: the examples."""
        self.converse("""
            C: a SETMETADATA INBOX (/private/comment {33}
            S: + Ready for the literal
            C: My new comment across
            C: two lines.)
            S: a OK SETMETADATA completed
            C: b GETMETADATA "INBOX" /private/comment
            S: * METADATA INBOX (/private/comment {33}
            S: My new comment across
            S: two lines.)
            S: b OK GETMETADATA completed
            C: c SETMETADATA INBOX (/private/comment "My new comment" /shared/comment "This one is for you!")
            S: c OK SETMETADATA completed
            C: d GETMETADATA "INBOX" (/shared/comment /private/comment)
            S: * METADATA INBOX (/shared/comment "This one is for you!" /private/comment "My new comment")
            S: d OK GETMETADATA completed
            C: e GETMETADATA "INBOX" /private/comment /shared/comment
            S: * METADATA INBOX (/private/comment "My new comment" /shared/comment "This one is for you!")
            S: e OK GETMETADATA completed
            C: f SETMETADATA INBOX (/private/comment NIL)
            S: f OK SETMETADATA completed
            C: g GETMETADATA INBOX (/Private/COMMENT)
            S: * METADATA INBOX (/private/comment NIL)
            S: g OK GETMETADATA completed
        """)

    def test_maxsize(self) -> None:
        """§4.2.1, with the options on both sides of the mailbox."""
        self.client.ask(
            b"s SETMETADATA INBOX (/private/comment {15+}\r\nMy own comment."
            b" /shared/comment {1999+}\r\n" + b"x" * 1999 + b")"
        )
        self.converse("""
            C: a GETMETADATA "INBOX" (MAXSIZE 1024) (/shared/comment /private/comment)
            S: * METADATA INBOX (/private/comment "My own comment.")
            S: a OK [METADATA LONGENTRIES 1999] GETMETADATA completed
            C: b GETMETADATA (MAXSIZE 14 DEPTH 0) INBOX (/private/comment /shared/comment)
            S: b OK [METADATA LONGENTRIES 1999] GETMETADATA completed
        """)

    def test_depth(self) -> None:
        """§4.2.2: what is named and has no value is not shown with what is below it."""
        self.client.ask(
            b'a SETMETADATA INBOX (/private/filters/values/small "SMALLER 5000"'
            b' /private/filters/values/boss "FROM \\"boss@example.com\\""'
            b' /private/filters/values/a/b "c")'
        )
        self.converse(
            """
            C: a GETMETADATA "INBOX" (DEPTH 1) (/private/filters/values)
            S: * METADATA INBOX (/private/filters/values/boss "FROM \\"boss@example.com\\"" /private/filters/values/small "SMALLER 5000")
            S: a OK GETMETADATA completed
            C: b GETMETADATA INBOX (DEPTH INFINITY MAXSIZE 5) /private
            S: * METADATA INBOX (/private/filters/values/a/b c)
            S: b OK [METADATA LONGENTRIES 23] GETMETADATA completed
            C: c GETMETADATA INBOX (DEPTH 0) /private/filters/values
            S: * METADATA INBOX (/private/filters/values NIL)
            S: c OK GETMETADATA completed
            C: d GETMETADATA INBOX (DEPTH infinity) /shared
            S: d OK GETMETADATA completed
        """.replace("a/b c)", 'a/b "c")')
        )

    def test_octets_of_all_kinds(self) -> None:
        """§5: literal8, in both directions."""
        octets = bytes(range(256))
        self.client.send(b"a SETMETADATA INBOX (/private/comment ~{256+}\r\n" + octets + b")\r\n")
        self.assertEqual(self.client.take(), b"a OK SETMETADATA completed\r\n")
        self.assertEqual(
            self.client.ask(b"b GETMETADATA INBOX /private/comment"),
            b"* METADATA INBOX (/private/comment ~{256}\r\n" + octets + b")\r\n"
            b"b OK GETMETADATA completed\r\n",
        )
        self.client.send(b"c SETMETADATA INBOX (/private/comment {1+}\r\n\0)\r\n")
        self.assertRegex(self.client.take(), rb"c BAD ")
        self.client.send(b"d SETMETADATA INBOX (/private/a ~{1+}\r\n\0 /private/b {1+}\r\n\0)\r\n")
        self.assertRegex(self.client.take(), rb"d BAD A literal has a NUL")

    def test_a_value_that_is_too_large(self) -> None:
        """§4.3, before it comes."""
        self.converse("""
            C: a SETMETADATA INBOX (/private/comment {2001}
            S: a NO [METADATA MAXSIZE 2000] A value may have 2000 octets
            C: b SETMETADATA INBOX (/private/comment ~{2001}
            S: b NO [METADATA MAXSIZE 2000] A value may have 2000 octets
        """)
        quoted = b'"' + b"x" * 2001 + b'"'
        self.assertEqual(
            self.client.ask(
                b'c SETMETADATA INBOX (/private/a "b" /private/comment ' + quoted + b")"
            ),
            b"c NO [METADATA MAXSIZE 2000] A value may have 2000 octets\r\n",
        )
        self.assertIn(b"/private/a NIL", self.client.ask(b"d GETMETADATA INBOX /private/a"))

    def test_too_many(self) -> None:
        """§4.3: nothing of it is set."""
        ten = b" ".join(b'/private/%d "x"' % n for n in range(10))
        self.assertIn(b"a OK", self.client.ask(b"a SETMETADATA INBOX (" + ten + b")"))
        self.converse("""
            C: a SETMETADATA INBOX (/private/0 "new" /private/comment "My new comment")
            S: a NO [METADATA TOOMANY] There are at most 10 entries.
            C: b GETMETADATA INBOX /private/0
            S: * METADATA INBOX (/private/0 "x")
            S: b OK GETMETADATA completed
        """)
        eleven = ten + b' /private/10 "x"'
        said = self.client.ask(b"c SETMETADATA INBOX (" + eleven + b")")
        self.assertIn(b"c NO [METADATA TOOMANY]", said)

    def test_names_that_are_no_names(self) -> None:
        """§3.2: BAD."""
        for name in (
            b"comment",
            b"/comment",
            b"/public/comment",
            b"/private//comment",
            b"/private/comment/",
            b"/private/",
            b'"/private/a*"',
            b'"/private/a%"',
            b'"/private/\x01"',
            b"{12+}\r\n/private/\xc3\xbc!",
            b"/private/" + b"x" * 1000,
        ):
            said = self.client.ask(b"a GETMETADATA INBOX " + name)
            self.assertTrue(said.startswith(b"a BAD "), (name, said))
            said = self.client.ask(b"b SETMETADATA INBOX (" + name + b' "x")')
            self.assertTrue(said.startswith(b"b BAD "), (name, said))
        for name in (b"/private", b"/shared", b"/shared/vendor", b"/shared/vendor/x"):
            said = self.client.ask(b"c SETMETADATA INBOX (" + name + b' "x")')
            self.assertTrue(said.startswith(b"c BAD "), (name, said))

    def test_what_is_bad(self) -> None:
        self.converse("""
            C: a GETMETADATA INBOX
            S: a BAD ...
            C: b GETMETADATA INBOX ()
            S: b BAD ...
            C: c GETMETADATA (DEPTH 2) INBOX /private/a
            S: c BAD DEPTH is 0, 1 or infinity; at octet 23 of the command
            C: d GETMETADATA (SIZE 2) INBOX /private/a
            S: d BAD SIZE is not an option of GETMETADATA
            C: e SETMETADATA INBOX ()
            S: e BAD ...
            C: f SETMETADATA INBOX (/private/a)
            S: f BAD ...
            C: g SETMETADATA INBOX (/private/a "1" /PRIVATE/A "2")
            S: g BAD /private/a is set twice
            C: h GETMETADATA Nowhere /private/a
            S: h NO [NONEXISTENT] There is no mailbox 'Nowhere'
            C: i SETMETADATA Nowhere (/private/a "1")
            S: i NO [NONEXISTENT] There is no mailbox 'Nowhere'
        """)

    def test_before_the_login(self) -> None:
        client = self.new_client(logs_in=False)
        self.assertNotIn(b"METADATA", client.ask(b"a CAPABILITY"))
        self.assertIn(b"b BAD [CLIENTBUG]", client.ask(b'b GETMETADATA "" /shared/comment'))
        self.assertIn(b" METADATA ", self.client.ask(b"a CAPABILITY"))
        self.assertIn(b" METADATA-SERVER ", self.client.ask(b"a CAPABILITY"))

    def test_each_is_one_round_trip(self) -> None:
        statements = self.server.storage.tables.statements
        statements.clear()
        self.client.ask(b'a SETMETADATA INBOX (/private/a "1" /shared/b "2")')
        self.client.ask(b"b GETMETADATA INBOX (DEPTH infinity) (/private /shared)")
        self.client.ask(b'c GETMETADATA "" /shared/comment')
        self.assertEqual(dict(statements), {"metadata.write": 1, "metadata.read": 1})


class SpecialUseTests(TranscriptTestCase):
    """RFC 6154 §4, §5.4"""

    def setUp(self) -> None:
        super().setUp()
        self.add_account("anna@example.com", NewMailbox("SavedMail"), NewMailbox("Sent", "\\Sent"))
        self.client = self.new_client(user="anna")

    def test_it_is_read_and_set(self) -> None:
        self.converse("""
            C: a GETMETADATA Sent /private/specialuse
            S: * METADATA Sent (/private/specialuse "\\\\Sent")
            S: a OK GETMETADATA completed
            C: t1 SETMETADATA "SavedMail" (/private/specialuse "\\\\Archive" /private/comment "x")
            S: t1 OK SETMETADATA completed
            C: t2 LIST "" SavedMail
            S: * LIST (\\HasNoChildren \\Archive) "/" SavedMail
            S: t2 OK LIST completed
            C: t3 SETMETADATA "SavedMail" (/private/comment "y" /private/specialuse "\\\\Sent")
            S: t3 NO [USEATTR] Another mailbox is used as \\Sent.
            C: t4 SETMETADATA "SavedMail" (/private/specialuse "\\\\Sent \\\\Junk")
            S: t4 NO [USEATTR] '\\\\Sent \\\\Junk' is not one special use
            C: t5 GETMETADATA SavedMail (DEPTH infinity) /private
            S: * METADATA SavedMail (/private/comment "x" /private/specialuse "\\\\Archive")
            S: t5 OK GETMETADATA completed
            C: t6 SETMETADATA SavedMail (/private/specialuse NIL)
            S: t6 OK SETMETADATA completed
            C: t7 GETMETADATA SavedMail /private/specialuse
            S: * METADATA SavedMail (/private/specialuse NIL)
            S: t7 OK GETMETADATA completed
        """)


class SharedMetadataTests(SharingTestCase):
    """RFC 5464 §3.3"""

    def test_private_and_shared_ones_of_a_mailbox_of_somebody_else(self) -> None:
        self.client.ask(b'a SETMETADATA Work (/private/comment "fred" /shared/comment "ours")')
        self.say(f"""
            C: a GETMETADATA {WORK} /shared/comment
            S: a NO [NONEXISTENT] There is no mailbox '{WORK}'
        """)
        self.share("l")
        self.say(f"""
            C: a GETMETADATA {WORK} /shared/comment
            S: a NO [NOPERM] ...
        """)
        self.share("lr")
        self.say(
            f"""
            C: a GETMETADATA {WORK} (/shared/comment /private/comment /private/specialuse)
            S: * METADATA {WORK} (/shared/comment "ours" /private/comment NIL /private/specialuse NIL)
            S: a OK GETMETADATA completed
            C: b SETMETADATA {WORK} (/private/comment "bob")
            S: b OK SETMETADATA completed
            C: c SETMETADATA {WORK} (/shared/comment "bob")
            S: c NO [NOPERM] ...
            C: d LIST "" {WORK} RETURN (METADATA (/private/comment /shared/comment))
            S: * LIST (\\HasNoChildren) "/" {WORK}
            S: * METADATA {WORK} (/private/comment "bob" /shared/comment "ours")
            S: d OK LIST completed
        """.replace("\\\\Has", "\\Has")
        )
        self.share("lrw")
        self.assertIn(b"e OK", self.bob.ask(f'e SETMETADATA {WORK} (/shared/comment "x")'.encode()))
        self.assertIn(
            b'(/private/comment "fred" /shared/comment "x")',
            self.client.ask(b"g GETMETADATA Work (/private/comment /shared/comment)"),
        )
