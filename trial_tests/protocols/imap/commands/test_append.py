"""APPEND."""

from attrs import evolve

from sora.protocols.imap.services import Limits
from trial_tests.support.transcript import TranscriptTestCase

MESSAGE = b"Subject: hi\r\n\r\nbinary \xff\x00 and\nbare\r\n"


class AppendTests(TranscriptTestCase):
    limits = evolve(Limits(), message=1000)

    def test_says_where_the_message_is(self) -> None:
        """RFC 4315 §3: APPENDUID; RFC 3501 §6.3.11 has the example."""
        self.converse("""
            C: A003 APPEND INBOX (\\Seen $Work) {15}
            S: + Ready for the message
            C: Subject: hi
            C:
            C:
            S: A003 OK [APPENDUID ... 1] APPEND completed
        """)
        self.assertIn(b"* 1 EXISTS", self.client.ask(b"s SELECT INBOX"))

    def test_keeps_flags_date_and_octets(self) -> None:
        """G32."""
        self.client.send(
            b'a APPEND INBOX (\\Seen $Work) " 7-Feb-1994 21:52:25 -0800" {%d+}\r\n' % len(MESSAGE)
            + MESSAGE
            + b"\r\n"
        )
        self.assertRegex(self.client.take(), rb"a OK \[APPENDUID \d+ 1\] APPEND completed\r\n")
        self.client.ask(b"s SELECT INBOX")
        self.assertEqual(
            self.client.ask(b"b FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])"),
            b'* 1 FETCH (FLAGS (\\Seen $Work \\Recent) INTERNALDATE " 7-Feb-1994 21:52:25 -0800"'
            b" BODY[] {%d}\r\n%b)\r\nb OK FETCH completed\r\n" % (len(MESSAGE), MESSAGE),
        )

    def test_tells_of_the_message_in_the_selected_mailbox_before_its_answer(self) -> None:
        """RFC 3501 §6.3.11: EXISTS at once."""
        self.client.ask(b"s SELECT INBOX")
        self.converse("""
            C: a APPEND INBOX {2+}
            C: hi
            S: * 1 EXISTS
            S: * 1 RECENT
            S: a OK [APPENDUID ... 1] APPEND completed
        """)

    def test_it_is_one_round_trip(self) -> None:
        """docs/architecture.md, also for a name that was not heard of."""
        self.append(b"reserves names of objects")
        statements = self.server.storage.tables.statements
        statements.clear()
        for _ in range(2):
            self.assertIn(b"a OK", self.client.ask(b"a APPEND INBOX {2+}\r\nhi"))
        self.assertEqual(dict(statements), {"messages.place": 2})

    def test_a_missing_mailbox_can_be_created(self) -> None:
        self.converse("""
            C: a APPEND Nowhere {2}
            S: + Ready for the message
            C: hi
            S: a NO [TRYCREATE] There is no mailbox 'Nowhere'
        """)

    def test_a_message_that_is_too_big_is_refused_before_it_comes(self) -> None:
        """RFC 7889: before any continuation."""
        self.converse("""
            C: a APPEND INBOX {1001}
            S: a NO [TOOBIG] A message may have 1000 octets
            C: b NOOP
            S: b OK NOOP completed
        """)

    def test_a_message_that_is_too_big_and_does_not_wait_is_skipped(self) -> None:
        """G37."""
        self.client.send(b"a APPEND INBOX {2000+}\r\n" + b"b NOOP\r\n" * 250 + b"\r\nc NOOP\r\n")
        self.assertEqual(
            self.client.take(),
            b"a NO [TOOBIG] A message may have 1000 octets\r\nc OK NOOP completed\r\n",
        )

    def test_a_mailbox_name_as_a_literal(self) -> None:
        self.converse("""
            C: a APPEND {5}
            S: + Ready for the literal
            C: INBOX (\\Draft) {2}
            S: + Ready for the message
            C: hi
            S: a OK [APPENDUID ... 1] APPEND completed
        """)

    def test_what_is_wrong_is_said_before_the_message_comes(self) -> None:
        self.converse("""
            C: a APPEND INBOX (\\Nonsense) {2}
            S: a BAD \\Nonsense is not a flag that can be set
            C: n APPEND INBOX (\\Seen nil) {2}
            S: n NO [CANNOT] No message can have the keyword NIL
            C: b APPEND INBOX "31-Feb-2020 00:00:00 +0000" {2}
            S: b BAD There is no such date and time
            C: c APPEND INBOX (\\Seen {2}
            S: c BAD ...
            C: d APPEND "a//b" {2}
            S: d NO [CANNOT] ...
            C: e APPEND INBOX {0}
            S: e NO A message without an octet cannot be appended
        """)

    def test_more_behind_the_message_is_bad(self) -> None:
        self.converse("""
            C: a APPEND INBOX {2+}
            C: hi there
            S: a BAD A string is missing at octet 22 of the command
            C: b STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 0)
            S: b OK STATUS completed
        """)

    def test_octets_may_come_one_by_one(self) -> None:
        for octet in b"a APPEND INBOX {5+}\r\nhello\r\n":
            self.client.send(bytes((octet,)))
        self.assertRegex(self.client.take(), rb"a OK \[APPENDUID \d+ 1\] APPEND completed\r\n")

    def test_hanging_up_in_the_middle_leaves_nothing(self) -> None:
        """The spool is closed, and no message appears."""
        self.client.send(b"a APPEND INBOX {100+}\r\nhello")
        [spool] = self.client.connection._session.literals.spools  # type: ignore[union-attr]
        self.client.hang_up()
        self.assertTrue(spool.closed)
        self.assertIn(b"* 0 EXISTS", self.new_client().ask(b"s SELECT INBOX"))

    def test_slow_octets_are_no_silence(self) -> None:
        """G40: progress keeps the connection."""
        self.client.send(b"a APPEND INBOX {5+}\r\n")
        for octet in b"hello\r\n":
            self.clock.advance(self.limits.idle_timeout - 1)
            self.client.send(bytes((octet,)))
        self.assertRegex(self.client.take(), rb"a OK")
