"""NOTIFY (RFC 5465)."""

import re

from twisted.internet.defer import Deferred, fail, succeed

from sora.errors import ShuttingDown, Unavailable
from sora.protocols.imap.services import Limits
from trial_tests.support.sharing import WORK, SharingTestCase
from trial_tests.support.transcript import Client, TranscriptTestCase

MESSAGE = (
    b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Re: good morning\r\n\r\nHi\r\n"
)


class NotifyTestCase(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for name in ("Lists", "Lists/Lemonade", "Lists/Im2000", "misc"):
            self.result(self.account().create(name))
        self.other = self.new_client()

    def do(self, *commands: str, client: Client | None = None) -> None:
        """Let the other client do something."""
        client = client or self.other
        for command in commands:
            said = client.ask(b"x " + command.encode())
            self.assertIn(b"x OK", said, command)

    def notify(self, groups: str, status: bool = False) -> bytes:
        """NOTIFY SET, which succeeds; gives what comes before the OK."""
        said = self.client.ask(b"n NOTIFY SET " + b"STATUS " * status + groups.encode())
        lines, found, _ = said.partition(b"n OK NOTIFY completed\r\n")
        self.assertTrue(found, said)
        return lines

    def select(self, name: str = "INBOX") -> None:
        self.assertIn(b"s OK", self.client.ask(b"s SELECT " + name.encode()))

    def told(self) -> list[str]:
        """What has been said without a command since."""
        return self.client.take().decode().splitlines()


class ExampleTests(NotifyTestCase):
    """The examples of the RFC. Those of §3.1 are told with the parentheses that its grammar
    wants, and with MessageExpunge, without which they were wrong by §5."""

    def test_sessions_are_counted(self) -> None:
        """Each once, however often it says something (NONE is something), while it lasts."""
        counts = []
        for command in (b"NOTIFY SET (personal (MailboxName))", b"NOTIFY NONE", b"LOGOUT"):
            self.client.ask(b"a " + command)
            self.other.ask(b"a NOTIFY SET (personal (MailboxName))")
            counts.append(
                self.server.registry.get_sample_value("sora_imap_notify_sessions_current")
            )
        self.assertEqual(counts, [2, 2, 1])
        self.other.ask(b"a LOGOUT")
        left = self.server.registry.get_sample_value("sora_imap_notify_sessions_current")
        self.assertEqual(left, 0)

    def test_the_example_of_3_1(self) -> None:
        self.append_some(126)
        self.converse("""
            C: b notify set status (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))
            S: * STATUS Lists (UIDVALIDITY ... UIDNEXT 1 MESSAGES 0)
            S: * STATUS Lists/Im2000 (UIDVALIDITY ... UIDNEXT 1 MESSAGES 0)
            S: * STATUS Lists/Lemonade (UIDVALIDITY ... UIDNEXT 1 MESSAGES 0)
            S: b OK NOTIFY completed
        """)
        self.select()
        self.append(MESSAGE, "Lists/Lemonade")
        self.converse("""
            S: * STATUS Lists/Lemonade (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
        """)
        self.append(MESSAGE)
        self.converse("""
            S: * 127 EXISTS
            S: * 127 RECENT
            S: * 127 FETCH (UID 127 BODY[HEADER.FIELDS (from to subject)] {75}
            S: From: alice@example.org
            S: To: bob@example.org
            S: Subject: Re: good morning
            S:
            S: )
            C: d STATUS misc (UIDVALIDITY UIDNEXT MESSAGES)
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 1 MESSAGES 0)
            S: d OK STATUS completed
            C: e notify set (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge)) (mailboxes misc (MessageNew MessageExpunge))
            S: e OK NOTIFY completed
        """)
        self.append(MESSAGE, "misc")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
        """)

    def test_flag_change_in_the_selected_mailbox(self) -> None:
        """§5.1"""
        self.append_some(99)
        self.select()
        self.notify("(selected (MessageNew MessageExpunge FlagChange))")
        self.do("SELECT INBOX", "STORE 99 FLAGS ($Junk)")
        self.converse("""
            S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)
            S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk \\*)] ...
            S: * 99 FETCH (UID 99 FLAGS ($Junk \\Recent))
        """)

    def test_flag_change_in_another_mailbox_with_condstore(self) -> None:
        """§5.1"""
        self.append(MESSAGE, "Lists/Lemonade")
        self.client.ask(b"a ENABLE CONDSTORE")
        self.notify("(mailboxes Lists/Lemonade (MessageNew MessageExpunge FlagChange))")
        self.do("SELECT Lists/Lemonade", "STORE 1 FLAGS (\\Flagged)")
        self.converse("""
            S: * STATUS Lists/Lemonade (UIDVALIDITY ... HIGHESTMODSEQ ...)
        """)

    def test_new_and_expunged_in_the_selected_mailbox(self) -> None:
        """§5.2, §5.3"""
        self.append_some(443)
        self.select()
        self.notify("(selected (MessageNew (uid) MessageExpunge))")
        self.append(MESSAGE)
        self.converse("""
            S: * 444 EXISTS
            S: * 444 RECENT
            S: * 444 FETCH (UID 444)
        """)
        self.do("SELECT INBOX", "STORE 444 +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        self.converse("""
            S: * 444 EXPUNGE
            S: * 443 RECENT
        """)

    def test_expunged_with_qresync(self) -> None:
        """§5.3"""
        self.append_some(3)
        self.client.ask(b"a ENABLE QRESYNC")
        self.select()
        self.notify("(selected (MessageNew MessageExpunge))")
        self.do("SELECT INBOX", "STORE 2 +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        self.converse("""
            S: * VANISHED 2
            S: * 2 RECENT
        """)

    def test_expunged_in_another_mailbox(self) -> None:
        """§5.3"""
        self.append(MESSAGE, "misc")
        self.append(MESSAGE, "misc")
        self.notify("(mailboxes misc (MessageNew MessageExpunge))")
        self.do("SELECT misc", "STORE 1 +FLAGS.SILENT (\\Deleted)")
        self.assertEqual(self.told(), [])
        self.do("EXPUNGE")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 3 MESSAGES 1)
        """)

    def test_names(self) -> None:
        """§5.4"""
        self.notify("(personal (MailboxName))")
        self.do("CREATE NewMailbox")
        self.converse("""
            S: * LIST (\\HasNoChildren) "/" NewMailbox
        """)
        self.do("RENAME NewMailbox OldMailbox")
        self.converse("""
            S: * LIST (\\HasNoChildren) "/" OldMailbox ("OLDNAME" (NewMailbox))
        """)
        self.do("DELETE OldMailbox")
        self.converse("""
            S: * LIST (\\NonExistent \\HasNoChildren) "/" OldMailbox
        """)

    def test_subscriptions(self) -> None:
        """§5.5"""
        self.notify("(personal (SubscriptionChange))")
        self.do("SUBSCRIBE misc")
        self.converse("""
            S: * LIST (\\HasNoChildren \\Subscribed) "/" misc
        """)
        self.do("UNSUBSCRIBE misc", "DELETE misc", "CREATE other")
        self.converse("""
            S: * LIST (\\HasNoChildren) "/" misc
        """)

    def test_several_groups_for_one_mailbox(self) -> None:
        """§6: events are added up."""
        self.notify("(mailboxes INBOX (Messagenew messageExpunge)) (personal (SubscriptionChange))")
        self.append(MESSAGE)
        self.append(MESSAGE, "misc")
        self.do("UNSUBSCRIBE inbox")
        self.converse("""
            S: * STATUS INBOX (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
            S: * LIST (\\HasNoChildren) "/" INBOX
        """)

    def test_selected_overrides_the_others(self) -> None:
        """§6, the second example."""
        self.append_some(1)
        self.select()
        self.notify(
            "(selected (Messagenew (uid flags) messageExpunge))"
            " (personal (MessageNew FlagChange MessageExpunge))"
        )
        self.do("SELECT INBOX", "STORE 1 +FLAGS (\\Seen)")
        self.assertEqual(self.told(), [])
        self.append(MESSAGE)
        self.converse("""
            S: * 2 EXISTS
            S: * 2 RECENT
            S: * 2 FETCH (UID 2 FLAGS (\\Recent))
        """)
        self.append(MESSAGE, "misc")
        self.do("SELECT misc", "STORE 1 +FLAGS (\\Seen)")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1 UNSEEN 1)
            S: * STATUS misc (UIDVALIDITY ... UNSEEN 0)
        """)


class SelectedTests(NotifyTestCase):
    """§6.1"""

    def setUp(self) -> None:
        super().setUp()
        self.append_some(3)
        self.select()
        self.do("SELECT INBOX")

    def test_none_at_all(self) -> None:
        """§3: NONE, and SET without SELECTED: nothing, not even with commands."""
        for command in (b"NONE", b"SET (mailboxes misc (MailboxName))", b"SET (selected NONE)"):
            self.client.ask(b"n NOTIFY " + command)
            self.append(MESSAGE)
            self.do("STORE 1 +FLAGS (\\Seen)", "STORE 1 -FLAGS (\\Seen)")
            self.assertEqual(self.told(), [])
            self.assertEqual(self.client.ask(b"a NOOP"), b"a OK NOOP completed\r\n")
        self.assertEqual(
            self.notify("(selected (MessageNew MessageExpunge))"),
            b"* 6 EXISTS\r\n",
        )

    def test_what_the_client_expunges_itself_is_always_told(self) -> None:
        self.client.ask(b"n NOTIFY NONE")
        self.client.ask(b"a STORE 1 +FLAGS.SILENT (\\Deleted)")
        self.converse("""
            C: a EXPUNGE
            S: * 1 EXPUNGE
            S: * 2 RECENT
            S: a OK EXPUNGE completed
            C: b MOVE 1 misc
            S: * OK [COPYUID ...
            S: * 1 EXPUNGE
            S: * 1 RECENT
            S: b OK MOVE completed
        """)

    def test_set_tells_what_had_come_together(self) -> None:
        """§3.1: as NOOP does."""
        self.append(MESSAGE)
        self.assertEqual(
            self.notify("(selected (MessageNew (UID) MessageExpunge))"),
            b"* 4 EXISTS\r\n* 4 RECENT\r\n",
        )

    def test_expunge_at_once(self) -> None:
        self.notify("(selected (MessageNew MessageExpunge))")
        self.do("STORE 1 +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        self.assertEqual(self.told(), ["* 1 EXPUNGE", "* 2 RECENT"])

    def test_expunge_delayed_until_a_command_lets_it(self) -> None:
        """§6.1.2"""
        self.notify("(selected-delayed (MessageNew (UID) MessageExpunge))")
        self.append(MESSAGE)
        self.assertEqual(self.told(), ["* 4 EXISTS", "* 4 RECENT", "* 4 FETCH (UID 4)"])
        self.do("STORE 1 +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        self.append(MESSAGE)
        self.assertEqual(self.told(), [])
        self.converse("""
            C: a FETCH 2 UID
            S: * 2 FETCH (UID 2)
            S: a OK FETCH completed
            C: b NOOP
            S: * 1 EXPUNGE
            S: * 4 EXISTS
            S: b OK NOOP completed
            S: * 4 FETCH (UID 5)
        """)

    def test_expunge_delayed_is_told_in_idle(self) -> None:
        """§4: as if it was not delayed."""
        self.notify("(selected-delayed (MessageNew MessageExpunge))")
        self.do("STORE 1 +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
        self.converse("""
            C: i IDLE
            S: + idling
            S: * 1 EXPUNGE
            S: * 2 RECENT
        """)

    def test_what_the_client_puts_there_itself_is_not_fetched(self) -> None:
        """§5.2: EXISTS is enough."""
        self.notify("(selected (MessageNew (UID) MessageExpunge))")
        said = self.client.ask(b"a APPEND INBOX {4+}\r\n\r\nx\n")
        self.assertIn(b"* 4 EXISTS\r\n", said)
        self.assertNotIn(b"FETCH", said)
        said = self.client.ask(b"a COPY 1:2 INBOX")
        self.assertIn(b"* 6 EXISTS\r\n", said)
        self.assertNotIn(b"FETCH", said)
        self.append(MESSAGE)
        self.assertEqual(self.told(), ["* 7 EXISTS", "* 7 RECENT", "* 7 FETCH (UID 7)"])

    def test_bodies_and_flags_of_new_messages(self) -> None:
        self.notify("(selected (MessageNew (UID FLAGS BODY.PEEK[TEXT]) MessageExpunge))")
        self.append(MESSAGE)
        self.converse("""
            S: * 4 EXISTS
            S: * 4 RECENT
            S: * 4 FETCH (UID 4 FLAGS (\\Recent) BODY[TEXT] {4}
            S: Hi
            S: )
        """)

    def test_a_body_that_cannot_be_had_is_left_out(self) -> None:
        """G8"""
        self.notify("(selected (MessageNew (BODY.PEEK[]) MessageExpunge))")

        def before(name: str) -> "Deferred[None]":
            self.server.objects.down |= name == "messages.read"
            return succeed(None)

        self.server.storage.tables.pause = before
        self.append(MESSAGE)
        self.assertEqual(self.told(), ["* 4 EXISTS", "* 4 RECENT"])
        self.assertTrue(self.server.objects.down)
        self.assertIn(b"a OK", self.client.ask(b"a NOOP"))

    def test_another_mailbox_is_selected(self) -> None:
        """It is about the mailbox that is selected at the time."""
        self.notify(
            "(selected (MessageNew (UID) MessageExpunge)) (personal (MessageNew MessageExpunge))"
        )
        self.select("misc")
        self.append(MESSAGE, "misc")
        self.assertEqual(self.told(), ["* 1 EXISTS", "* 1 RECENT", "* 1 FETCH (UID 1)"])
        self.append(MESSAGE)
        self.converse("""
            S: * STATUS INBOX (UIDVALIDITY ... UIDNEXT 5 MESSAGES 4)
            C: a UNSELECT
            S: a OK UNSELECT completed
        """)
        self.append(MESSAGE, "misc")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 3 MESSAGES 2)
        """)

    def test_the_selected_mailbox_is_deleted(self) -> None:
        self.notify("(selected (MessageNew MessageExpunge))")
        self.select("misc")
        self.do("DELETE misc")
        self.assertEqual(self.told(), ["* BYE The selected mailbox was deleted"])
        self.assertTrue(self.client.is_hung_up_on)


