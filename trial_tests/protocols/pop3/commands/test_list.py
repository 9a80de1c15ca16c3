"""STAT, LIST, UIDL, DELE, RSET, NOOP, QUIT."""

from trial_tests.protocols.pop3.world import POP3TestCase


class ListTests(POP3TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.append(b"A: 1\n\n1\n")
        self.append(b"A: 2\r\n\r\n2")
        self.append(b"A: 3\r\n\r\n3\r\n", flags=["\\Deleted"])
        self.fred = self.login()
        row = self.successResultOf(self.server.storage.mailboxes.find(1, "INBOX"))
        self.validity = f"{row.uidvalidity:08x}"

    def test_the_list(self) -> None:
        """Sizes are with CRLF; what IMAP has marked as deleted is there."""
        self.talk(
            f"""
            C: STAT
            S: +OK 3 33
            C: LIST
            S: +OK 3 messages (33 octets)
            S: 1 11
            S: 2 11
            S: 3 11
            S: .
            C: LIST 2
            S: +OK 2 11
            C: UIDL
            S: +OK 3 messages
            S: 1 00000001{self.validity}
            S: 2 00000002{self.validity}
            S: 3 00000003{self.validity}
            S: .
            C: UIDL 3
            S: +OK 3 00000003{self.validity}
            C: LIST 4
            S: -ERR There is no message 4
            C: UIDL 0
            S: -ERR There is no message 0
            """,
            self.fred,
        )

    def test_deleted_messages_are_not_shown(self) -> None:
        """RFC 1939 §5"""
        self.talk(
            f"""
            C: DELE 2
            S: +OK Message 2 is marked as deleted
            C: DELE 2
            S: -ERR Message 2 is marked as deleted
            C: RETR 2
            S: -ERR Message 2 is marked as deleted
            C: TOP 2 0
            S: -ERR Message 2 is marked as deleted
            C: LIST 2
            S: -ERR Message 2 is marked as deleted
            C: UIDL 2
            S: -ERR Message 2 is marked as deleted
            C: STAT
            S: +OK 2 22
            C: LIST
            S: +OK 2 messages (22 octets)
            S: 1 11
            S: 3 11
            S: .
            C: UIDL
            S: +OK 2 messages
            S: 1 00000001{self.validity}
            S: 3 00000003{self.validity}
            S: .
            C: RSET
            S: +OK 3 messages (33 octets)
            C: STAT
            S: +OK 3 33
            C: NOOP
            S: +OK Nothing was done
            C: QUIT
            S: +OK Goodbye, 0 messages were removed
            """,
            self.fred,
        )
        self.assertIn(b"* 3 EXISTS", self.client.ask(b"s SELECT INBOX"))

    def test_what_arrives_is_for_the_next_session(self) -> None:
        self.append(b"A: 4\r\n\r\n4\r\n")
        self.assertEqual(self.fred.ask(b"STAT"), b"+OK 3 33\r\n")
        self.fred.ask(b"QUIT")
        self.assertEqual(self.login().ask(b"STAT"), b"+OK 4 44\r\n")

    def test_the_numbers_stay_when_others_expunge(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"e EXPUNGE")
        self.talk(
            f"""
            C: LIST 3
            S: +OK 3 11
            C: UIDL 3
            S: +OK 3 00000003{self.validity}
            C: RETR 3
            S: -ERR Another session has removed this message
            C: TOP 3 0
            S: -ERR Another session has removed this message
            C: RETR 1
            S: +OK 11 octets
            S: A: 1
            S:
            S: 1
            S: .
            C: DELE 1
            S: +OK Message 1 is marked as deleted
            C: DELE 3
            S: +OK Message 3 is marked as deleted
            C: QUIT
            S: +OK Goodbye, 1 messages were removed, 1 had been removed by another session
            """,
            self.fred,
        )

    def test_sessions_of_imap_hear_of_it(self) -> None:
        self.client.ask(b"s SELECT INBOX")
        self.fred.send(b"RETR 2\r\nDELE 1\r\nQUIT\r\n")
        said = self.client.ask(b"n NOOP")
        self.assertIn(b"* 1 EXPUNGE\r\n", said)
        self.assertIn(b"* 1 FETCH (UID 2 FLAGS (\\Seen", said)

    def test_everything_at_the_end_is_one_statement(self) -> None:
        self.server.storage.tables.statements.clear()
        self.fred.send(b"RETR 1\r\nRETR 2\r\nDELE 1\r\nDELE 2\r\nSTAT\r\nLIST\r\nUIDL\r\nQUIT\r\n")
        self.assertEqual(self.statements, {"maildrops.bodies": 1, "maildrops.quit": 1})


class NotSeenTests(POP3TestCase):
    house = {"marks_seen": False}

    def test_retrieved_messages_stay_unseen(self) -> None:
        self.append_some(1)
        client = self.login()
        client.send(b"RETR 1\r\nQUIT\r\n")
        self.assertNotIn(b"Seen", self.flags_in_imap())
