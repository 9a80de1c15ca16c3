"""Dialogues in the patterns of clients that many people use.

Each follows a public log or document, which it names; the mail and its numbers are ours.
"""

from sora.storage.rows import NewMailbox
from trial_tests.support.transcript import TranscriptTestCase

LETTER = (
    b"From: ann@example.com\r\nSubject: lunch\r\nMessage-ID: <1@example.com>\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\nAt noon?\r\n--b\r\nContent-Type: image/gif\r\n\r\nGIF89a\r\n--b--\r\n"
)


class ClientPatternTestCase(TranscriptTestCase):
    """Three messages in INBOX, and the mailboxes that clients look for."""

    logs_in = False

    def setUp(self) -> None:
        super().setUp()
        self.add_account(
            "gina@example.com",
            NewMailbox("Sent", special_use="\\Sent"),
            NewMailbox("Trash", special_use="\\Trash"),
        )
        self.user = self.new_client(user="gina")
        for _ in range(3):
            self.user.send(b"x APPEND INBOX {%d+}\r\n%s\r\n" % (len(LETTER), LETTER))
        self.user.take()

    def said(self, client: object, *commands: str) -> str:
        """All answers to some commands."""
        return "".join(client.ask(line.encode()).decode() for line in commands)  # type: ignore[attr-defined]


class ThunderbirdTests(ClientPatternTestCase):
    def test_logging_in_and_looking_for_mailboxes(self) -> None:
        """As in github.com/stalwartlabs/stalwart/issues/234 ("Thunderbird Drafts issue", version
        115) and github.com/andris9/hoodiecrow/issues/18 ("Most IMAP clients won't fetch
        messages"): ID, ENABLE, LIST and LSUB of all, of one name; a mailbox made."""
        client = self.client
        client.take()
        self.converse(
            """
            C: 100 authenticate PLAIN
            S: +...
            """,
            client,
        )
        said = self.said(client, "AGdpbmFAZXhhbXBsZS5jb20Ac2VjcmV0")
        self.assertRegex(said, r"^100 OK \[CAPABILITY .* UTF8=ACCEPT.*\]")
        self.converse(
            """
            C: 101 ID ("name" "Thunderbird" "version" "115.7.0")
            S: * ID (...)
            S: 101 OK ID completed
            C: 102 ENABLE UTF8=ACCEPT
            S: * ENABLED UTF8=ACCEPT
            S: 102 OK ENABLE completed
            C: 103 namespace
            S: * NAMESPACE (("" "/")) ...
            S: 103 OK NAMESPACE completed
            C: 104 list (subscribed) "" "*" return (special-use)
            S: * LIST (... \\Subscribed) "/" INBOX
            S: * LIST (...\\Sent...) "/" Sent
            S: * LIST (...\\Trash...) "/" Trash
            S: 104 OK LIST completed
            C: 105 list "" "INBOX"
            S: * LIST (...) "/" INBOX
            S: 105 OK LIST completed
            C: 106 list "" "Drafts"
            S: 106 OK LIST completed
            C: 107 create "Drafts"
            S: 107 OK ...
            C: 108 subscribe "Drafts"
            S: 108 OK SUBSCRIBE completed
            C: 109 xlist "" "*"
            S: 109 BAD There is no command XLIST
            """,
            client,
        )

    def test_opening_a_folder_again(self) -> None:
        """The same, and RFC 7162 §3.1.4.1: the first time all flags, the next time the changed
        ones; headers of what is new; IDLE until something else is to be done."""
        first = self.said(self.user, '1 select "INBOX" (CONDSTORE)')
        self.assertIn("* 3 EXISTS", first)
        modseq = first.partition("[HIGHESTMODSEQ ")[2].partition("]")[0]
        self.assertEqual(self.said(self.user, "2 UID fetch 1:* (FLAGS)").count(" FETCH ("), 3)
        headers = self.said(
            self.user,
            "3 UID fetch 1:3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject"
            " Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type"
            " Reply-To)])",
        )
        self.assertEqual(headers.count("Subject: lunch"), 3)
        self.said(self.user, "4 uid store 2 +Flags (\\Seen NonJunk)")
        self.said(self.user, "5 close")
        again = self.said(
            self.user,
            '6 select "INBOX" (CONDSTORE)',
            f"7 UID fetch 1:* (FLAGS) (CHANGEDSINCE {modseq})",
        )
        self.assertRegex(again, r"\* 2 FETCH \([^\r\n]*FLAGS \([^)]*\\Seen[^)]*NonJunk[^)]*\)")
        self.assertNotIn("* 1 FETCH", again)
        self.assertIn("+ ", self.said(self.user, "8 IDLE"))
        self.assertIn("8 OK", self.said(self.user, "DONE"))
        self.assertIn("At noon?", self.said(self.user, "9 UID fetch 3 (UID RFC822.SIZE BODY[])"))
        moved = self.said(self.user, '10 uid move 3 "Trash"')
        self.assertRegex(moved, r"\[COPYUID \d+ 3 1\]")


