"""QRESYNC (RFC 7162 §3.2): the RFC's examples, and two sessions that change the same mailbox."""

from twisted.internet.defer import Deferred, fail, succeed

from sora.errors import Unavailable
from trial_tests.protocols.imap.extensions.modseqs import ModSeqTestCase


class QresyncTestCase(ModSeqTestCase):
    """The first client has enabled it; the other is any client."""

    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"x UNSELECT")
        self.client.ask(b"e ENABLE QRESYNC")

    def forget_history(self) -> None:
        """What happened up to now is no longer in the log."""
        for mailbox in self.server.storage.tables.mailboxes.values():
            mailbox.events.clear()
            mailbox.horizon = mailbox.highest_modseq
        self.other.ask(b"x UNSELECT")
        self.server.open._warm_for = -1.0
        self.server.open.cool()

    def expunge(self, uids: str) -> None:
        """The other session expunges."""
        self.other.ask(f"x UID STORE {uids} +FLAGS.SILENT (\\Deleted)".encode())
        self.other.ask(b"x EXPUNGE")

    def resync(self, parameter: str) -> list[str]:
        """What SELECT INBOX (QRESYNC ...) says that SELECT INBOX does not say."""
        said = self.client.ask(f"a SELECT INBOX (QRESYNC ({parameter}))".encode()).decode()
        self.client.ask(b"u UNSELECT")
        lines = said.replace("2077488000000", "M").replace("1785585601", "VALID").splitlines()
        self.assertEqual(lines[-1], "a OK [READ-WRITE] SELECT completed")
        return [line for line in lines if "VANISHED" in line or "FETCH" in line]


