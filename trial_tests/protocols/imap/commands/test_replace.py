"""REPLACE and UID REPLACE (RFC 8508)."""

from attrs import evolve

from sora.protocols.imap.services import Limits
from trial_tests.support.sharing import WORK, SharingTestCase
from trial_tests.support.transcript import TranscriptTestCase


class ReplaceTests(TranscriptTestCase):
    limits = evolve(Limits(), message=1000)

    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"a CREATE Drafts")
        self.append_some(4, "Drafts")
        self.client.ask(b"s SELECT Drafts")
        self.client.ask(b"s SELECT Drafts")  # nothing is \\Recent any more

    def test_by_number(self) -> None:
        """§3.2. What is gone is told before what came, as always (G25); APPENDUID before both."""
        self.converse("""
            C: A003 REPLACE 4 Drafts (\\Seen \\Draft) {28}
            S: + Ready for the message
            C: Subject: happy new year !!
            C:
            S: * OK [APPENDUID ... 5] The replacement is stored
            S: * 4 EXPUNGE
            S: * 4 EXISTS
            S: * 1 RECENT
            S: A003 OK REPLACE completed
            C: f FETCH 1:* (UID FLAGS)
            S: * 1 FETCH (UID 1 FLAGS ())
            S: * 2 FETCH (UID 2 FLAGS ())
            S: * 3 FETCH (UID 3 FLAGS ())
            S: * 4 FETCH (UID 5 FLAGS (\\Seen \\Draft \\Recent))
            S: f OK FETCH completed
        """)

    def test_by_uid(self) -> None:
        """§3.3"""
        self.client.ask(b"c REPLACE 1 Drafts {2+}\r\nhi")
        self.converse(
            """
            C: A004 UID REPLACE 2 Drafts (\\Seen \\Draft) {30}
            S: + Ready for the message
            C: Hopefully next year you can
            C:
            S: * OK [APPENDUID ... 6] The replacement is stored
            S: * 1 EXPUNGE
            S: * 4 EXISTS
            S: ...
            S: A004 OK UID REPLACE completed
        """.replace("{30}", "{31}").replace("can\n", "can.\n")
        )

    def test_into_another_mailbox(self) -> None:
        """§3.4: a draft becomes what was sent. Somebody else sees both."""
        self.client.ask(b"a CREATE Sent")
        other = self.new_client()
        other.ask(b"s SELECT Drafts")
        self.converse("""
            C: a UID REPLACE 2 Sent (\\Seen) {2+}
            C: hi
            S: * OK [APPENDUID ... 1] The replacement is stored
            S: * 2 EXPUNGE
            S: a OK UID REPLACE completed
            C: b STATUS Sent (MESSAGES UNSEEN)
            S: * STATUS Sent (MESSAGES 1 UNSEEN 0)
            S: b OK STATUS completed
        """)
        self.assertEqual(other.ask(b"n NOOP"), b"* 2 EXPUNGE\r\nn OK NOOP completed\r\n")

    def test_with_catenate(self) -> None:
        """§4.2: the message that goes gives its octets first."""
        self.converse("""
            C: A011 UID REPLACE 3 Drafts CATENATE (TEXT {71}
            S: + Ready for the message
            C: To: Mitzy <miss.mitzy@example.org>
            C: Subject: My view of the fireworks
            C:  URL "/Drafts/;UID=3")
            S: * OK [APPENDUID ... 5] The replacement is stored
            S: * 3 EXPUNGE
            S: * 4 EXISTS
            S: ...
            S: A011 OK UID REPLACE completed
        """)
        self.assertIn(
            b"fireworks\r\nSubject: message 3\r\n\r\nText 3\r\n)",
            self.client.ask(b"f UID FETCH 5 BODY.PEEK[]"),
        )

    def test_for_a_client_that_resynchronises(self) -> None:
        """§4.5, RFC 7162 §3.2.9: VANISHED, and the modseq of it with the tagged OK."""
        self.client.ask(b"e ENABLE QRESYNC")
        said = self.client.ask(b"a UID REPLACE 2 Drafts {2+}\r\nhi")
        self.assertRegex(
            said,
            rb"\* OK \[APPENDUID \d+ 5\] The replacement is stored\r\n\* VANISHED 2\r\n"
            rb"\* 4 EXISTS\r\n(?:\* 1 RECENT\r\n)?a OK \[HIGHESTMODSEQ \d+\] It is done\r\n",
        )

    def test_a_client_without_numbers(self) -> None:
        """RFC 9586: only the form with a UID is left."""
        self.client.ask(b"e ENABLE UIDONLY")
        said = self.client.ask(b"a REPLACE 2 Drafts {2+}\r\nhi")
        self.assertTrue(said.startswith(b"a BAD [UIDREQUIRED]"), said)
        self.assertIn(b"* VANISHED 2\r\n", self.client.ask(b"b UID REPLACE 2 Drafts {2+}\r\nhi"))

    def test_only_the_net_room_counts(self) -> None:
        """§3.4: what goes makes room for what comes."""
        account = self.account().identity.account_id
        self.server.storage.tables.accounts[account].quota_messages = 4
        self.assertIn(b"a NO [OVERQUOTA]", self.client.ask(b"a APPEND Drafts {2+}\r\nhi"))
        self.assertIn(b"b OK", self.client.ask(b"b REPLACE 1 Drafts {2+}\r\nhi"))
        self.assertIn(b"c OK", self.client.ask(b"c REPLACE 1 INBOX {2+}\r\nhi"))

    def test_nothing_happens_when_it_fails(self) -> None:
        self.converse("""
            C: a REPLACE 1 Nowhere {2}
            S: + Ready for the message
            C: hi
            S: a NO [TRYCREATE] There is no mailbox 'Nowhere'
            C: b REPLACE 5 Drafts {2+}
            C: hi
            S: b BAD ...
            C: c UID REPLACE 9 Drafts {2+}
            C: hi
            S: c NO [NONEXISTENT] There is no message with this UID; nothing was appended
            C: d REPLACE 1 Drafts {1001}
            S: d NO [TOOBIG] A message may have 1000 octets
            C: e REPLACE 1 Drafts {0}
            S: e NO A message without an octet cannot be appended
            C: f REPLACE 1 Drafts CATENATE (URL /Drafts/;UID=77)
            S: f NO [BADURL "/Drafts/;UID=77"] ...
            C: g REPLACE 1:2 Drafts {2}
            S: g BAD ...
            C: h REPLACE 0 Drafts {2}
            S: h BAD A number of a message is missing at octet 12 of the command
            C: i REPLACE 1 Drafts {2+}
            C: hi {2+}
            C: ho
            S: i BAD There is more than the command takes, ...
            C: z STATUS Drafts (MESSAGES UIDNEXT)
            S: * STATUS Drafts (MESSAGES 4 UIDNEXT 5)
            S: z OK STATUS completed
        """)

    def test_the_last_one(self) -> None:
        self.assertIn(b"* 4 EXPUNGE", self.client.ask(b"a REPLACE * Drafts {2+}\r\nhi"))

    def test_a_mailbox_that_is_open_read_only(self) -> None:
        """G34, before the message comes."""
        self.client.ask(b"e EXAMINE Drafts")
        self.converse("""
            C: a REPLACE 1 Drafts {2}
            S: a NO [READ-ONLY] The mailbox 'Drafts' is open read-only
            C: b REPLACE 1 Drafts CATENATE (URL /Drafts/;UID=1)
            S: b NO [READ-ONLY] The mailbox 'Drafts' is open read-only
        """)

    def test_a_message_that_somebody_else_has_expunged(self) -> None:
        other = self.new_client()
        other.ask(b"s SELECT Drafts")
        other.ask(b"d STORE 2 +FLAGS (\\Deleted)")
        other.ask(b"x EXPUNGE")
        self.converse("""
            C: a REPLACE 2 Drafts {2+}
            C: hi
            S: * 2 EXPUNGE
            S: a NO [EXPUNGEISSUED] The message is no longer there; nothing was put in its place.
        """)

    def test_it_needs_a_selected_mailbox(self) -> None:
        self.client.ask(b"u UNSELECT")
        self.converse("""
            C: a REPLACE 1 Drafts {2}
            S: a BAD [CLIENTBUG] REPLACE needs a selected mailbox
        """)


