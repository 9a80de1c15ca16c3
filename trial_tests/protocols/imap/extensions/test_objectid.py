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
    def setUp(self) -> None:
        super().setUp()
        self.append_some(3)
        self.client.ask(b"c create foo")
        self.client.ask(b"s select inbox")

    def email_ids(self, command: bytes = b"22 fetch 1:* (emailid threadid)") -> list[str]:
        said = self.client.ask(command).decode()
        return re.findall(r"EMAILID \((M[0-9a-f]+)\)", said)

    def test_emailid_goes_with_a_message(self) -> None:
        """The example of §5.3."""
        first, second, third = self.email_ids()
        self.converse(f"""
            C: 22 fetch 1:* (emailid threadid)
            S: * 1 FETCH (EMAILID ({first}) THREADID (...))
            S: * 2 FETCH (EMAILID ({second}) THREADID (...))
            S: * 3 FETCH (EMAILID ({third}) THREADID (...))
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
            C: 25 search emailid {third}
            S: * SEARCH 2
            S: 25 OK SEARCH completed
        """)
        self.client.ask(b"26 copy 1 foo")
        self.client.ask(b"27 select foo")
        self.assertEqual(self.email_ids(), [second, first])
        self.assertEqual(self.email_ids(b"a fetch 1 emailid"), [second])

    def test_searching(self) -> None:
        """§6: what was never given out matches nothing. A message that replies to none, and has no id
        of its own, is a thread of its own."""
        first = self.email_ids()[0]
        self.converse(f"""
            C: 27 search emailid {first}
            S: * SEARCH 1
            S: 27 OK SEARCH completed
            C: 28 search or emailid {first.upper()} threadid T64b478a75b7ea9
            S: * SEARCH
            S: 28 OK SEARCH completed
            C: 29 search threadid {first}
            S: * SEARCH
            S: 29 OK SEARCH completed
            C: 30 search not emailid M6d99ac3275bb4e
            S: * SEARCH 1 2 3
            S: 30 OK SEARCH completed
            C: 31 search threadid T{first[1:]}
            S: * SEARCH 1
            S: 31 OK SEARCH completed
            C: 32 search emailid a.b
            S: 32 BAD ...
            C: 33 search emailid
            S: 33 BAD ...
        """)