class SelectTests(QresyncTestCase):
    def test_another_uidvalidity(self) -> None:
        """The first example of §3.2.5: as if nothing had been asked."""
        self.expunge("1:2")
        self.assertEqual(self.resync("67890007 20050715194045000 41,43:211,214:541"), [])

    def test_what_was_missed(self) -> None:
        """The example of §3.2.5.1, with a selected mailbox that is closed."""
        self.client.ask(b"x SELECT INBOX")
        self.other.ask(b"x STORE 4:5 FLAGS.SILENT (\\Answered $MDNSent)")
        self.expunge("1,3,6")
        self.converse("""
            C: A03 SELECT INBOX (QRESYNC (VALID 207748800000006 1:541))
            S: * OK [CLOSED] The other mailbox is closed
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $MDNSent)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $MDNSent \\*)] ...
            S: * 3 EXISTS
            S: * 0 RECENT
            S: * OK [UNSEEN 2] ...
            S: * OK [UIDVALIDITY VALID] ...
            S: * OK [UIDNEXT 7] ...
            S: * OK [HIGHESTMODSEQ M09] Highest
            S: * OK [MAILBOXID ...] ...
            S: * VANISHED (EARLIER) 1,3,6
            S: * 2 FETCH (UID 4 FLAGS (\\Answered $MDNSent) MODSEQ (M07))
            S: * 3 FETCH (UID 5 FLAGS (\\Answered $MDNSent) MODSEQ (M07))
            S: A03 OK [READ-WRITE] SELECT completed
        """)

    def test_only_for_the_uids_that_are_known(self) -> None:
        self.other.ask(b"x STORE 4:5 +FLAGS.SILENT (\\Answered)")
        self.expunge("1,3,6")
        self.assertEqual(
            self.resync("1785585601 207748800000006 1:2,4,6:900"),
            [
                "* VANISHED (EARLIER) 1,6",
                "* 2 FETCH (UID 4 FLAGS (\\Answered \\Seen) MODSEQ (M07))",
            ],
        )

    def test_nothing_was_missed(self) -> None:
        self.assertEqual(self.resync("1785585601 207748800000006"), [])

    def test_a_message_that_came_and_went_meanwhile(self) -> None:
        """A client may have seen it come, after the modseq that it remembers."""
        self.append(b"Subject: y\r\n\r\n")
        self.other.ask(b"x NOOP")
        self.expunge("7")
        self.assertEqual(self.resync("1785585601 207748800000006"), ["* VANISHED (EARLIER) 7"])

    def test_history_that_does_not_reach_back(self) -> None:
        """§3.2.5.2 and G28: every UID that is not there; match data makes them fewer."""
        self.expunge("2,5")
        self.forget_history()
        for parameter, expected in [
            ("", ["* VANISHED (EARLIER) 2,5"]),
            (" 1:4", ["* VANISHED (EARLIER) 2"]),
            (" 1:6 (1 1)", ["* VANISHED (EARLIER) 2,5"]),
            (" 1:6 (1:2 1,3)", ["* VANISHED (EARLIER) 5"]),
            (" (1,2,4 1,3,6)", []),
            (" 1:6 (1:3,5:6 1:3,5:6)", ["* VANISHED (EARLIER) 2,5"]),
            (" 1:6 (3,4,5,6 3,4,5,6)", ["* VANISHED (EARLIER) 2,5"]),
        ]:
            self.assertEqual(
                self.resync(f"1785585601 207748800000003{parameter}"),
                [
                    *expected,
                    *(
                        f"* {number} FETCH (UID {uid} FLAGS (\\Seen) MODSEQ (M0{uid}))"
                        for number, uid in ((3, 4), (4, 6))
                        if parameter != " 1:4" or uid == 4
                    ),
                ],
                parameter,
            )

    def test_a_modseq_that_was_never_given_out(self) -> None:
        """G70: of a database that was set back; what is remembered with it counts for nothing."""
        self.expunge("2")
        told = self.resync("1785585601 307748800000006 1:3")
        self.assertEqual(told[0], "* VANISHED (EARLIER) 2")
        self.assertEqual(len(told), 3)

    def test_what_is_refused(self) -> None:
        """Syntax is looked at before any mailbox is left; so is whether it is enabled."""
        self.client.ask(b"x SELECT INBOX")
        for parameter in [
            "QRESYNC",
            "QRESYNC ()",
            "QRESYNC (1)",
            "QRESYNC (0 x)",
            "QRESYNC (1 5 *)",
            "QRESYNC (1 5 1:*)",
            "QRESYNC (1 5 $)",
            "QRESYNC (1 5 1:5 (1:3 1))",
            "QRESYNC (1 5 (3,1 1,3))",
            "QRESYNC (1 5 (1:* 1:*))",
            "QRESYNC (1 5 1:5 (1 1) 7)",
            "QRESYNC (1 5",
        ]:
            said = self.client.ask(f"a SELECT INBOX ({parameter})".encode())
            self.assertTrue(said.startswith(b"a BAD "), (parameter, said))
        self.converse(
            """
            C: a SELECT INBOX (QRESYNC (1 5))
            S: a BAD ENABLE QRESYNC comes first
            C: b NOOP
            S: b OK NOOP completed
        """,
            self.other,
        )
        self.assertIn(b"a OK", self.client.ask(b"a FETCH 1 FLAGS"))


class TroubleTests(QresyncTestCase):
    def test_history_that_cannot_be_read_selects_nothing(self) -> None:
        """RFC 3501 §6.3.1: after NO no mailbox is selected."""

        def away(name: str) -> "Deferred[None]":
            down = name == "mailboxes.vanished"
            return fail(Unavailable("no database")) if down else succeed(None)

        self.server.storage.tables.pause = away
        said = self.client.ask(b"a SELECT INBOX (QRESYNC (1785585601 5))")
        self.assertIn(b"a NO [UNAVAILABLE]", said)
        self.server.storage.tables.pause = None
        self.assertIn(b"b BAD", self.client.ask(b"b FETCH 1 FLAGS"))
        self.assertIn(b"c OK", self.client.ask(b"c SELECT INBOX (QRESYNC (1785585601 5))"))

    def test_the_answer_is_of_one_moment(self) -> None:
        """What happens while it is asked what vanished is in it, and told once (§3.2.10: the client
        could not know of which messages VANISHED would speak)."""
        answer: Deferred[None] = Deferred()
        self.server.storage.tables.pause = lambda name: answer
        self.client.send(b"a SELECT INBOX (QRESYNC (1785585601 5))\r\n")
        self.server.storage.tables.pause = None
        self.expunge("1,6")
        self.append(b"Subject: y\r\n\r\n")
        self.other.ask(b"x STORE 2 +FLAGS.SILENT ($New)")
        self.assertEqual(self.client.take(), b"", "nothing is told before all is known")
        answer.callback(None)
        said = self.client.take()
        self.assertEqual(said.count(b" EXISTS\r\n"), 1, said)
        for line in (
            b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $New)\r\n",
            b"* 5 EXISTS\r\n",
            b"* OK [UIDNEXT 8]",
            b"* OK [HIGHESTMODSEQ 207748800000010]",
            b"* VANISHED (EARLIER) 1,6\r\n",
            b"* 2 FETCH (UID 3 FLAGS (\\Seen $New) MODSEQ (207748800000010))\r\n",
            b"* 5 FETCH (UID 7 ",
            b"a OK [READ-WRITE]",
        ):
            self.assertIn(line, said)
        self.assertEqual(self.client.ask(b"b NOOP"), b"b OK NOOP completed\r\n")


