"""What was expunged, as read-only mailboxes below a prefix: `[history] namespace`."""

from datetime import timedelta

from sora.mailbox.places import SharedNamespace
from trial_tests.support.sharing import SharingTestCase
from trial_tests.support.transcript import TranscriptTestCase


class PastTestCase(TranscriptTestCase):
    """Four messages in INBOX; the second and the third were expunged, the third first."""

    past = "Deleted/"

    def setUp(self) -> None:
        super().setUp()
        self.append_some(4)
        self.ask("0 SELECT INBOX")
        self.ask("1 STORE 2 +FLAGS.SILENT (\\Seen $Junk)")
        for uid in (3, 2):
            self.expunge(uid)
        self.ask("4 UNSELECT")

    def ask(self, command: str) -> bytes:
        said = self.client.ask(command.encode())
        self.assertIn(command.split()[0].encode() + b" OK", said)
        return said

    def expunge(self, uid: int) -> None:
        self.ask(f"2 UID STORE {uid} +FLAGS.SILENT \\Deleted")
        self.ask("3 EXPUNGE")

    def cost(self, command: str) -> int:
        """The statements of a command."""
        statements = self.server.storage.tables.statements
        before = statements.total()
        self.ask(command)
        return statements.total() - before

    def purge(self, limit: int = 100) -> None:
        self.successResultOf(self.server.storage.cleaning.purge_expunged(timedelta(0), limit))


class ListingTests(PastTestCase):
    def test_namespaces(self) -> None:
        """RFC 2342: the first personal one is where mailboxes are made."""
        self.converse("""
            C: a NAMESPACE
            S: * NAMESPACE (("" "/")("Deleted/" "/")) NIL NIL
            S: a OK NAMESPACE completed
        """)

    def test_list(self) -> None:
        """RFC 5258: what is above them does not exist."""
        self.converse("""
            C: a LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Deleted
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: a OK LIST completed
            C: b LIST "" %
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Deleted
            S: b OK LIST completed
            C: c LIST Deleted/ %
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: c OK LIST completed
            C: d LIST "" Deleted/inbox RETURN (MYRIGHTS STATUS (MESSAGES UNSEEN UIDNEXT RECENT))
            S: d OK LIST completed
            C: e LIST "" Deleted/INBOX RETURN (MYRIGHTS STATUS (MESSAGES UNSEEN UIDNEXT RECENT))
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: * MYRIGHTS Deleted/INBOX lr
            S: * STATUS Deleted/INBOX (MESSAGES 2 UNSEEN 1 UIDNEXT 3 RECENT 0)
            S: e OK LIST completed
            C: f LIST "" Deleted RETURN (CHILDREN)
            S: * LIST (\\NonExistent \\HasChildren) "/" Deleted
            S: f OK LIST completed
        """)

    def test_list_costs_a_statement_only_where_it_matches(self) -> None:
        for pattern, cost in (
            ('"" *', 2),
            ('"" %', 2),
            ('"" Del*', 2),
            ("Deleted/ *", 2),
            ('"" Deleted', 2),
            ('"" Deleted/%/%', 2),
            ('"" INBOX', 1),
            ('"" Work/%', 1),
            ('"" Deletedx', 1),
            ('"" (INBOX "Work*")', 1),
            ('"" (INBOX "D*")', 2),
        ):
            self.assertEqual(self.cost(f"a LIST {pattern}"), cost, pattern)
        self.assertEqual(self.cost('a LIST (SUBSCRIBED) "" *'), 1)
        self.assertEqual(self.cost('a LSUB "" *'), 1)
        self.assertEqual(self.cost('a LIST (SPECIAL-USE) "" *'), 1)
        self.assertEqual(self.cost('a LIST "" * RETURN (STATUS (MESSAGES))'), 2)

    def test_subscriptions(self) -> None:
        """Many clients show nothing but what one is subscribed to."""
        self.converse("""
            C: a SUBSCRIBE Deleted/inbox
            S: a OK SUBSCRIBE completed
            C: b LSUB "" Deleted/*
            S: * LSUB () "/" Deleted/INBOX
            S: b OK LSUB completed
            C: c LIST (SUBSCRIBED) "" Deleted/*
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Deleted/INBOX
            S: c OK LIST completed
            C: d SUBSCRIBE Deleted/Work
            S: d NO [NONEXISTENT] There is no mailbox 'Deleted/Work'
            C: e UNSUBSCRIBE Deleted/INBOX
            S: e OK UNSUBSCRIBE completed
            C: f LSUB "" Deleted/*
            S: f OK LSUB completed
        """)

    def test_status(self) -> None:
        self.converse("""
            C: a STATUS Deleted/INBOX (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE)
            S: * STATUS Deleted/INBOX (MESSAGES 2 RECENT 0 UIDNEXT 3 UNSEEN 1 DELETED 0 SIZE ...)
            S: a OK STATUS completed
            C: b STATUS Deleted/Nowhere (MESSAGES)
            S: b NO [NONEXISTENT] There is no mailbox 'Deleted/Nowhere'
            C: c STATUS Deleted (MESSAGES)
            S: c NO [NONEXISTENT] There is no mailbox 'Deleted'
        """)

    def test_a_deleted_mailbox(self) -> None:
        self.ask("a CREATE Projects/2024")
        self.append_some(2, "Projects/2024")
        self.ask("b DELETE Projects/2024")
        self.converse("""
            C: a LIST Deleted/ *
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: * LIST (\\NonExistent \\Noselect \\HasChildren) "/" Deleted/Projects
            S: * LIST (\\HasNoChildren) "/" Deleted/Projects/2024
            S: a OK LIST completed
            C: b STATUS Deleted/Projects/2024 (MESSAGES)
            S: * STATUS Deleted/Projects/2024 (MESSAGES 2)
            S: b OK STATUS completed
        """)

    def test_a_living_mailbox_of_such_a_name_comes_first(self) -> None:
        """It may be from before there was a namespace."""
        made = self.server.storage.mailboxes.create
        account = self.account()
        operation = account._reach.new_operation()
        for name in ("Deleted/INBOX", "Deleted/Old"):
            self.successResultOf(made(account.identity.account_id, name, None, operation))
        self.append_some(1, "Deleted/INBOX")
        self.converse("""
            C: a LIST Deleted/ *
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: * LIST (\\HasNoChildren) "/" Deleted/Old
            S: a OK LIST completed
            C: b STATUS Deleted/INBOX (MESSAGES)
            S: * STATUS Deleted/INBOX (MESSAGES 1)
            S: b OK STATUS completed
            C: c MYRIGHTS Deleted/Old
            S: * MYRIGHTS Deleted/Old lrswipkxtecda
            S: c OK MYRIGHTS completed
            C: d RENAME Deleted/INBOX Kept
            S: d OK RENAME completed
            C: e STATUS Deleted/INBOX (MESSAGES)
            S: * STATUS Deleted/INBOX (MESSAGES 2)
            S: e OK STATUS completed
        """)

    def test_a_mailbox_may_have_the_name_above_all_of_it(self) -> None:
        self.converse("""
            C: a CREATE Deleted/
            S: a OK ...
            C: b LIST "" Deleted*
            S: * LIST (\\HasChildren) "/" Deleted
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: b OK LIST completed
        """)


