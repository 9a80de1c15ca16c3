"""MULTIAPPEND (RFC 3502)."""

from attrs import evolve

from sora.protocols.imap.extensions import multiappend
from sora.protocols.imap.services import Limits
from sora.protocols.imap.spoken import DIALECT
from trial_tests.support.transcript import TranscriptTestCase


class MultiAppendTests(TranscriptTestCase):
    limits = evolve(Limits(), message=500)

    def test_the_example_of_the_rfc(self) -> None:
        """§6.3.11"""
        self.client.ask(b"a CREATE saved-messages")
        self.converse("""
            C: A003 APPEND saved-messages (\\Seen) {329}
            S: + Ready for the message
            C: Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
            C: From: Fred Foobar <foobar@Blurdybloop.example.COM>
            C: Subject: afternoon meeting
            C: To: mooch@owatagu.example.net
            C: Message-Id: <B27397-0100000@Blurdybloop.example.COM>
            C: MIME-Version: 1.0
            C: Content-Type: TEXT/PLAIN; CHARSET=US-ASCII
            C:
            C: Hello Joe, do you think we can meet at 3:30 tomorrow?
            C:  (\\Seen) " 7-Feb-1994 22:43:04 -0800" {295}
            S: + Ready for the message
            C: Date: Mon, 7 Feb 1994 22:43:04 -0800 (PST)
            C: From: Joe Mooch <mooch@OWaTaGu.example.net>
            C: Subject: Re: afternoon meeting
            C: To: foobar@blurdybloop.example.com
            C: Message-Id: <a0434793874930@OWaTaGu.example.net>
            C: MIME-Version: 1.0
            C: Content-Type: TEXT/PLAIN; CHARSET=US-ASCII
            C:
            C: 3:30 is fine with me.
            C:
            S: A003 OK [APPENDUID ... 1:2] APPEND completed
            C: A004 APPEND bogusname (\\Flagged) {3+}
            C: x
            C:
            S: A004 NO [TRYCREATE] There is no mailbox 'bogusname'
        """)
        self.client.ask(b"s SELECT saved-messages")
        said = self.client.ask(b"f FETCH 1:* (FLAGS INTERNALDATE ENVELOPE)")
        self.assertIn(
            b'* 2 FETCH (FLAGS (\\Seen \\Recent) INTERNALDATE " 7-Feb-1994 22:43:04 -0800"', said
        )
        self.assertIn(b'"afternoon meeting"', said)
        self.assertIn(b'"Re: afternoon meeting"', said)

    def test_the_selected_mailbox_tells_of_all_before_the_answer(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        self.converse("""
            C: a APPEND INBOX ($Work) {2+}
            C: hi {2+}
            C: hi (\\Deleted $Work $Other) "7-Feb-1994 22:43:04 -0800" {2+}
            C: ho
            S: * 3 EXISTS
            S: * 3 RECENT
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work $Other)
            S: ...
            S: a OK [APPENDUID ... 1:3] APPEND completed
            C: b FETCH 1:* (FLAGS BODY.PEEK[])
            S: * 1 FETCH (FLAGS ($Work \\Recent) BODY[] {2}
            S: hi)
            S: * 2 FETCH (FLAGS (\\Recent) BODY[] {2}
            S: hi)
            S: * 3 FETCH (FLAGS (\\Deleted $Work $Other \\Recent) BODY[] {2}
            S: ho)
            S: b OK FETCH completed
        """)

    def nothing_came(self) -> None:
        self.assertIn(
            b"(MESSAGES 0 UIDNEXT 1)", self.client.ask(b"z STATUS INBOX (MESSAGES UIDNEXT)")
        )

    def test_a_message_of_no_octets_cancels_all(self) -> None:
        """§6.3.11: NO, and the mailbox is as it was."""
        self.converse("""
            C: a APPEND INBOX {2}
            S: + Ready for the message
            C: hi {0}
            S: a NO A message without an octet cannot be appended
        """)
        self.nothing_came()

    def test_a_message_that_is_too_big_cancels_all(self) -> None:
        self.converse("""
            C: a APPEND INBOX {2}
            S: + Ready for the message
            C: hi {501}
            S: a NO [TOOBIG] A message may have 500 octets
        """)
        self.client.send(b"b APPEND INBOX {2+}\r\nhi {501+}\r\n" + b"x" * 501 + b" {2+}\r\nho\r\n")
        self.assertEqual(self.client.take(), b"b NO [TOOBIG] A message may have 500 octets\r\n")
        self.nothing_came()

    def test_what_is_wrong_with_a_later_message_cancels_all(self) -> None:
        self.converse("""
            C: a APPEND INBOX {2}
            S: + Ready for the message
            C: hi (\\Nonsense) {2}
            S: a BAD \\Nonsense is not a flag that can be set
            C: b APPEND INBOX {2}
            S: + Ready for the message
            C: hi (\\Seen)
            S: b BAD A space is missing at octet 29 of the command
            C: c APPEND INBOX {2}
            S: + Ready for the message
            C: hi{2}
            S: c BAD There is more than the command takes, ...
            C: d APPEND INBOX {2+}
            C: hi {2+}
            C: ho and more
            S: d BAD ...
        """)
        self.nothing_came()

    def test_over_quota_with_the_second_message_leaves_nothing(self) -> None:
        """§6.3.11: no partial appending."""
        account = self.account().identity.account_id
        self.server.storage.tables.accounts[account].quota_messages = 1
        self.converse("""
            C: a APPEND INBOX ($New) {2+}
            C: hi {2+}
            C: ho
            S: a NO [OVERQUOTA] ...
        """)
        self.nothing_came()

    def test_all_together_have_a_limit(self) -> None:
        four = b" {500+}\r\n" + b"x" * 500
        self.client.send(b"a APPEND INBOX" + four * 4 + b" {1+}\r\nx\r\n")
        self.assertEqual(
            self.client.take(),
            b"a NO [TOOBIG] The messages of a command may have 2000 octets\r\n",
        )
        self.nothing_came()
        self.client.send(b"b APPEND INBOX" + four * 4 + b"\r\n")
        self.assertRegex(self.client.take(), rb"b OK \[APPENDUID \d+ 1:4\]")

    def test_five_hundred_messages_are_one_statement_and_more_are_refused(self) -> None:
        self.client.ask(b"s STATUS INBOX (MESSAGES)")
        statements = self.server.storage.tables.statements
        statements.clear()
        self.client.send(b"a APPEND INBOX" + b" {2+}\r\nhi" * 500 + b"\r\n")
        self.assertRegex(self.client.take(), rb"a OK \[APPENDUID \d+ 1:500\]")
        self.assertEqual({k: n for k, n in statements.items() if "append" in k}.popitem()[1], 1)
        self.client.send(b"b APPEND INBOX" + b" {2+}\r\nhi" * 501 + b"\r\n")
        self.assertRegex(self.client.take(), rb"b BAD A command has more than 500 literals\r\n")

    def test_what_stands_between_the_messages_has_a_limit(self) -> None:
        flags = b"(" + b" ".join(b"%0240d" % number for number in range(90)) + b")"
        self.client.send(b"a APPEND INBOX" + (b" " + flags + b" {2+}\r\nhi") * 8 + b"\r\n")
        self.assertEqual(
            self.client.take(),
            b"a NO [TOOBIG] A command may have 131072 octets beside its messages\r\n",
        )
        self.nothing_came()

    def test_spools_are_let_go(self) -> None:
        self.client.send(b"a APPEND INBOX {2+}\r\nhi {2+}\r\nh")
        spools = list(self.client.connection._session.literals.spools)  # type: ignore[union-attr]
        self.assertEqual([spool.closed for spool in spools], [False, False])
        self.client.hang_up()
        self.assertEqual([spool.closed for spool in spools], [True, True])


class WithoutMultiAppendTests(TranscriptTestCase):
    dialect = DIALECT.without(b"MULTIAPPEND")

    def test_a_second_message_is_bad(self) -> None:
        self.assertFalse(self.dialect.has(multiappend.EXTENSION.capability.name))
        self.converse("""
            C: a APPEND INBOX {2}
            S: + Ready for the message
            C: hi {2}
            S: a BAD There is more than the command takes, ...
        """)