class FetchTests(QresyncTestCase):
    def test_changed_since_with_vanished(self) -> None:
        """The example of §3.2.6; what vanished comes first."""
        self.client.ask(b"x SELECT INBOX")
        self.other.ask(b"x STORE 4 +FLAGS.SILENT (\\Answered)")
        self.expunge("1,3,6")
        self.client.ask(b"x NOOP")
        self.converse("""
            C: s100 UID FETCH 2:500 (FLAGS) (CHANGEDSINCE 207748800000006 VANISHED)
            S: * VANISHED (EARLIER) 3,6
            S: * 2 FETCH (UID 4 MODSEQ (M07) FLAGS (\\Answered \\Seen))
            S: s100 OK UID FETCH completed
            C: s101 UID FETCH 1:* (UID) (VANISHED CHANGEDSINCE 207748800000006)
            S: * VANISHED (EARLIER) 1,3,6
            S: * 2 FETCH (MODSEQ (M07) UID 4)
            S: s101 OK UID FETCH completed
        """)

    def test_a_message_that_the_client_still_believes_in_is_told_as_news(self) -> None:
        """§3.2.10: each in its own form, once."""
        self.client.ask(b"x SELECT INBOX")
        self.expunge("1,3")
        self.converse("""
            C: s100 UID FETCH 1:* (UID) (CHANGEDSINCE 207748800000006 VANISHED)
            S: * VANISHED 1,3
            S: s100 OK UID FETCH completed
        """)

    def test_what_is_refused(self) -> None:
        self.client.ask(b"x SELECT INBOX")
        self.converse("""
            C: a FETCH 1:5 (FLAGS) (CHANGEDSINCE 5 VANISHED)
            S: a BAD ...
            C: b UID FETCH 1:5 (FLAGS) (VANISHED)
            S: b BAD ...
        """)
        self.assertIn(
            b"a BAD ENABLE", self.other.ask(b"a UID FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)")
        )


