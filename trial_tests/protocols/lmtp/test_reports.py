"""DSN (RFC 3461), DELIVERBY (RFC 2852): what a sender wants to be told goes with the envelope."""

from sora.mail.dsn import By, Notify, OriginalRecipient, Ret
from trial_tests.protocols.lmtp.postroom import LMTPTestCase


class ReportTests(LMTPTestCase):
    def test_the_example_of_rfc_3461(self) -> None:
        """RFC 3461 §10.1, as if all of them were here."""
        self.sent()
        self.send(b"LHLO Example.ORG\r\n")
        self.assertIn("250-DSN\r\n", self.sent())
        self.converse(
            """
            C: MAIL FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ314159
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<Bob@Example.COM> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM
            S: 250 2.1.5 <Bob@Example.COM> OK
            C: RCPT TO:<Carol@Ivory.EDU> NOTIFY=FAILURE ORCPT=rfc822;Carol@Ivory.EDU
            S: 250 2.1.5 <Carol@Ivory.EDU> OK
            C: RCPT TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU
            S: 250 2.1.5 <Dana@Ivory.EDU> OK
            C: RCPT TO:<Eric@Bombs.AF.MIL> NOTIFY=FAILURE ORCPT=rfc822;Eric@Bombs.AF.MIL
            S: 250 2.1.5 <Eric@Bombs.AF.MIL> OK
            C: RCPT TO:<Fred@Bombs.AF.MIL> NOTIFY=NEVER
            S: 250 2.1.5 <Fred@Bombs.AF.MIL> OK
            C: RCPT TO:<George@Tax-ME.GOV> NOTIFY=FAILURE ORCPT=rfc822;George@Tax-ME.GOV
            S: 250 2.1.5 <George@Tax-ME.GOV> OK
            """
        )
        self.send(b"DATA\r\nx\r\n.\r\n")
        self.sent()
        envelope = self.room.delivered[0].envelope
        self.assertEqual((envelope.ret, envelope.envid), (Ret.HDRS, "QQ314159"))
        wanted = [
            (Notify.SUCCESS, "Bob@Example.COM"),
            (Notify.FAILURE, "Carol@Ivory.EDU"),
            (Notify.SUCCESS | Notify.FAILURE, "Dana@Ivory.EDU"),
            (Notify.FAILURE, "Eric@Bombs.AF.MIL"),
            (Notify.NEVER, None),
            (Notify.FAILURE, "George@Tax-ME.GOV"),
        ]
        self.assertEqual(
            [(each.notify, each.orcpt) for each in envelope.recipients],
            [(notify, name and OriginalRecipient("rfc822", name)) for notify, name in wanted],
        )
        self.lose()

    def test_what_was_said_ends_with_the_message(self) -> None:
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c> RET=FULL ENVID=x\r\n")
        self.send(b"RCPT TO:<u@example.com> NOTIFY=SUCCESS\r\nDATA\r\n.\r\n")
        self.send(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<u@example.com>\r\nDATA\r\n.\r\n")
        envelope = self.room.delivered[1].envelope
        self.assertEqual((envelope.ret, envelope.envid, envelope.by), (None, None, None))
        self.assertIsNone(envelope.recipients[0].notify)

    def test_wrong_values_are_501_and_unknown_parameters_555(self) -> None:
        """RFC 3461 §4.5, RFC 5321 §4.1.1.11; a refused command changes nothing."""
        self.send(b"LHLO a\r\n")
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c> RET=ALL
            S: 501 5.5.4 RET is FULL or HDRS
            C: MAIL FROM:<a@b.c> ENVID=a ENVID=b
            S: 501 5.5.4 ENVID is said twice
            C: MAIL FROM:<a@b.c> HOLDFOR=5
            S: 555 5.5.4 The parameter HOLDFOR is not known
            C: MAIL FROM:<a@b.c>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<u@example.com> NOTIFY=NEVER,DELAY
            S: 501 5.5.4 NOTIFY is NEVER, or of SUCCESS, FAILURE and DELAY, with commas
            C: RCPT TO:<u@example.com> ORCPT=u@example.com
            S: 501 5.5.4 ORCPT is type;address
            C: DATA
            S: 503 5.5.1 There are no valid recipients
            """
        )


class NoReportTests(LMTPTestCase):
    sends_reports = False

    def test_without_somebody_who_reports_it_is_not_offered(self) -> None:
        """The client then tells the sender itself that it handed the message on (RFC 3461 §5.2.2)."""
        self.send(b"LHLO a\r\n")
        self.assertNotIn("DSN", self.sent())
        self.converse(
            """
            C: MAIL FROM:<a@b.c> RET=FULL
            S: 555 5.5.4 The parameter RET is not known
            """
        )


class DeliverByTests(LMTPTestCase):
    """RFC 2852"""

    def test_the_time_that_is_left_is_handed_over(self) -> None:
        for said, passed, left in (
            (b"120;R", 0, By(120, "R")),
            (b"100;NT", 30, By(70, "N", True)),
            (b"10;N", 30, By(-20, "N")),
        ):
            self.send(b"LHLO a\r\nMAIL FROM:<eljefe@bigbiz.com> BY=" + said + b"\r\n")
            self.clock.advance(passed)
            self.send(b"RCPT TO:<topbanana@example.com>\r\nDATA\r\n.\r\n")
            self.assertEqual(self.room.delivered[-1].envelope.by, left)

    def test_what_is_too_late_goes_back(self) -> None:
        """§4.1.3: 5.4.7 for each recipient."""
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c> BY=60;R\r\n")
        self.send(b"RCPT TO:<u@example.com>\r\nRCPT TO:<v@example.com>\r\nDATA\r\nx\r\n")
        self.sent()
        self.clock.advance(61)
        late = "554 5.4.7 The time in which the message was to be delivered is over."
        self.send(b".\r\n")
        self.assertEqual(self.sent().splitlines(), [late] * 2)
        self.assertEqual(self.room.delivered, [])

    def test_mode_r_needs_time(self) -> None:
        self.send(b"LHLO a\r\n")
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c> BY=0;R
            S: 501 5.5.4 BY in mode R needs time that is left
            C: MAIL FROM:<a@b.c> BY=soon
            S: 501 5.5.4 BY is seconds;N or seconds;R, with a T when each hop is to be told
            """
        )