class ReadingTests(PastTestCase):
    def test_select_is_always_read_only(self) -> None:
        for word in ("SELECT", "EXAMINE"):
            said = self.ask(f"a {word} Deleted/INBOX")
            for line in (
                b"* 2 EXISTS\r\n",
                b"* 0 RECENT\r\n",
                b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)\r\n",
                b"* OK [PERMANENTFLAGS ()]",
                b"* OK [UIDNEXT 3]",
                b"* OK [MAILBOXID (P",
                b"a OK [READ-ONLY] ",
            ):
                self.assertIn(line, said)

    def test_flags_are_as_they_were(self) -> None:
        """But for \\Deleted: it is done."""
        self.ask("a SELECT Deleted/INBOX")
        self.converse("""
            C: b UID FETCH 1:* (UID FLAGS)
            S: * 1 FETCH (UID 1 FLAGS (\\Seen $Junk))
            S: * 2 FETCH (UID 2 FLAGS ())
            S: b OK UID FETCH completed
        """)

    def test_fetch_of_everything(self) -> None:
        self.ask("a SELECT Deleted/INBOX")
        said = self.ask(
            "b FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE EMAILID THREADID"
            " SAVEDATE PREVIEW MODSEQ BODY[TEXT] BODY[HEADER.FIELDS (Subject)])"
        )
        for part in (
            b"UID 2",
            b"FLAGS ()",
            b'ENVELOPE (NIL "message 3"',
            b"BODYSTRUCTURE (",
            b"EMAILID (",
            b"THREADID (",
            b'SAVEDATE " 1-Aug-2026',
            b'PREVIEW "Text 3"',
            b"Text 3\r\n",
            b"Subject: message 3",
        ):
            self.assertIn(part, said)

    def test_nothing_becomes_seen(self) -> None:
        """G34"""
        self.ask("a SELECT Deleted/INBOX")
        self.converse("""
            C: b FETCH 2 BODY[]
            S: * 2 FETCH (BODY[] {30}
            S: Subject: message 3
            S:
            S: Text 3
            S: )
            S: b OK FETCH completed
            C: c FETCH 2 FLAGS
            S: * 2 FETCH (FLAGS ())
            S: c OK FETCH completed
        """)

    def test_search_sort_and_thread(self) -> None:
        self.ask("a SELECT Deleted/INBOX")
        for command, found in (
            ("SEARCH ALL", "1 2"),
            ("SEARCH TEXT Text", "1 2"),
            ("SEARCH BODY 3", "2"),
            ('SEARCH SUBJECT "message 2"', "1"),
            ("SEARCH SEEN TEXT Text", "1"),
            ("SEARCH UNSEEN", "2"),
            ("SEARCH KEYWORD $junk", "1"),
            ("SEARCH OR SEEN BODY 3", "1 2"),
            ("SEARCH NOT BODY 3 UID 1:9", "1"),
            ("SEARCH SAVEDON 1-Aug-2026", "1 2"),
            ("SORT (REVERSE SUBJECT) UTF-8 ALL", "2 1"),
            ("SORT (REVERSE SUBJECT) UTF-8 BODY 2", "1"),
        ):
            said = self.ask(f"b {command}").split(b"\r\n")[0].decode()
            self.assertEqual(said, f"* {command.split()[0]} {found}", command)
        self.assertIn(b"* THREAD (1)(2)\r\n", self.ask("c THREAD REFERENCES UTF-8 ALL"))

    def test_uids_ascend_in_the_order_of_appearance(self) -> None:
        """RFC 9051 §2.3.1.1; what is new is told by NOOP."""
        self.ask("a SELECT Deleted/INBOX")
        other = self.new_client()
        other.ask(b"0 SELECT INBOX")
        other.ask(b"1 STORE 1 +FLAGS \\Deleted")
        other.ask(b"2 EXPUNGE")
        self.converse("""
            C: b FETCH 1:* UID
            S: * 1 FETCH (UID 1)
            S: * 2 FETCH (UID 2)
            S: b OK FETCH completed
            C: c NOOP
            S: * 3 EXISTS
            S: c OK NOOP completed
            C: d UID FETCH 3 BODY[HEADER.FIELDS (Subject)]
            S: * 3 FETCH (UID 3 BODY[HEADER.FIELDS (Subject)] {22}
            S: Subject: message 1
            S:
            S: )
            S: d OK UID FETCH completed
            C: e NOOP
            S: e OK NOOP completed
        """)

    def test_what_the_cleaner_removes(self) -> None:
        """A message that is not there any more is no failure of the session."""
        self.ask("a SELECT Deleted/INBOX")
        self.purge(1)
        said = self.client.ask(b"b FETCH 1:2 (BODY[TEXT])")
        self.assertEqual(said.count(b"FETCH (BODY[TEXT] {8}\r\nText"), 1)
        self.assertIn(b"b NO [EXPUNGEISSUED]", said)
        self.assertIn(b"c NO [EXPUNGEISSUED]", self.client.ask(b"c COPY 1:2 INBOX"))
        said = self.ask("d NOOP")
        self.assertEqual(said.count(b"EXPUNGE\r\n"), 1)
        self.purge()
        self.converse("""
            C: e NOOP
            S: * 1 EXPUNGE
            S: e OK NOOP completed
            C: f FETCH 1 UID
            S: f BAD ...
            C: g SELECT Deleted/INBOX
            S: * OK [CLOSED] ...
            S: g NO [NONEXISTENT] There is no mailbox 'Deleted/INBOX'
        """)

    def test_a_client_that_resynchronises(self) -> None:
        """RFC 7162: what was removed for good is told as vanished."""
        self.ask("0 ENABLE QRESYNC")
        said = self.ask("a SELECT Deleted/INBOX").decode()
        validity = said.partition("UIDVALIDITY ")[2].partition("]")[0]
        modseq = said.partition("HIGHESTMODSEQ ")[2].partition("]")[0]
        self.clock.advance(1)
        self.purge(1)
        said = self.ask(f"b SELECT Deleted/INBOX (QRESYNC ({validity} {modseq} 1:2))").decode()
        self.assertRegex(said, r"\* VANISHED \(EARLIER\) [12]\r\n")
        higher = said.partition("HIGHESTMODSEQ ")[2].partition("]")[0]
        self.assertGreater(int(higher), int(modseq))

    def test_extensions(self) -> None:
        """RFC 7377, RFC 5182, RFC 5267, RFC 7162, RFC 9394, RFC 6203: they work as anywhere."""
        said = self.ask("a ESEARCH IN (mailboxes Deleted/INBOX) TEXT Text").decode()
        self.assertRegex(said, r"MAILBOX Deleted/INBOX UIDVALIDITY \d+\) UID ALL 1:2\r\n")
        # What is past is no part of what personal mailboxes are searched for.
        said = self.ask("a ESEARCH IN (personal) TEXT Text").decode()
        self.assertEqual(said.count("MAILBOX"), 1)
        self.ask("b SELECT Deleted/INBOX (CONDSTORE)")
        self.converse("""
            C: c SEARCH RETURN (SAVE ALL COUNT) TEXT Text
            S: * ESEARCH (TAG "c") ALL 1:2 COUNT 2
            S: c OK SEARCH completed
            C: d UID FETCH $ BINARY.SIZE[1]
            S: * 1 FETCH (UID 1 BINARY.SIZE[1] 8)
            S: * 2 FETCH (UID 2 BINARY.SIZE[1] 8)
            S: d OK UID FETCH completed
            C: e UID SEARCH RETURN (PARTIAL 1:1) ALL
            S: * ESEARCH (TAG "e") UID PARTIAL (1:1 1)
            S: e OK UID SEARCH completed
            C: f UID SEARCH OR MODSEQ 1 BODY x
            S: * SEARCH 1 2 (MODSEQ ...)
            S: f OK UID SEARCH completed
            C: g UID SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT text
            S: * ESEARCH (TAG "g") UID ALL 1:2 RELEVANCY (80 80)
            S: g OK UID SORT completed
            C: h IDLE
            S: + idling
            C: DONE
            S: h OK IDLE completed
            C: i NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (SUBTREE Deleted (MailboxName))
            S: i OK NOTIFY completed
            C: j ENABLE UIDONLY
            S: * ENABLED UIDONLY
            S: j OK ENABLE completed
            C: k UID FETCH 2 FLAGS
            S: * 2 UIDFETCH (FLAGS ()...
            S: k OK UID FETCH completed
        """)

    def test_annotations(self) -> None:
        """There are none: LIST passes over it (RFC 9590)."""
        self.ask('a SETMETADATA INBOX (/private/comment "x")')
        self.converse("""
            C: b LIST "" * RETURN (METADATA (/private/comment))
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * METADATA INBOX (/private/comment ...)
            S: * LIST (\\NonExistent \\HasChildren) "/" Deleted
            S: * LIST (\\HasNoChildren) "/" Deleted/INBOX
            S: b OK LIST completed
        """)

    def test_costs(self) -> None:
        self.assertEqual(self.cost("a SELECT Deleted/INBOX"), 2)
        self.assertEqual(self.cost("a FETCH 1:* FLAGS"), 0)
        self.assertEqual(self.cost("a FETCH 1:* ENVELOPE"), 1)
        self.assertEqual(self.cost("a FETCH 1:* ENVELOPE"), 0)
        self.assertEqual(self.cost("a NOOP"), 1)
        self.assertEqual(self.cost("a SEARCH TEXT message"), 1)
        self.assertEqual(self.cost("a COPY 1:* INBOX"), 1)
        self.assertEqual(self.cost("a STATUS Deleted/INBOX (MESSAGES)"), 2)