class ExpungeTests(QresyncTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.ask(b"x CREATE Archive")
        self.client.ask(b"x SELECT INBOX")

    def test_expunge(self) -> None:
        """The examples of §3.2.7 and §3.2.10."""
        self.client.ask(b"x STORE 3,4,6 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: B202 EXPUNGE
            S: * VANISHED 3:4,6
            S: B202 OK [HIGHESTMODSEQ M08] It is done
            C: B203 EXPUNGE
            S: B203 OK EXPUNGE completed
        """)
        self.converse(
            """
            C: A202 NOOP
            S: * 3 EXPUNGE
            S: * 3 EXPUNGE
            S: * 4 EXPUNGE
            S: A202 OK NOOP completed
        """,
            self.other,
        )

    def test_uid_expunge(self) -> None:
        """The example of §3.2.9."""
        self.client.ask(b"x STORE 3:5 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: . UID EXPUNGE 3:4
            S: * VANISHED 3:4
            S: . OK [HIGHESTMODSEQ M08] It is done
        """)

    def test_close_tells_no_modseq(self) -> None:
        """§3.2.8."""
        self.client.ask(b"x STORE 3:5 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: A202 CLOSE
            S: A202 OK CLOSE completed
        """)
        self.assertEqual(self.resync("1785585601 207748800000007"), ["* VANISHED (EARLIER) 3:5"])

    def test_move(self) -> None:
        """RFC 6851 §4.4."""
        self.converse("""
            C: a MOVE 2:3 Archive
            S: * OK [COPYUID ... 2:3 1:2] Moved
            S: * VANISHED 2:3
            S: a OK [HIGHESTMODSEQ M07] It is done
        """)

    def test_others_expunge_between_commands(self) -> None:
        """G24, G25, and the example of §6: while a VANISHED waits, HIGHESTMODSEQ stays low."""
        self.client.ask(b"x FETCH 1 MODSEQ")
        self.expunge("2")
        self.append(b"Subject: y\r\n\r\n")
        self.converse("""
            C: A150 STORE 1 (UNCHANGEDSINCE 207748800000006) +FLAGS.SILENT (\\Flagged)
            S: * 1 FETCH (UID 1 MODSEQ (M10))
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: A150 OK STORE completed
            C: A151 STORE 3 +FLAGS.SILENT (\\Flagged)
            S: * 3 FETCH (UID 3 MODSEQ (M11))
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: A151 OK STORE completed
            C: A152 NOOP
            S: * VANISHED 2
            S: * 6 EXISTS
            S: * 1 RECENT
            S: * OK [HIGHESTMODSEQ M11] Highest
            S: A152 OK NOOP completed
        """)

    def test_not_while_message_numbers_are_searched_for(self) -> None:
        """§3.2.10.2: UID SEARCH tells, unless there are message numbers in it."""
        self.expunge("2")
        self.converse("""
            C: a UID SEARCH NOT (SEEN 3)
            S: * SEARCH ...
            S: * OK [HIGHESTMODSEQ M06] Highest
            S: a OK UID SEARCH completed
            C: b UID SEARCH UID 3
            S: * SEARCH 3
            S: * VANISHED 2
            S: * OK [HIGHESTMODSEQ M08] Highest
            S: b OK UID SEARCH completed
        """)

    def test_many_go_in_lines_of_bounded_length(self) -> None:
        self.append_some(2000)
        self.client.ask(b"x NOOP")
        uids = ",".join(str(uid) for uid in range(1, 2006, 2))
        self.client.ask(f"x UID STORE {uids} +FLAGS.SILENT (\\Deleted)".encode())
        lines = self.client.ask(b"a EXPUNGE").splitlines()
        gone = [line.removeprefix(b"* VANISHED ").decode() for line in lines if b"VANISHED" in line]
        self.assertEqual(len(gone), 3)
        self.assertEqual(",".join(gone), uids)


class AnnotationTests(QresyncTestCase):
    def test_setmetadata_raises_the_modseq(self) -> None:
        """§3.2; no message has changed, and a mailbox that is open here asks nothing for it."""
        self.client.ask(b"x SELECT INBOX")
        self.converse("""
            C: a SETMETADATA INBOX (/private/comment "mine")
            S: a OK SETMETADATA completed
            C: b STATUS INBOX (HIGHESTMODSEQ)
            S: * STATUS INBOX (HIGHESTMODSEQ M07)
            S: b OK STATUS completed
        """)
        statements = self.server.storage.tables.statements.copy()
        self.assertIn(b"[HIGHESTMODSEQ 207748800000007]", self.client.ask(b"c SELECT INBOX"))
        self.assertEqual(self.server.storage.tables.statements, statements)
        self.assertEqual(self.resync("1785585601 207748800000006"), [])


class IdleTests(QresyncTestCase):
    def test_idle_tells_what_vanished(self) -> None:
        self.client.ask(b"x SELECT INBOX")
        self.client.ask(b"i IDLE")
        self.expunge("2:3")
        self.clock.advance(0)
        self.assertIn(b"* VANISHED 2:3\r\n", self.client.take())
