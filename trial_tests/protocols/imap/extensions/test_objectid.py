"""OBJECTID (RFC 8474)."""

import re

from trial_tests.support.transcript import TranscriptTestCase


class MailboxIdTests(TranscriptTestCase):
    def mailbox_id(self, said: bytes) -> bytes:
        found = re.search(rb"MAILBOXID \(([A-Za-z0-9_-]+)\)", said)
        assert found is not None, said
        return found[1]

    def test_it_stays_with_the_mailbox(self) -> None:
        """The examples of §4.1 to §4.3: CREATE, SELECT, STATUS and LIST agree, also after RENAME."""
        foo = self.mailbox_id(self.client.ask(b"3 create foo"))
        bar = self.mailbox_id(self.client.ask(b"4 create bar"))
        self.assertNotEqual(foo, bar)
        self.assertIn(b"5 NO [ALREADYEXISTS]", self.client.ask(b"5 create foo"))
        selected = self.client.ask(b'27 select "foo"')
        self.assertIn(b"* OK [MAILBOXID (" + foo + b")] ", selected)
        self.converse(f"""
            C: 6 status foo (mailboxid)
            S: * STATUS foo (MAILBOXID ({foo.decode()}))
            S: 6 OK STATUS completed
            C: 8 rename foo renamed
            S: 8 OK RENAME completed
            C: 9 status renamed (mailboxid)
            S: * STATUS renamed (MAILBOXID ({foo.decode()}))
            S: 9 OK STATUS completed
            C: 11 list "" "[br]*" return (status (mailboxid))
            S: 11 OK LIST completed
            C: 12 list "" (bar renamed) return (status (mailboxid))
            S: * LIST (\\HasNoChildren) "/" bar
            S: * STATUS bar (MAILBOXID ({bar.decode()}))
            S: * LIST (\\HasNoChildren) "/" renamed
            S: * STATUS renamed (MAILBOXID ({foo.decode()}))
            S: 12 OK LIST completed
        """)

    def test_another_mailbox_of_the_same_name_has_another(self) -> None:
        first = self.mailbox_id(self.client.ask(b"3 create foo"))
        self.client.ask(b"4 delete foo")
        self.assertNotEqual(self.mailbox_id(self.client.ask(b"5 create foo")), first)


class MessageIdTests(TranscriptTestCase):
    """Three messages, the second of which answers the first (the example of §5.3)."""

    def setUp(self) -> None:
        super().setUp()
        for header in [
            b"Subject: Message A\r\nMessage-ID: <fake.1521475657.54797@example.com>\r\n",
            b"Subject: Re: Message A\r\nMessage-ID: <fake.1521475657.21213@example.org>\r\n"
            b"References: <fake.1521475657.54797@example.com>\r\n",
            b"Subject: Message C\r\nMessage-ID: <fake.1521475657.60280@example.com>\r\n",
        ]:
            self.append(header + b"\r\nText\r\n")
        self.client.ask(b"c create foo")
        self.client.ask(b"s select inbox")
        self.email_ids = self.ids(b"EMAILID", b"M")
        self.thread_ids = self.ids(b"THREADID", b"T")

    def ids(self, item: bytes, letter: bytes) -> list[str]:
        """The ids of all messages of the selected mailbox."""
        said = self.client.ask(b"22 fetch 1:* (" + item + b")")
        found = re.findall(item + rb" \((" + letter + rb"[0-9a-f]{32})\)", said)
        return [one.decode() for one in found]

    def test_they_go_with_a_message(self) -> None:
        """§5.3; both in one FETCH, and after MOVE and COPY."""
        first, second, third = self.email_ids
        thread, same, other = self.thread_ids
        self.assertEqual(thread, same)
        self.assertNotEqual(thread, other)
        self.assertEqual(len({first, second, third}), 3)
        self.converse(f"""
            C: 22 fetch 1:* (emailid threadid)
            S: * 1 FETCH (EMAILID ({first}) THREADID ({thread}))
            S: * 2 FETCH (EMAILID ({second}) THREADID ({thread}))
            S: * 3 FETCH (EMAILID ({third}) THREADID ({other}))
            S: 22 OK FETCH completed
            C: 23 move 2 foo
            S: * OK [COPYUID ... 2 1] Moved
            S: * 2 EXPUNGE
            S: * 2 RECENT
            S: 23 OK MOVE completed
            C: 24 fetch 1:* (emailid uid)
            S: * 1 FETCH (EMAILID ({first}) UID 1)
            S: * 2 FETCH (EMAILID ({third}) UID 3)
            S: 24 OK FETCH completed
        """)
        self.client.ask(b"26 copy 1 foo")
        self.client.ask(b"27 select foo")
        self.assertEqual(self.ids(b"EMAILID", b"M"), [second, first])
        self.assertEqual(self.ids(b"THREADID", b"T"), [thread, thread])

    def test_a_message_without_a_thread_has_none(self) -> None:
        """§5.2: messages that came before threads were known."""
        for mailbox in self.server.storage.tables.mailboxes.values():
            for message in mailbox.messages.values():
                message.thread_id = None
        self.converse(f"""
            C: 26 fetch 1 (emailid threadid)
            S: * 1 FETCH (EMAILID ({self.email_ids[0]}) THREADID NIL)
            S: 26 OK FETCH completed
            C: 27 search threadid {self.thread_ids[0]}
            S: * SEARCH
            S: 27 OK SEARCH completed
        """)

    def test_searching(self) -> None:
        """§6: what was never given out matches nothing."""
        first, thread = self.email_ids[0], self.thread_ids[0]
        self.converse(f"""
            C: 27 search emailid {first}
            S: * SEARCH 1
            S: 27 OK SEARCH completed
            C: 28 search threadid {thread}
            S: * SEARCH 1 2
            S: 28 OK SEARCH completed
            C: 29 search or emailid {first.upper()} threadid T64b478a75b7ea9
            S: * SEARCH
            S: 29 OK SEARCH completed
            C: 30 search threadid {first}
            S: * SEARCH
            S: 30 OK SEARCH completed
            C: 31 search emailid {thread}
            S: * SEARCH
            S: 31 OK SEARCH completed
            C: 32 search not emailid M6d99ac3275bb4e
            S: * SEARCH 1 2 3
            S: 32 OK SEARCH completed
            C: 33 search emailid a.b
            S: 33 BAD ...
            C: 34 search emailid
            S: 34 BAD ...
        """)