class OthersTests(NotifyTestCase):
    def test_what_the_client_does_itself_is_no_news(self) -> None:
        """§5"""
        self.notify(
            "(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))"
        )
        self.append_some(2, "misc")
        self.client.take()
        for command in (
            b"APPEND misc {4+}\r\n\r\nx\n",
            b"CREATE new",
            b"RENAME new newer",
            b"SUBSCRIBE newer",
            b"UNSUBSCRIBE newer",
            b"DELETE newer",
            b"SELECT misc",
            b"COPY 1 INBOX",
            b"STORE 1 +FLAGS.SILENT (\\Deleted)",
            b"EXPUNGE",
            b"UNSELECT",
        ):
            said = self.client.ask(b"a " + command)
            self.assertIn(b"a OK", said)
            self.assertNotIn(b"* STATUS", said, command)
            self.assertNotIn(b"* LIST", said, command)
        self.append(MESSAGE)
        self.converse("""
            S: * STATUS INBOX (UIDVALIDITY ... UIDNEXT 3 MESSAGES 2 UNSEEN 2)
        """)

    def test_flags_without_condstore_are_told_by_the_number_of_unseen(self) -> None:
        """§5.1"""
        self.append(MESSAGE, "misc")
        self.notify("(mailboxes misc (MessageNew MessageExpunge FlagChange))")
        self.do("SELECT misc", "STORE 1 FLAGS (\\Flagged)")
        self.assertEqual(self.told(), [])
        self.do("STORE 1 +FLAGS (\\Seen)")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UNSEEN 0)
        """)

    def test_flags_that_were_not_asked_for(self) -> None:
        self.append(MESSAGE, "misc")
        self.client.ask(b"a ENABLE CONDSTORE")
        self.notify("(mailboxes misc (MessageNew MessageExpunge))")
        self.do("SELECT misc", "STORE 1 +FLAGS (\\Seen)")
        self.assertEqual(self.told(), [])
        self.append(MESSAGE, "misc")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 3 MESSAGES 2 HIGHESTMODSEQ ...)
        """)

    def test_status_of_flag_changes(self) -> None:
        """§3.1: HIGHESTMODSEQ, and not of the selected mailbox."""
        self.select()
        self.converse("""
            C: a NOTIFY SET STATUS (mailboxes (misc INBOX nonsense) (MessageNew MessageExpunge FlagChange)) (subtree Lists (MailboxName))
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 1 MESSAGES 0 HIGHESTMODSEQ ...)
            S: a OK NOTIFY completed
        """)

    def test_subscribed_is_evaluated_anew(self) -> None:
        """§6.4"""
        self.notify("(subscribed (MessageNew MessageExpunge))")
        self.append(MESSAGE, "misc")
        self.assertEqual(self.told(), [])
        self.do("SUBSCRIBE misc")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
        """)
        self.append(MESSAGE, "misc")
        self.converse("""
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 3 MESSAGES 2)
        """)
        self.do("UNSUBSCRIBE misc")
        self.append(MESSAGE, "misc")
        self.assertEqual(self.told(), [])

    def test_a_new_mailbox_of_a_subtree(self) -> None:
        self.notify("(subtree Lists (MessageNew MessageExpunge MailboxName))")
        self.do("CREATE Lists/New", "CREATE Listless")
        self.append(MESSAGE, "Lists/New")
        self.converse("""
            S: * LIST (\\HasNoChildren) "/" Lists/New
            S: * LIST (\\HasChildren) "/" Lists
            S: * STATUS Lists/New (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
        """)

    def test_a_name_in_another_case_and_with_wildcards(self) -> None:
        """§6.6: there is no expansion."""
        self.notify('(mailboxes ("inbox" "mis%" "*") (MessageNew MessageExpunge))')
        self.append(MESSAGE, "misc")
        self.append(MESSAGE)
        self.converse("""
            S: * STATUS INBOX (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
        """)

    def test_renamed_with_inferiors(self) -> None:
        """§5.4: the inferiors are not told of; and followed by their new names."""
        self.notify("(personal (MessageNew MessageExpunge MailboxName))")
        self.do("RENAME Lists Old")
        self.converse("""
            S: * LIST (\\HasChildren) "/" Old ("OLDNAME" (Lists))
        """)
        self.append(MESSAGE, "Old/Lemonade")
        self.converse("""
            S: * STATUS Old/Lemonade (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
        """)

    def test_inbox_is_renamed(self) -> None:
        """§5.4: its messages go to a new mailbox; there is no event for INBOX itself."""
        self.append(MESSAGE)
        self.notify("(personal (MailboxName))")
        self.do("RENAME INBOX Old")
        self.converse("""
            S: * LIST (\\HasNoChildren) "/" Old
        """)

    def test_a_superior_that_is_made_with_it(self) -> None:
        self.notify("(personal (MailboxName))")
        self.do("CREATE a/b")
        self.converse("""
            S: * LIST (\\HasChildren) "/" a
            S: * LIST (\\HasNoChildren) "/" a/b
        """)

    def test_deleted_and_made_again(self) -> None:
        self.notify("(personal (MailboxName))")
        self.client.connection.pauseProducing()
        self.do("DELETE misc", "CREATE misc")
        self.client.connection.resumeProducing()
        self.assertEqual(self.told()[-1], '* LIST (\\HasNoChildren) "/" misc')

    def test_names_are_spelled_for_the_client(self) -> None:
        self.notify("(personal (MailboxName))")
        self.do("CREATE &AOk-t&AOk-")
        self.assertEqual(self.told(), ['* LIST (\\HasNoChildren) "/" &AOk-t&AOk-'])
        self.client.ask(b"a ENABLE UTF8=ACCEPT")
        self.do("CREATE &AOk-")
        self.assertEqual(self.told(), ['* LIST (\\HasNoChildren) "/" "é"'])

    def test_others_are_other_people(self) -> None:
        self.add_account("jane@example.com")
        self.notify("(personal (MessageNew MessageExpunge MailboxName))")
        jane = self.new_client(user="jane")
        self.do("CREATE hers", "APPEND INBOX {4+}\r\n\r\nx\n", client=jane)
        self.assertEqual(self.told(), [])


class MetadataTests(NotifyTestCase):
    """§5.6, §5.7: which entries, and not their values."""

    def test_of_a_mailbox(self) -> None:
        self.notify("(personal (MailboxMetadataChange))")
        self.do('SETMETADATA INBOX (/shared/comment "x")')
        self.converse("""
            S: * METADATA INBOX /shared/comment
        """)
        self.do('SETMETADATA misc (/private/comment NIL /shared/vendor/a/b "y")')
        self.converse("""
            S: * METADATA misc /private/comment /shared/vendor/a/b
        """)

    def test_of_the_server(self) -> None:
        self.notify("(mailboxes misc (ServerMetadataChange))")
        self.do('SETMETADATA "" (/private/comment "x")', 'SETMETADATA misc (/private/comment "x")')
        self.converse("""
            S: * METADATA "" /private/comment
        """)

    def test_of_the_selected_mailbox(self) -> None:
        """§3.1: SELECTED is about events of messages only."""
        self.select("misc")
        self.notify("(selected NONE) (mailboxes misc (MailboxMetadataChange))")
        self.do('SETMETADATA misc (/shared/comment "x")')
        self.converse("""
            S: * METADATA misc /shared/comment
        """)
        said = self.client.ask(b"a NOTIFY SET (selected (MailboxMetadataChange))")
        self.assertIn(b"a BAD", said)

    def test_those_of_others_and_its_own_are_none(self) -> None:
        self.notify("(mailboxes misc (MailboxMetadataChange ServerMetadataChange))")
        self.client.ask(b'a SETMETADATA misc (/shared/comment "x")')
        self.client.ask(b'a SETMETADATA "" (/private/comment "x")')
        self.do('SETMETADATA INBOX (/shared/comment "x")')
        self.add_account("jane@example.com")
        jane = self.new_client(user="jane")
        self.do('SETMETADATA "" (/private/comment "x")', client=jane)
        self.assertEqual(self.told(), [])

    def test_more_than_is_kept_for_a_client_that_does_not_read(self) -> None:
        self.notify("(personal (MailboxMetadataChange))")
        self.client.connection.pauseProducing()
        for batch in range(12):
            values = " ".join(f"/private/vendor/a/{batch}x{n} NIL" for n in range(90))
            self.do(f"SETMETADATA misc ({values})")
        self.client.connection.resumeProducing()
        self.assertIn("* OK [NOTIFICATIONOVERFLOW]", self.told()[-1])
        self.do('SETMETADATA misc (/private/comment "x")')
        self.assertEqual(self.told(), [])


class WhenTests(NotifyTestCase):
    """When it is told, what is kept, and when it ends."""

    def test_during_idle_the_same_events(self) -> None:
        """§4"""
        self.append_some(1)
        self.select()
        self.notify(
            "(selected (MessageNew (UID) MessageExpunge)) (personal (MessageNew MessageExpunge))"
        )
        self.do("SELECT INBOX")
        self.client.ask(b"i IDLE")
        self.do("STORE 1 +FLAGS (\\Seen)")
        self.append(MESSAGE)
        self.append(MESSAGE, "misc")
        self.converse("""
            S: * 2 EXISTS
            S: * 2 RECENT
            S: * 2 FETCH (UID 2)
            S: * STATUS misc (UIDVALIDITY ... UIDNEXT 2 MESSAGES 1)
            C: DONE
            S: i OK IDLE completed
        """)
        self.append(MESSAGE)
        self.assertEqual(self.told(), ["* 3 EXISTS", "* 3 RECENT", "* 3 FETCH (UID 3)"])

    def test_in_the_middle_of_a_command(self) -> None:
        """A literal that comes slowly: nothing is told before its command is answered."""
        self.notify("(personal (MessageNew MessageExpunge))")
        self.client.send(b"a APPEND misc {4}\r\n")
        self.assertTrue(self.client.take().startswith(b"+ "))
        self.append(MESSAGE)
        self.assertEqual(self.told(), [])
        self.client.send(b"\r\nx\n\r\n")
        told = self.told()
        self.assertTrue(told[0].startswith("a OK [APPENDUID"), told)
        self.assertTrue(told[1].startswith("* STATUS INBOX "), told)
        self.assertEqual(len(told), 2)

    def test_many_changes_while_the_client_does_not_read_are_one_line(self) -> None:
        """A slow reader costs nothing: what is to be told is read when it can be told."""
        self.notify("(personal (MessageNew MessageExpunge))")
        self.client.connection.pauseProducing()
        for _ in range(50):
            self.append(MESSAGE, "misc")
        self.client.connection.resumeProducing()
        told = self.told()
        self.assertLessEqual(len(told), 2)
        self.assertIn("UIDNEXT 51 MESSAGES 50", told[-1])

    def test_a_pipelined_burst(self) -> None:
        self.append_some(1)
        self.select()
        self.notify("(selected (MessageNew MessageExpunge FlagChange))")
        said = self.client.ask(b"\r\n".join(b"%d NOOP" % number for number in range(300)))
        self.assertEqual(said.count(b"OK NOOP completed"), 300)

    def test_one_listing_for_many_changes(self) -> None:
        """The cost: one round trip for what has changed, however many mailboxes are followed."""
        self.notify("(selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))")
        statements = self.server.storage.tables.statements
        statements.clear()
        self.append(MESSAGE, "misc")
        self.client.take()
        self.assertEqual(statements["mailboxes.list"], 1)
        self.select()
        statements.clear()
        self.append(MESSAGE)
        self.assertEqual(self.told(), ["* 1 EXISTS", "* 1 RECENT"])
        self.assertEqual(statements["mailboxes.list"], 0)

    def test_silence_ends_the_session_whatever_was_told(self) -> None:
        self.notify("(personal (MessageNew MessageExpunge))")
        for _ in range(6):
            self.clock.advance(self.limits.idle_timeout / 6 - 1)
            self.append(MESSAGE, "misc")
            self.assertFalse(self.client.is_hung_up_on)
        self.client.take()
        self.clock.advance(10)
        self.assertEqual(self.told(), ["* BYE Nothing was heard for too long"])

    def test_the_server_stops(self) -> None:
        self.notify("(personal (MessageNew MessageExpunge))")
        self.client.connection.shutdown(ShuttingDown())
        self.assertEqual(self.told(), ["* BYE [UNAVAILABLE] The server is shutting down"])

    def test_nothing_is_left_behind(self) -> None:
        watchers = self.server.open.watchers
        groups = "(selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))"
        for how in (b"n NOTIFY NONE", b"n UNAUTHENTICATE", b"n LOGOUT"):
            self.client = self.new_client()
            self.select()
            self.notify(groups)
            self.assertNotEqual([*watchers.mailboxes, *watchers.accounts], [])
            self.client.ask(how)
            self.assertEqual([*watchers.mailboxes, *watchers.accounts], [])
        self.client = self.new_client()
        self.notify(groups)
        self.client.hang_up()
        self.assertEqual([*watchers.mailboxes, *watchers.accounts], [])

    def test_unauthenticate_goes_back_to_the_usual(self) -> None:
        """RFC 8437 §4.1"""
        self.client.ask(b"n NOTIFY NONE")
        self.client.ask(b"n UNAUTHENTICATE")
        self.client.ask(b"a LOGIN fred secret")
        self.select()
        self.append(MESSAGE)
        self.assertEqual(
            self.client.ask(b"a NOOP"), b"* 1 EXISTS\r\n* 1 RECENT\r\na OK NOOP completed\r\n"
        )


class RefusedTests(NotifyTestCase):
    def test_events_that_there_are_none_of(self) -> None:
        """§3.1: NO, with what there is."""
        for event in ("AnnotationChange", "X-Moon"):
            self.converse(f"""
                C: a NOTIFY SET (personal ({event}))
                S: a NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] ...
            """)

    def test_what_is_wrong(self) -> None:
        """§5, §6.1, §8"""
        for arguments in (
            "",
            " NONE NONE",
            " SET",
            " SET STATUS",
            " SOME (personal NONE)",
            " SET (personal (MessageNew))",
            " SET (personal (MessageExpunge MailboxName))",
            " SET (personal (FlagChange))",
            " SET (selected (MessageNew MessageExpunge MailboxName))",
            " SET (selected NONE) (selected-delayed NONE)",
            " SET (personal (MessageNew (UID) MessageExpunge))",
            " SET (selected (MessageNew (NONSENSE) MessageExpunge))",
            " SET (selected (MessageNew () MessageExpunge))",
            " SET (selected (MessageNew (UID MessageExpunge))",
            " SET (everything (MailboxName))",
            " SET (mailboxes (MailboxName))",
            " SET (subtree () (MailboxName))",
            " SET (personal ())",
            " SET (personal)",
            " SET personal (MailboxName)",
            " SET (personal MailboxName)",
            " SET (personal (MailboxName)",
            " SET (personal (MailboxName))x",
            " SET (personal (MailboxName)) ",
        ):
            said = self.client.ask(b"a NOTIFY" + arguments.encode())
            self.assertRegex(said, rb"\Aa BAD [^\r\n]*\r\n\Z", arguments)
        self.append_some(1)
        self.select()
        self.append(MESSAGE)
        self.assertIn(b"* 2 EXISTS", self.client.ask(b"a NOOP"))

    def test_a_refused_one_leaves_what_was(self) -> None:
        self.notify("(mailboxes misc (MessageNew MessageExpunge))")
        self.client.ask(b"a NOTIFY SET (personal (X-Moon))")
        self.append(MESSAGE, "misc")
        self.assertEqual(len(self.told()), 1)

    def test_not_before_the_login(self) -> None:
        client = self.new_client(logs_in=False)
        self.assertIn(b"a BAD", client.ask(b"a NOTIFY NONE"))

    def test_too_many_groups_and_names(self) -> None:
        for groups in (
            b" ".join([b"(personal NONE)"] * 101),
            b"(mailboxes (" + b" ".join(b"m%d" % number for number in range(1001)) + b") NONE)",
        ):
            said = self.client.ask(b"a NOTIFY SET " + groups)
            self.assertRegex(said, rb"\Aa NO \[NOTIFICATIONOVERFLOW\] [^\r\n]*\r\n\Z")
        self.assertIn(
            b"a OK", self.client.ask(b"a NOTIFY SET " + b" ".join([b"(personal NONE)"] * 100))
        )


class OverflowTests(NotifyTestCase):
    limits = Limits(followed=5)

    def test_too_many_mailboxes(self) -> None:
        """§3.1, §5.8"""
        self.notify(
            "(selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))"
        )
        self.do("CREATE one")
        self.converse("""
            S: * OK [NOTIFICATIONOVERFLOW] ...
        """)
        value = self.server.registry.get_sample_value
        self.assertEqual(value("sora_imap_notify_overflow_total"), 1)
        self.do("CREATE another")
        self.append(MESSAGE, "misc")
        self.select()
        self.append(MESSAGE)
        self.assertEqual(self.told(), [])
        self.assertEqual([*self.server.open.watchers.mailboxes], [])
        self.converse("""
            C: a NOTIFY SET (personal (MessageNew MessageExpunge))
            S: a NO [NOTIFICATIONOVERFLOW] ...
            C: b NOTIFY SET (personal (MailboxName))
            S: b OK NOTIFY completed
        """)


class TroubleTests(NotifyTestCase):
    def test_a_listing_that_fails_is_tried_again(self) -> None:
        self.notify("(personal (MessageNew MessageExpunge))")

        def away(name: str) -> "Deferred[None]":
            return fail(Unavailable("no database")) if name == "mailboxes.list" else succeed(None)

        self.server.storage.tables.pause = away
        self.append(MESSAGE, "misc")
        self.assertEqual(self.told(), [])
        self.assertIn(b"a OK", self.client.ask(b"a NOOP"))
        self.server.storage.tables.pause = None
        self.clock.advance(5)
        self.assertEqual(len(self.told()), 1)


class SharedTests(SharingTestCase):
    """Mailboxes of others: bob follows what fred shares with him."""

    def setUp(self) -> None:
        super().setUp()
        self.append(MESSAGE, "Work")

    def notify(self, groups: str, status: bool = False) -> list[str]:
        said = self.bob.ask(b"n NOTIFY SET " + b"STATUS " * status + groups.encode()).decode()
        lines = said.splitlines()
        self.assertEqual(lines[-1], "n OK NOTIFY completed")
        return lines[:-1]

    def told(self) -> list[str]:
        return [re.sub(r"UIDVALIDITY \d+", "UIDVALIDITY n", line) for line in self._lines()]

    def _lines(self) -> list[str]:
        return self.bob.take().decode().splitlines()

    def do(self, *commands: str) -> None:
        for command in commands:
            self.assertIn(b"x OK", self.client.ask(b"x " + command.encode()), command)

    def test_what_is_shared_is_followed_by_its_name(self) -> None:
        self.share("lr")
        self.notify(f"(mailboxes {WORK} (MessageNew MessageExpunge))")
        self.append(MESSAGE, "Work")
        self.assertEqual(self.told(), [f"* STATUS {WORK} (UIDVALIDITY n UIDNEXT 6 MESSAGES 5)"])

    def test_it_is_not_personal(self) -> None:
        self.share("lr")
        self.notify("(personal (MessageNew MessageExpunge)) (inboxes (MailboxName))")
        self.append(MESSAGE, "Work")
        self.do("RENAME Work Play")
        self.assertEqual(self.told(), [])

    def test_without_the_right_to_read_nothing_is_told(self) -> None:
        """G35, RFC 5465 §3.1: \\NoAccess, for one that may be listed; else nothing at all."""
        self.share("l")
        groups = f"(mailboxes ({WORK} Shared/fred@example.com/Nothing) (MessageNew MessageExpunge MailboxName))"
        self.assertEqual(self.notify(groups, status=True), [f'* LIST (\\NoAccess) "/" {WORK}'])
        self.append(MESSAGE, "Work")
        self.assertEqual(self.told(), [])
        self.do("DELETEACL Work bob")
        self.assertEqual(self.notify(groups, status=True), [])
        self.append(MESSAGE, "Work")
        self.assertEqual(self.told(), [])

    def test_rights_that_are_lost_and_granted_again(self) -> None:
        """RFC 5465 §5.4, §5.9: as if the mailbox went and came."""
        self.share("lr")
        self.notify(f"(mailboxes {WORK} (MessageNew MessageExpunge FlagChange MailboxName))")
        self.do("DELETEACL Work bob")
        self.assertEqual(self.told(), [f'* LIST (\\NonExistent \\HasNoChildren) "/" {WORK}'])
        self.append(MESSAGE, "Work")
        self.assertEqual(self.told(), [])
        self.do("SETACL Work bob lr")
        self.assertEqual(
            self.told(),
            [
                f'* LIST (\\HasNoChildren) "/" {WORK}',
                f"* STATUS {WORK} (UIDVALIDITY n UIDNEXT 6 MESSAGES 5 UNSEEN 5)",
            ],
        )

    def test_what_is_shared_with_everybody(self) -> None:
        self.notify("(subtree Shared (MessageNew MessageExpunge MailboxName))")
        self.share("lr", who="anyone")
        told = self.told()
        self.assertIn(f'* LIST (\\HasNoChildren) "/" {WORK}', told)
        self.assertEqual(told[-1], f"* STATUS {WORK} (UIDVALIDITY n UIDNEXT 5 MESSAGES 4)")

    def test_read_is_taken_and_lookup_stays(self) -> None:
        self.share("lr")
        self.notify(f"(mailboxes {WORK} (MessageNew MessageExpunge))")
        self.do("SETACL Work bob -r")
        self.told()
        self.append(MESSAGE, "Work")
        self.assertEqual(self.told(), [])

    def test_annotations_of_others_are_private(self) -> None:
        """RFC 5464 §3.2: what is shared is told to those who may read the mailbox."""
        self.share("lr")
        self.notify(f"(mailboxes {WORK} (MailboxMetadataChange))")
        self.do('SETMETADATA Work (/private/comment "x")')
        self.assertEqual(self.told(), [])
        self.do('SETMETADATA Work (/shared/comment "x")')
        self.assertEqual(self.told(), [f"* METADATA {WORK} /shared/comment"])
        self.share("l")
        self.told()
        self.do('SETMETADATA Work (/shared/comment "y")')
        self.assertEqual(self.told(), [])

    def test_deleted_by_its_owner(self) -> None:
        self.share("lr")
        self.notify(f"(mailboxes {WORK} (MailboxName))")
        self.do("DELETE Work")
        self.assertEqual(self.told(), [f'* LIST (\\NonExistent \\HasNoChildren) "/" {WORK}'])
