"""Conversations: order, pipelining, limits, the end of a connection, and the table of errors."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sora import errors
from sora.errors import (
    MailLoop,
    OverQuota,
    SessionEnded,
    ShuttingDown,
    SoraError,
    StorageFull,
    Unavailable,
)
from sora.mailbox.envelope import Origin
from sora.protocols.lmtp.errors import TABLE, reply_to
from sora.protocols.lmtp.incoming import DRAINED
from sora.protocols.lmtp.protocol import refusal
from sora.protocols.lmtp.wire.reader import MAX_LINE
from trial_tests.protocols.lmtp.postroom import LMTPTestCase, Postroom


class DialogueTests(LMTPTestCase):
    def tearDown(self) -> None:
        self.lose()
        super().tearDown()

    def test_the_example_of_rfc_2033(self) -> None:
        """RFC 2033 §4.2; G41"""
        self.room.outcomes["green@example.com"] = OverQuota()
        self.converse(
            """
            S: 220 mx.example.com LMTP Sora is ready
            C: LHLO foo.edu
            S: 250-mx.example.com
            S: 250-PIPELINING
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250-SIZE 10000
            S: 250-CHUNKING
            S: 250-BINARYMIME
            S: 250-SMTPUTF8
            S: 250-DELIVERBY
            S: 250-LIMITS RCPTMAX=1000
            S: 250-DSN
            S: 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
            S: 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE
            C: MAIL FROM:<chris@bar.com>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<pat@example.com>
            S: 250 2.1.5 <pat@example.com> OK
            C: RCPT TO:<nobody@example.com>
            S: 550 5.1.1 <nobody@example.com> There is no such account.
            C: RCPT TO:<green+lists@example.com>
            S: 250 2.1.5 <green+lists@example.com> OK
            C: RCPT TO:<green@example.com>
            S: 250 2.1.5 <green@example.com> OK
            C: DATA
            S: 354 Send the message, and end it with a dot on a line of its own
            C: Subject: dots
            C:
            C: ..
            C: Bcc
            C: .
            S: 250 2.0.0 <pat@example.com> Delivered
            S: 250 2.0.0 <green+lists@example.com> Delivered
            S: 452 4.2.2 <green@example.com> The account is over its quota.
            C: NOOP
            S: 250 2.0.0 OK
            C: QUIT
            S: 221 2.0.0 Bye
            """
        )
        (delivered,) = self.room.delivered
        self.assertEqual(delivered.sender, "chris@bar.com")
        self.assertEqual(
            delivered.recipients,
            ("pat@example.com", "green+lists@example.com", "green@example.com"),
        )
        self.assertEqual(delivered.message, b"Subject: dots\r\n\r\n.\r\nBcc\r\n")
        self.assertEqual(
            delivered.origin,
            Origin(host="127.0.0.1", helo="foo.edu", protocol="LMTP", by="mx.example.com"),
        )
        self.assertTrue(self.transport.disconnecting)

    def test_split_at_every_octet(self) -> None:
        whole = (
            b"LHLO a\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<u@example.com>\r\nDATA\r\n"
            b"..\r\nx\r\n.\r\nQUIT\r\n"
        )
        for octet in whole:
            self.send(bytes([octet]))
        self.assertEqual(self.room.delivered[0].message, b".\r\nx\r\n")
        self.assertTrue(
            self.sent().endswith("250 2.0.0 <u@example.com> Delivered\r\n221 2.0.0 Bye\r\n")
        )

    def test_a_pipelined_group_is_answered_in_one_write(self) -> None:
        """RFC 2920"""
        self.sent()
        writes: list[bytes] = []
        self.transport.write = writes.append  # type: ignore[assignment]
        self.send(
            b"LHLO a\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<u@example.com>\r\n"
            b"RCPT TO:<v@example.com>\r\nDATA\r\n"
        )
        self.assertEqual(len(writes), 1)
        self.assertEqual(
            [line[:4] for line in writes[0].split(b"\r\n")[12:-1]],
            [b"250 "] * 4 + [b"354 "],
        )
        self.send(b".\r\n")

    def test_order_of_commands(self) -> None:
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c>
            S: 503 5.5.1 Say LHLO first
            C: RCPT TO:<u@example.com>
            S: 503 5.5.1 Say MAIL first
            C: DATA
            S: 503 5.5.1 Say MAIL first
            C: EHLO a
            S: 500 5.5.1 This is LMTP: say LHLO
            C: FOO
            S: 500 5.5.1 There is no such command
            C: STARTTLS
            S: 500 5.5.1 There is no certificate for TLS here
            C: VRFY u
            S: 252 2.5.0 Say RCPT to find out
            """
        )
        self.send(b"LHLO a\r\nMAIL FROM:<>\r\n")
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c>
            S: 503 5.5.1 A message was begun already; RSET forgets it
            C: RCPT TO:<nobody@example.com>
            S: 550 5.1.1 <nobody@example.com> There is no such account.
            C: DATA
            S: 503 5.5.1 There are no valid recipients
            C: RSET
            S: 250 2.0.0 OK
            C: DATA
            S: 503 5.5.1 Say MAIL first
            """
        )

    def test_recipients_that_cannot_be(self) -> None:
        self.begin("ok@example.com")
        self.converse(
            """
            C: RCPT TO:<somebody>
            S: 553 5.1.3 <somebody> 'somebody' is not an address: it needs the form user@domain
            C: RCPT TO:<a..b@example.com>
            S: 553 5.1.3 <a..b@example.com> 'a..b' is not the local part of an address
            C: RCPT TO:<user@[192.0.2.1]>
            S: 550 5.1.1 <user@[192.0.2.1]> Nobody here has an address with a literal in place of a domain
            C: RCPT TO:<broken@example.com>
            S: 451 4.3.0 <broken@example.com> A part of the server cannot be reached now; try again later.
            C: RCPT TO:<u@example.com> FOO=NEVER
            S: 555 5.5.4 The parameter FOO is not known
            """
        )

    def test_a_fault_of_ours_is_temporary_and_logged(self) -> None:
        self.begin()
        self.converse(
            """
            C: RCPT TO:<bug@example.com>
            S: 451 4.3.0 <bug@example.com> Something went wrong here; try again later
            """
        )
        self.room.failure = ZeroDivisionError()
        self.send(b"RCPT TO:<v@example.com>\r\nDATA\r\n.\r\n")
        self.assertEqual(self.sent().count("451 4.3.0"), 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.converse(
            """
            C: NOOP
            S: 250 2.0.0 OK
            """
        )

    def test_a_failure_of_the_whole_is_told_for_each_recipient(self) -> None:
        """G41"""
        for error, reply in (
            (Unavailable(), "451 4.3.0"),
            (MailLoop(), "554 5.4.6"),
            (StorageFull(), "452 4.3.1"),
        ):
            self.begin("a@example.com", "b@example.com", "c@example.com")
            self.room.failure = error
            self.send(b"DATA\r\nx\r\n.\r\n")
            self.assertEqual(self.sent().count(reply), 3)

    def test_the_null_sender_stays_null(self) -> None:
        """G44"""
        self.send(b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<u@example.com>\r\nDATA\r\n.\r\n")
        self.assertEqual(self.room.delivered[0].sender, "")

    def test_too_many_errors_end_it(self) -> None:
        self.send(b"FOO\r\n" * 30)
        self.assertEqual(self.sent().splitlines()[-1], "421 4.7.0 Too many errors")
        self.assertTrue(self.transport.disconnecting)

    def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read(self) -> None:
        self.sent()
        self.send(b"x" * MAX_LINE * 3)
        self.send(b"x\r\nNOOP\r\n")
        expected = ["500 5.5.2 The line is too long", "250 2.0.0 OK"]
        self.assertEqual(self.sent().splitlines(), expected)

    def test_smtputf8_and_eight_bits(self) -> None:
        """RFC 6531 §3"""
        self.send("LHLO a\r\nMAIL FROM:<jürgen@b.c> SMTPUTF8 BODY=8BITMIME\r\n".encode())
        self.send("RCPT TO:<jürgen@example.com>\r\nDATA\r\nä\r\n.\r\n".encode())
        delivered = self.room.delivered[0]
        self.assertEqual((delivered.sender, delivered.message), ("jürgen@b.c", "ä\r\n".encode()))
        self.assertEqual(delivered.origin.protocol, "UTF8LMTP")


class ManyRecipientsTests(LMTPTestCase):
    max_recipients = 1000

    def test_a_thousand_recipients_and_one_more(self) -> None:
        """G41"""
        names = [f"u{number}@example.com" for number in range(1000)]
        for name in names[::10]:
            self.room.outcomes[name] = OverQuota()
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>\r\n")
        self.sent()
        for start in range(0, 1000, 200):
            self.send(
                b"".join(b"RCPT TO:<%s>\r\n" % name.encode() for name in names[start : start + 200])
            )
        self.send(b"RCPT TO:<more@example.com>\r\n")
        lines = self.sent().splitlines()
        self.assertEqual(lines[:-1], [f"250 2.1.5 <{name}> OK" for name in names])
        self.assertEqual(lines[-1], "452 4.5.3 A message has at most 1000 recipients")
        self.send(b"DATA\r\nx\r\n.\r\n")
        expected = [
            f"452 4.2.2 <{name}> The account is over its quota."
            if number % 10 == 0
            else f"250 2.0.0 <{name}> Delivered"
            for number, name in enumerate(names)
        ]
        self.assertEqual(self.sent().splitlines()[1:], expected)
        self.assertEqual(self.room.delivered[0].recipients, tuple(names))

    def test_lookups_of_a_group_overlap_and_replies_keep_their_order(self) -> None:
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>\r\n")
        self.sent()
        first: Deferred[None] = Deferred()
        self.room.slow["slow@example.com"] = first
        self.send(
            b"RCPT TO:<slow@example.com>\r\nRCPT TO:<nobody@example.com>\r\n"
            b"RCPT TO:<fast@example.com>\r\nFOO\r\n"
        )
        self.assertEqual(len(self.room.asked), 3)
        self.assertEqual(self.sent(), "")
        first.callback(None)
        codes = [line[:9] for line in self.sent().splitlines()]
        self.assertEqual(codes, ["250 2.1.5", "550 5.1.1", "250 2.1.5", "500 5.5.1"])


class SizeTests(LMTPTestCase):
    def test_a_size_that_is_announced_is_refused_early(self) -> None:
        self.send(b"LHLO a\r\n")
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c> SIZE=10001
            S: 552 5.3.4 A message has at most 10000 octets here
            C: MAIL FROM:<a@b.c> SIZE=10000
            S: 250 2.1.0 Sender OK
            """
        )

    def test_one_that_is_not_is_drained_and_refused_for_each_recipient(self) -> None:
        self.begin("a@example.com", "b@example.com")
        self.send(b"DATA\r\n")
        self.sent()
        for _ in range(100):
            self.send(b"x" * 998 + b"\r\n")
            self.assertLess(self.spools[0].size, 10_001)
        self.send(b".\r\nNOOP\r\n")
        refused = "552 5.3.4 A message has at most 10000 octets here"
        self.assertEqual(self.sent().splitlines(), [refused] * 2 + ["250 2.0.0 OK"])
        self.assertEqual(self.room.delivered, [])

    def test_one_of_exactly_the_limit_is_taken(self) -> None:
        self.begin()
        self.send(b"DATA\r\n" + b"x" * 9998 + b"\r\n.\r\n")
        self.assertEqual(len(self.room.delivered[0].message), 10_000)

    def test_a_sender_without_end_is_cut_off(self) -> None:
        self.begin()
        self.send(b"DATA\r\n")
        self.sent()
        piece = b"x" * (1 << 20)
        for _ in range(DRAINED // len(piece) + 2):
            self.send(piece)
        self.assertTrue(self.sent().startswith("421 5.3.4"))
        self.assertTrue(self.transport.disconnecting)
        self.lose()

    def test_a_full_disk_is_temporary(self) -> None:
        self.begin()
        self.send(b"DATA\r\n")
        self.sent()

        def full(data: bytes) -> None:
            raise StorageFull

        self.spools[0].write = full  # type: ignore[method-assign]
        self.send(b"x\r\n.\r\n")
        self.assertTrue(self.sent().startswith("452 4.3.1"))


class ChunkingTests(LMTPTestCase):
    """RFC 3030 §2"""

    def test_a_message_in_chunks(self) -> None:
        self.begin("a@example.com", "b@example.com")
        self.send(b"BDAT 4\r\n.\r\n.BDAT 3 LAST\r\n\r\nx")
        expected = [
            "250 2.0.0 4 octets",
            "250 2.0.0 <a@example.com> Delivered",
            "250 2.0.0 <b@example.com> Delivered",
        ]
        self.assertEqual(self.sent().splitlines(), expected)
        self.assertEqual(self.room.delivered[0].message, b".\r\n.\r\nx")

    def test_the_octets_of_a_refused_chunk_are_no_commands(self) -> None:
        self.send(b"LHLO a\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        codes = [line[:9] for line in self.sent().splitlines()[-3:]]
        self.assertEqual(codes, ["503 5.5.1", "503 5.5.1", "250 2.0.0"])

    def test_a_message_that_grows_too_large(self) -> None:
        self.begin("a@example.com", "b@example.com")
        self.send(b"BDAT 9000\r\n" + b"x" * 9000 + b"BDAT 2000\r\n" + b"x" * 2000)
        self.send(b"BDAT 1 LAST\r\nx")
        codes = [line[:9] for line in self.sent().splitlines()]
        self.assertEqual(codes, ["250 2.0.0", "552 5.3.4", "503 5.5.1"])
        self.begin("a@example.com", "b@example.com")
        self.send(b"BDAT 20000 LAST\r\n" + b"x" * 20000)
        codes = [line[:9] for line in self.sent().splitlines()]
        self.assertEqual(codes, ["552 5.3.4"] * 2)

    def test_data_does_not_follow_bdat_and_an_error_between_forgets_nothing(self) -> None:
        self.begin()
        self.send(b"BDAT 1\r\nxDATA\r\nFOO\r\nRCPT TO:<b@example.com>\r\nBDAT 0 LAST\r\n")
        codes = [line[:9] for line in self.sent().splitlines()]
        self.assertEqual(codes, ["250 2.0.0", "503 5.5.1", "500 5.5.1", "503 5.5.1", "250 2.0.0"])
        self.assertEqual(self.room.delivered[0].message, b"x")


class TrustTests(LMTPTestCase):
    peer = "192.0.2.1"

    def test_strangers_are_refused_at_mail(self) -> None:
        self.send(b"LHLO a\r\n")
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c>
            S: 550 5.7.1 Your address may not deliver here; see trusted_networks
            """
        )


class StartTLSTests(LMTPTestCase):
    tls = "context"

    def test_begins_anew_after_tls_and_forgets_what_was_pipelined(self) -> None:
        """G59"""
        self.send(b"LHLO a\r\n")
        self.assertIn("250 STARTTLS\r\n", self.sent())
        self.send(b"STARTTLS\r\nMAIL FROM:<evil@b.c>\r\n")
        self.assertEqual(self.sent(), "220 2.0.0 Begin TLS\r\n")
        self.assertEqual(self.transport.tls, "context")
        self.converse(
            """
            C: MAIL FROM:<a@b.c>
            S: 503 5.5.1 Say LHLO first
            """
        )


class EndTests(LMTPTestCase):
    PIECES = (
        b"LHLO a\r\n",
        b"MAIL FROM:<a@b.c>\r\n",
        b"RCPT TO:<u@example.com>\r\n",
        b"RCPT TO:<slow@example.com>\r\n",
        b"DATA\r\n",
        b"Subject: x\r\n",
        b"\r\ny\r\n.",
    )

    def test_hanging_up_at_any_point_delivers_nothing_and_leaves_nothing(self) -> None:
        """G41"""
        self.lose()
        for count in range(len(self.PIECES) + 1):
            self.room = Postroom()
            self.open()
            for piece in self.PIECES[:count]:
                self.send(piece)
            self.lose()
            self.assertTrue(self.connection.ended.called)
            self.assertEqual(self.room.delivered, [])
            self.assertTrue(all(spool.closed for spool in self.spools))

    def test_hanging_up_during_a_lookup_lets_it_end(self) -> None:
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>\r\n")
        self.room.slow["broken@example.com"] = Deferred()
        self.send(b"RCPT TO:<broken@example.com>\r\nRCPT TO:<bug@example.com>\r\n")
        self.lose()
        self.room.slow["broken@example.com"].callback(None)
        self.assertTrue(self.connection.ended.called)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_hanging_up_during_a_delivery_does_not_interrupt_it(self) -> None:
        """G15"""
        self.begin()
        self.room.hold = Deferred()
        self.send(b"DATA\r\nx\r\n.\r\n")
        self.lose()
        self.assertFalse(self.connection.ended.called)
        self.assertFalse(self.spools[0].closed)
        self.room.hold.callback(None)
        self.assertEqual(len(self.room.delivered), 1)
        self.assertTrue(self.connection.ended.called)

    def test_silence_is_answered_with_421(self) -> None:
        self.sent()
        self.clock.advance(300)
        self.assertEqual(self.sent(), "421 4.4.2 Nothing was heard for too long\r\n")
        self.lose()

    def test_silence_in_a_message_too(self) -> None:
        self.begin()
        self.send(b"DATA\r\nx")
        self.sent()
        self.clock.advance(180)
        self.assertTrue(self.sent().startswith("421 4.4.2"))
        self.lose()
        self.assertEqual(self.room.delivered, [])

    def test_a_stopping_server_says_goodbye(self) -> None:
        """G67"""
        self.begin()
        self.connection.shutdown(ShuttingDown())
        self.assertEqual(self.sent(), "421 4.3.2 The server is shutting down.\r\n")
        self.lose()

    def test_an_ended_session_is_told_why(self) -> None:
        """RFC 3463 §3.4: 4.3.2, try again later."""
        self.begin()
        self.connection.shutdown(SessionEnded())
        self.assertEqual(self.sent(), "421 4.3.2 An administrator ended this session.\r\n")
        self.lose()

    def test_after_the_message_in_hand(self) -> None:
        """G67"""
        self.begin()
        self.send(b"DATA\r\nx\r\n")
        self.connection.shutdown(ShuttingDown())
        self.sent()
        self.room.hold = Deferred()
        self.send(b".\r\n")
        self.assertFalse(self.transport.disconnecting)
        self.room.hold.callback(None)
        expected = [
            "250 2.0.0 <user@example.com> Delivered",
            "421 4.3.2 The server is shutting down.",
        ]
        self.assertEqual(self.sent().splitlines(), expected)
        self.lose()


class ErrorTableTests(SynchronousTestCase):
    def test_every_error_of_the_domain_has_a_row(self) -> None:
        classes = {
            each
            for each in vars(errors).values()
            if isinstance(each, type) and issubclass(each, SoraError)
        }
        self.assertEqual(classes - set(TABLE), set())

    def test_rows_agree_with_their_class_of_codes(self) -> None:
        for code, status in TABLE.values():
            self.assertEqual(str(code)[0], status[0])

    def test_an_error_that_may_pass_is_never_permanent(self) -> None:
        for kind, (code, _) in TABLE.items():
            if issubclass(kind, errors.Unavailable):
                self.assertLess(code, 500, kind)

    def test_the_inside_of_the_house_is_not_told(self) -> None:
        """G69: an MTA writes our words into its log and its bounces."""
        for kind in (errors.Unavailable, errors.StoreRefused, errors.StorageFull):
            text = reply_to(kind("The database at 10.1.2.3:5432 cannot be reached")).text
            self.assertEqual(text, kind.__doc__)
        self.assertEqual(reply_to(errors.OverQuota("ann's is full")).text, "ann's is full")

    def test_a_text_of_several_lines_is_one_line(self) -> None:
        line = reply_to(OverQuota("a\r\n250 OK\nb")).line()
        self.assertEqual(line, b"452 4.2.2 a 250 OK b\r\n")

    def test_the_refusal_of_a_full_server(self) -> None:
        self.assertEqual(refusal("Too many"), b"421 4.3.2 Too many\r\n")