class RefusalTests(PastTestCase):
    def refused(self, command: str, code: str) -> None:
        said = self.client.ask(f"x {command}".encode())
        self.assertTrue(said.startswith(f"x NO [{code}] ".encode()), (command, said))

    def test_what_would_change_it(self) -> None:
        """RFC 4314 §4: the rights are `lr`."""
        self.converse("""
            C: a MYRIGHTS Deleted/INBOX
            S: * MYRIGHTS Deleted/INBOX lr
            S: a OK MYRIGHTS completed
        """)
        for command in (
            "DELETE Deleted/INBOX",
            "RENAME Deleted/INBOX Other",
            "SETACL Deleted/INBOX anyone lr",
            "DELETEACL Deleted/INBOX anyone",
            "GETACL Deleted/INBOX",
            "LISTRIGHTS Deleted/INBOX fred",
            "GETMETADATA Deleted/INBOX /private/comment",
            'SETMETADATA Deleted/INBOX (/private/comment "x")',
            "APPEND Deleted/INBOX {4+}\r\nA: b",
        ):
            self.refused(command, "NOPERM")
        for command in (
            "CREATE Deleted/INBOX",
            "CREATE Deleted/New/One",
            "RENAME INBOX Deleted/Old",
            "RENAME Work Deleted/Work",
        ):
            self.refused(command, "CANNOT")
        self.assertIn(b"Deleted/INBOX", self.ask('y LIST "" Deleted/*'))

    def test_what_would_change_messages(self) -> None:
        self.ask("a SELECT Deleted/INBOX")
        for command in (
            "STORE 1 +FLAGS \\Flagged",
            "STORE 1 FLAGS ()",
            "STORE 1 -FLAGS (\\Seen)",
            "EXPUNGE",
            "UID EXPUNGE 1",
            "MOVE 1 INBOX",
        ):
            self.refused(command, "NOPERM")
        self.refused("REPLACE 1 INBOX {4+}\r\nA: b", "READ-ONLY")
        self.ask("b SELECT INBOX")
        for command in ("COPY 1 Deleted/INBOX", "MOVE 1 Deleted/INBOX", "COPY 1 Deleted/New"):
            self.refused(command, "NOPERM")
        self.assertIn(b"* 2 EXISTS", self.ask("c SELECT Deleted/INBOX"))
        # CLOSE would expunge what is marked; here it leaves (RFC 4314 §4).
        self.ask("d CLOSE")
        self.ask("e EXAMINE Deleted/INBOX")
        self.refused("STORE 1 +FLAGS \\Flagged", "READ-ONLY")

    def test_names_that_are_none(self) -> None:
        for name in ("Deleted/Nowhere", "Deleted/INBOX/x", "Deleted/Deleted/INBOX"):
            self.refused(f"SELECT {name}", "NONEXISTENT")
            self.refused(f"STATUS {name} (MESSAGES)", "NONEXISTENT")
            self.refused(f"MYRIGHTS {name}", "NONEXISTENT")
        for name in ("Deleted//", "Deleted/../INBOX", "Deleted/./INBOX", "Deleted//INBOX"):
            said = self.client.ask(f"x SELECT {name}".encode())
            self.assertNotIn(b"x OK", said, name)

    def test_a_url(self) -> None:
        """RFC 4469: nothing is put together from what is past; it is copied."""
        said = self.client.ask(b'x APPEND INBOX CATENATE (URL "/Deleted/INBOX/;UID=1")')
        self.assertIn(b"x NO [BADURL ", said)

    def test_what_counts_for_no_quota(self) -> None:
        """RFC 9208 §4.1.2: there is no quota root."""
        self.converse("""
            C: a GETQUOTAROOT Deleted/INBOX
            S: * QUOTAROOT Deleted/INBOX
            S: a OK GETQUOTAROOT completed
        """)


