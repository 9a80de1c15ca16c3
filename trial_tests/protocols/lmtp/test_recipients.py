"""Whom mail is addressed to: forms of addresses, and accounts that are full."""

from sora.errors import OverQuota
from trial_tests.protocols.lmtp.postroom import LMTPTestCase


class AddressTests(LMTPTestCase):
    def asked(self, path: str) -> str:
        """For whom mail is delivered that is for this path."""
        self.send(b"LHLO a\r\nMAIL FROM:<> SMTPUTF8\r\nRCPT TO:" + path.encode() + b"\r\n")
        self.send(b"DATA\r\nx\r\n.\r\n")
        return self.room.delivered[-1].recipients[0]

    def test_forms_that_there_are(self) -> None:
        """RFC 5321 §4.1.2, appendix C; RFC 6531; RFC 5233"""
        for path, address in (
            ("<user@example.com>", "user@example.com"),
            ("<User+Lists@Example.COM>", "User+Lists@example.com"),
            ("<@a.example,@b.example:user@example.com>", "user@example.com"),
            ('<"two words"@example.com>', '"two words"@example.com'),
            (r'<"quoted\"user\\"@example.com>', r'"quoted\"user\\"@example.com'),
            ('<"user"@example.com>', "user@example.com"),
            ("<jürgen@bücher.example>", "jürgen@xn--bcher-kva.example"),
            ("<jürgen@XN--BCHER-KVA.example>", "jürgen@xn--bcher-kva.example"),
            ("<δοκιμή@παράδειγμα.δοκιμή>", "δοκιμή@xn--hxajbheg2az3al.xn--jxalpdlp"),
        ):
            with self.subTest(path):
                self.assertEqual(self.asked(path), address)

    def test_postmaster_needs_no_domain(self) -> None:
        """RFC 5321 §4.5.1: it is that of the name we greet with."""
        for path in ("<postmaster>", "<POSTMASTER>"):
            self.assertEqual(self.asked(path).lower(), "postmaster@mx.example.com")

    def test_senders_are_taken_as_they_are(self) -> None:
        """What the world sends is not ours to mend; it is only repeated."""
        for sender in (
            "a..b.@example.net",
            '"a b"@example.net',
            "user@[192.0.2.1]",
            "user@[IPv6:2001:db8::1]",
            "jürgen@bücher.example",
            "",
            "mailer-daemon",
        ):
            self.send(f"LHLO a\r\nMAIL FROM:<{sender}> SMTPUTF8\r\n".encode())
            self.send(b"RCPT TO:<user@example.com>\r\nDATA\r\n.\r\n")
            self.assertEqual(self.room.delivered[-1].sender, sender)


class QuotaTests(LMTPTestCase):
    def ask(self, parameters: str = "") -> str:
        self.send(f"LHLO a\r\nMAIL FROM:<a@b.c>{parameters}\r\n".encode())
        self.sent()
        self.send(b"RCPT TO:<full@example.com>\r\n")
        return self.sent().rstrip()

    def test_who_is_full_is_told_at_rcpt(self) -> None:
        full = "452 4.2.2 <full@example.com> The recipient's mailbox is full"
        for room, size, reply in (
            ((1000, 1000), "", full),
            ((1000, 1001), "", full),
            ((1000, 999), "", "250 2.1.5 <full@example.com> OK"),
            ((0, 0), "", full),
            ((1000, 0), " SIZE=1001", full),
            ((1000, 0), " SIZE=1000", "250 2.1.5 <full@example.com> OK"),
            # What has room only in an empty mailbox may have been delivered already (G42).
            ((1000, 500), " SIZE=900", "250 2.1.5 <full@example.com> OK"),
        ):
            with self.subTest(room=room, size=size):
                self.room.rooms["full@example.com"] = room
                self.assertEqual(self.ask(size), reply)

    def test_each_recipient_gets_its_own_answer(self) -> None:
        """G41: one is full, one becomes it, one is nobody, one has room."""
        self.room.rooms["full@example.com"] = (10, 10)
        self.room.outcomes["becomes@example.com"] = OverQuota("The recipient's mailbox is full")
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>\r\n")
        self.sent()
        self.converse(
            """
            C: RCPT TO:<full@example.com>
            C: RCPT TO:<becomes@example.com>
            C: RCPT TO:<nobody@example.com>
            C: RCPT TO:<room@example.com>
            C: DATA
            S: 452 4.2.2 <full@example.com> The recipient's mailbox is full
            S: 250 2.1.5 <becomes@example.com> OK
            S: 550 5.1.1 <nobody@example.com> There is no such account.
            S: 250 2.1.5 <room@example.com> OK
            S: 354 Send the message, and end it with a dot on a line of its own
            C: .
            S: 452 4.2.2 <becomes@example.com> The recipient's mailbox is full
            S: 250 2.0.0 <room@example.com> Delivered
            """
        )


class RejectingQuotaTests(LMTPTestCase):
    rejects_over_quota = True

    def test_by_policy_it_is_for_good(self) -> None:
        self.room.rooms["full@example.com"] = (10, 10)
        self.room.outcomes["becomes@example.com"] = OverQuota("The recipient's mailbox is full")
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>\r\n")
        self.sent()
        self.converse(
            """
            C: RCPT TO:<full@example.com>
            S: 552 5.2.2 <full@example.com> The recipient's mailbox is full
            C: RCPT TO:<becomes@example.com>
            S: 250 2.1.5 <becomes@example.com> OK
            C: DATA
            S: 354 Send the message, and end it with a dot on a line of its own
            C: .
            S: 552 5.2.2 <becomes@example.com> The recipient's mailbox is full
            """
        )