class AppleMailTests(ClientPatternTestCase):
    def test_an_iphone_finds_its_mailboxes(self) -> None:
        """As in github.com/stalwartlabs/stalwart/issues/765 ("Can't sync with iOS 18"): two
        commands in a packet; and the extension for push of Apple's own servers is not there."""
        self.user.send(b'A3 NAMESPACE\r\nA4 LIST "" "*" RETURN (SPECIAL-USE)\r\n')
        said = self.user.take().decode()
        self.assertRegex(said, r'(?s)\* NAMESPACE \(\(.*A3 OK.*\* LIST .*"/" INBOX.*A4 OK')
        self.assertIn("\\Sent) ", said)
        self.assertNotIn("XAPPLEPUSHSERVICE", self.said(self.user, "A5 CAPABILITY"))

    def test_changed_since_zero(self) -> None:
        """github.com/modern-email/defects/issues/29 ("CHANGEDSINCE 0"): iPhone Mail 16.5.1 asks
        for it, though RFC 7162 §7 has no such number. Everything has changed since then."""
        said = self.said(
            self.user, "1 SELECT INBOX (CONDSTORE)", "2 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0)"
        )
        self.assertEqual(said.count(" FETCH (UID "), 3)
        self.assertIn("2 OK", said)

    def test_fields_are_named_as_they_were_asked_for(self) -> None:
        """github.com/spartanz51/tutabridge/pull/15 ("echo requested HEADER.FIELDS list
        verbatim"): Apple Mail throws away an answer whose name is not its own spelling."""
        fields = (
            "date subject from to cc message-id in-reply-to references x-priority"
            " x-uniform-type-identifier x-universally-unique-identifier"
        )
        said = self.said(
            self.user,
            "1 SELECT INBOX",
            f"2 UID FETCH 1 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({fields})])",
        )
        self.assertIn(f" BODY[HEADER.FIELDS ({fields})] ", said)

    def test_pieces_of_parts(self) -> None:
        """github.com/feedback-assistant/reports/issues/840 ("Mail App doesn't display Mail-Body"),
        iOS 18: parts in pieces of 393,216 octets, UID beside them."""
        self.said(self.user, "EX30 SELECT INBOX")
        self.converse(
            """
            C: EX31 UID FETCH 1 (UID BODYSTRUCTURE)
            S: * 1 FETCH (UID 1 BODYSTRUCTURE (("TEXT" "PLAIN" ...)("image" "gif" ...) "mixed" ...))
            S: EX31 OK UID FETCH completed
            C: EX32 UID FETCH 1 (UID BODY.PEEK[1]<0.393216>)
            S: * 1 FETCH (UID 1 BODY[1]<0> {8}
            S: At noon?)
            S: EX32 OK UID FETCH completed
            C: EX33 UID FETCH 1 (UID BODY.PEEK[2]<4.393216>)
            S: * 1 FETCH (UID 1 BODY[2]<4> {2}
            S: 9a)
            S: EX33 OK UID FETCH completed
            C: EX34 UID SEARCH RETURN (COUNT MIN MAX) 1:* UNSEEN
            S: * ESEARCH (TAG "EX34") UID MIN 1 MAX 3 COUNT 3
            S: EX34 OK UID SEARCH completed
            """,
            self.user,
        )


class OutlookTests(ClientPatternTestCase):
    def test_items_that_outlook_fetches(self) -> None:
        """[MS-STANOIMAP] §2.2.34, V0053 to V0055
        (learn.microsoft.com/openspecs/exchange_standards/ms-stanoimap): UID and FLAGS alone, whole
        headers and whole messages with BODY.PEEK, never a part or a piece; and RFC822.PEEK, which
        is of RFC 1730 (github.com/emersion/go-imap/pull/658, "add support for RFC822.PEEK")."""
        self.said(self.user, "a SELECT INBOX")
        self.converse(
            """
            C: b UID FETCH 1:* (UID)
            S: * 1 FETCH (UID 1)
            S: * 2 FETCH (UID 2)
            S: * 3 FETCH (UID 3)
            S: b OK UID FETCH completed
            C: c UID FETCH 2 (UID FLAGS)
            S: * 2 FETCH (UID 2 FLAGS (...))
            S: c OK UID FETCH completed
            """,
            self.user,
        )
        size = len(LETTER)
        header = LETTER.partition(b"\r\n\r\n")[0].decode()
        said = self.said(self.user, "d UID FETCH 1 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER])")
        self.assertIn(f"RFC822.SIZE {size} BODY[HEADER] ", said)
        self.assertIn(header, said)
        said = self.said(self.user, "e UID FETCH 1 (UID FLAGS BODY.PEEK[])")
        self.assertIn(f"BODY[] {{{size}}}\r\n{LETTER.decode()})", said)
        said = self.said(self.user, "f UID FETCH 1 (UID FLAGS RFC822.PEEK)")
        self.assertIn(f"RFC822 {{{size}}}\r\n{LETTER.decode()})", said)
        self.assertNotIn("\\Seen", self.said(self.user, "g UID FETCH 1 (FLAGS)"))

    def test_its_hierarchy_and_its_literals(self) -> None:
        """RFC 3501 §6.3.8 and §6.3.9, as programs do that ask for the separator first: LIST of
        nothing, LSUB of everything, names and messages as literals of either kind."""
        self.converse(
            """
            C: a LIST "" ""
            S: * LIST (\\Noselect) "/" ""
            S: a OK LIST completed
            C: b LSUB "" "*"
            S: * LSUB (...) "/" INBOX
            S: * LSUB (...) "/" Sent
            S: * LSUB (...) "/" Trash
            S: b OK LSUB completed
            C: c STATUS {4}
            S: + ...
            C: Sent (UIDNEXT MESSAGES UNSEEN)
            S: * STATUS Sent (UIDNEXT 1 MESSAGES 0 UNSEEN 0)
            S: c OK STATUS completed
            C: d APPEND {4+}
            C: Sent (\\Seen) {21+}
            C: Subject: x
            C:
            C: hello
            C:
            S: d OK [APPENDUID ...] APPEND completed
            """,
            self.user,
        )