class CopyTests(PastTestCase):
    def test_a_user_brings_mail_back(self) -> None:
        """G39: with the email id, the dates and the flags that it had; the old UID never returns."""
        ids = self.ask("a SELECT Deleted/INBOX") and self.ask("b FETCH 1:2 EMAILID").decode()
        self.converse("""
            C: c UID COPY 1:2 INBOX
            S: c OK [COPYUID ... 1:2 5:6] COPY completed
        """)
        self.ask("d SELECT INBOX")
        self.converse("""
            C: e UID FETCH 5:6 (FLAGS)
            S: * 3 FETCH (UID 5 FLAGS (\\Seen $Junk \\Recent))
            S: * 4 FETCH (UID 6 FLAGS (\\Recent))
            S: e OK UID FETCH completed
        """)
        again = self.ask("f FETCH 3:4 EMAILID").decode()
        for line in ids.splitlines()[:2]:
            self.assertIn(line.partition("FETCH ")[2], again)
        contents = self.server.storage.tables.contents
        self.assertEqual(len(contents), 4, "no content was made")
        # The original stays where it is.
        self.assertIn(b"MESSAGES 2", self.ask("g STATUS Deleted/INBOX (MESSAGES)"))

    def test_whoever_has_the_mailbox_open_hears_of_it(self) -> None:
        other = self.new_client()
        other.ask(b"0 SELECT INBOX")
        self.ask("a SELECT Deleted/INBOX")
        self.ask("b COPY 2 INBOX")
        self.assertIn(b"* 3 EXISTS", other.ask(b"1 NOOP"))

    def test_to_where_there_is_nothing(self) -> None:
        self.ask("a SELECT Deleted/INBOX")
        self.converse("""
            C: b COPY 1 Nowhere
            S: b NO [TRYCREATE] There is no mailbox 'Nowhere'
        """)