class SharedReplaceTests(SharingTestCase):
    """§4.1: the rights of STORE and EXPUNGE here, and of APPEND there."""

    def test_rights_on_what_goes(self) -> None:
        for rights, is_allowed in (("lr", False), ("lrt", False), ("lre", False), ("lrte", True)):
            self.share(rights)
            self.bob.ask(f"s SELECT {WORK}".encode())
            said = self.bob.ask(b"a UID REPLACE 1 Mine {2+}\r\nhi")
            self.assertEqual(b"a OK" in said, is_allowed, (rights, said))
        self.assertIn(b"(MESSAGES 2)", self.client.ask(b"s STATUS Work (MESSAGES)"))
        self.assertIn(b"(MESSAGES 1)", self.bob.ask(b"s STATUS Mine (MESSAGES)"))

    def test_rights_on_where_it_comes_to(self) -> None:
        self.bob.ask(b"a APPEND Mine {2+}\r\nhi")
        self.bob.ask(b"s SELECT Mine")
        for rights, code in (("", "[TRYCREATE]"), ("lr", "[NOPERM]")):
            self.share(rights)
            said = self.bob.ask(f"a REPLACE 1 {WORK} {{2+}}\r\nho".encode())
            self.assertIn(f"a NO {code}".encode(), said)
        self.share("lri")
        said = self.bob.ask(f"a REPLACE 1 {WORK} (\\Seen) {{2+}}\r\nho".encode())
        self.assertRegex(said, rb"(?s)\* 1 EXPUNGE\r\n.*a OK")
        # Without the right s the message comes without \\Seen (RFC 4314 §4).
        self.assertIn(b"(MESSAGES 4 UNSEEN 4)", self.client.ask(b"s STATUS Work (MESSAGES UNSEEN)"))

    def test_several_messages_at_once(self) -> None:
        """RFC 3502 in a mailbox of somebody else."""
        self.share("lr")
        said = self.bob.ask(f"a APPEND {WORK} {{2+}}\r\nhi {{2+}}\r\nho".encode())
        self.assertIn(b"a NO [NOPERM]", said)
        self.share("lri")
        said = self.bob.ask(f"a APPEND {WORK} {{2+}}\r\nhi (\\Flagged $x) {{2+}}\r\nho".encode())
        self.assertRegex(said, rb"a OK \[APPENDUID \d+ 4:5\]")
        self.client.ask(b"s SELECT Work")
        self.assertIn(b"FLAGS (\\Recent)", self.client.ask(b"f FETCH 5 FLAGS"))