class OtherLanguageTests(PastTestCase):
    past = "Gelöscht/"

    def test_names_are_spelled_as_the_client_reads_them(self) -> None:
        self.converse("""
            C: a NAMESPACE
            S: * NAMESPACE (("" "/")("Gel&APY-scht/" "/")) NIL NIL
            S: a OK NAMESPACE completed
            C: b STATUS Gel&APY-scht/INBOX (MESSAGES)
            S: * STATUS Gel&APY-scht/INBOX (MESSAGES 2)
            S: b OK STATUS completed
        """)


class NothingIsShownTests(PastTestCase):
    past = ""

    def test_without_the_key_it_is_as_if_it_were_not(self) -> None:
        self.assertEqual(self.cost('a LIST "" *'), 1)
        self.converse("""
            C: a NAMESPACE
            S: * NAMESPACE (("" "/")) NIL NIL
            S: a OK NAMESPACE completed
            C: b LIST "" *
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: b OK LIST completed
            C: c SELECT Deleted/INBOX
            S: c NO [NONEXISTENT] There is no mailbox 'Deleted/INBOX'
            C: d CREATE Deleted/INBOX
            S: d OK ...
        """)


class SharedTests(SharingTestCase):
    """Bob expunges in a mailbox of fred's."""

    namespace = SharedNamespace(allow_user_create=True)
    past = "Deleted/"

    def setUp(self) -> None:
        super().setUp()
        self.share("lrswite")
        for command in (b"0 SELECT Shared/fred@example.com/Work", b"1 STORE 1 +FLAGS \\Deleted"):
            self.bob.ask(command)
        self.assertIn(b"2 OK", self.bob.ask(b"2 EXPUNGE"))

    def test_what_is_gone_is_shown_to_the_owner_alone(self) -> None:
        """G35"""
        self.say("""
            C: a NAMESPACE
            S: * NAMESPACE (("" "/")("Deleted/" "/")) NIL (("Shared/" "/"))
            S: a OK NAMESPACE completed
            C: b LIST "" Deleted/*
            S: b OK LIST completed
        """)
        for name in (
            "Deleted/Work",
            "Deleted/Shared/fred@example.com/Work",
            "Shared/fred@example.com/Deleted/Work",
            "Deleted/fred@example.com/Work",
        ):
            said = self.bob.ask(f"a SELECT {name}".encode())
            self.assertIn(b"a NO [NONEXISTENT]", said, name)
            said = self.bob.ask(f"a STATUS {name} (MESSAGES)".encode())
            self.assertIn(b"a NO [NONEXISTENT]", said, name)
        said = self.client.ask(b"a STATUS Deleted/Work (MESSAGES)")
        self.assertIn(b"MESSAGES 1", said)

    def test_a_copy_to_a_mailbox_of_somebody_else(self) -> None:
        """RFC 4314 §4: flags that may not be set do not go along."""
        self.client.ask(b"0 SELECT Deleted/Work")
        self.bob.ask(b"1 SETACL Mine fred lri")
        said = self.client.ask(b"1 COPY 1 Shared/bob@example.com/Mine")
        self.assertIn(b"1 OK [COPYUID ", said)
        self.assertIn(b"MESSAGES 1", self.bob.ask(b"2 STATUS Mine (MESSAGES)"))
        said = self.client.ask(b"2 COPY 1 Shared/eve@example.com/Mine")
        self.assertIn(b"2 NO ", said)


class ApartTests(PastTestCase):
    dedup = "account"
    namespace = SharedNamespace()

    def test_a_copy_to_who_stores_mail_apart_carries_the_bytes(self) -> None:
        self.add_account("bob@example.com")
        bob = self.new_client(user="bob")
        bob.ask(b"0 SETACL INBOX fred lri")
        self.ask("a SELECT Deleted/INBOX")
        self.assertIn(b"OK [COPYUID", self.ask("b COPY 1:2 Shared/bob@example.com/INBOX"))
        bob.ask(b"1 SELECT INBOX")
        self.assertIn(b"Text 3", bob.ask(b"2 FETCH 2 BODY[TEXT]"))
