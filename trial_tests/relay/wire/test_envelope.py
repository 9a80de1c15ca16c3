"""MAIL and RCPT, by what the server offers."""

from twisted.trial.unittest import SynchronousTestCase

from sora.relay.interfaces import DeliverBy, Outgoing, OutgoingRecipient
from sora.relay.wire.envelope import Content, Refusal, mail_command, rcpt_command, xtext

ALL = {b"SIZE": b"5000", b"8BITMIME": b"", b"SMTPUTF8": b"", b"DSN": b"", b"DELIVERBY": b""}
PLAIN = Content(100, False)
TO = (OutgoingRecipient("bob@example.org"),)


class MailTests(SynchronousTestCase):
    def mail(self, outgoing: Outgoing, content: Content = PLAIN, **changes: bytes | None) -> bytes:
        offered = {**ALL, **{key.encode(): value for key, value in changes.items()}}
        without = {key: value for key, value in offered.items() if value is not None}
        return mail_command(outgoing, content, without, 1000.0)

    def refused(self, outgoing: Outgoing, content: Content = PLAIN, **changes: bytes | None) -> str:
        refusal = self.assertRaises(Refusal, self.mail, outgoing, content, **changes)
        return refusal.status

    def test_with_all_that_is_offered(self) -> None:
        outgoing = Outgoing(
            "redirect", "ann@example.com", TO, ret="HDRS", envid="QQ+3=1", by=DeliverBy(1120.0)
        )
        self.assertEqual(
            self.mail(outgoing),
            b"MAIL FROM:<ann@example.com> SIZE=100 RET=HDRS ENVID=QQ+2B3+3D1 BY=120;R",
        )

    def test_without_offers(self) -> None:
        outgoing = Outgoing("redirect", "ann@example.com", TO, ret="FULL", envid="x")
        self.assertEqual(mail_command(outgoing, PLAIN, {}, 0.0), b"MAIL FROM:<ann@example.com>")

    def test_the_null_sender_stays_null(self) -> None:
        """G44"""
        self.assertEqual(self.mail(Outgoing("vacation", "", TO)), b"MAIL FROM:<> SIZE=100")

    def test_sizes(self) -> None:
        """RFC 1870 §6.1: what the server would refuse is not sent."""
        outgoing = Outgoing("redirect", "", TO)
        self.assertEqual(self.refused(outgoing, Content(5001, False)), "5.3.4")
        for limit in (b"0", b"", b"5001"):
            self.assertIn(b"SIZE=5001", self.mail(outgoing, Content(5001, False), SIZE=limit))

    def test_eight_bits(self) -> None:
        """RFC 6152 §3."""
        outgoing = Outgoing("redirect", "", TO)
        self.assertIn(b" BODY=8BITMIME", self.mail(outgoing, Content(9, True)))
        self.assertEqual(self.refused(outgoing, Content(9, True), **{"8BITMIME": None}), "5.6.3")

    def test_utf_8(self) -> None:
        """RFC 6531 §3.4: an address that has no other form, or a message that says so."""
        plain = Outgoing("redirect", "ann@example.com", TO, smtputf8=True)
        joerg = Outgoing("redirect", "jörg@example.com", TO)
        to_joerg = Outgoing("redirect", "", (OutgoingRecipient("jörg@example.com"),))
        domain = Outgoing("redirect", "ann@exämple.com", TO)
        for outgoing in (plain, joerg, to_joerg):
            self.assertIn(b" SMTPUTF8", self.mail(outgoing))
        self.assertIn("<jörg@example.com>".encode(), self.mail(joerg))
        self.assertEqual(self.mail(domain), b"MAIL FROM:<ann@xn--exmple-cua.com> SIZE=100")
        self.assertEqual(self.refused(joerg, SMTPUTF8=None), "5.6.7")
        self.assertEqual(self.refused(to_joerg, SMTPUTF8=None), "5.6.7")
        self.assertEqual(self.refused(plain, Content(9, True), SMTPUTF8=None), "5.6.7")
        self.assertNotIn(b"SMTPUTF8", self.mail(plain, SMTPUTF8=None))

    def test_delivery_by_a_time(self) -> None:
        """RFC 2852 §4.1.4."""
        back = Outgoing("redirect", "", TO, by=DeliverBy(1060.0, "R"))
        told = Outgoing("redirect", "", TO, by=DeliverBy(940.0, "N", trace=True))
        self.assertIn(b" BY=60;R", self.mail(back))
        self.assertIn(b" BY=-60;NT", self.mail(told))
        self.assertEqual(self.refused(back, DELIVERBY=None), "5.7.1")
        self.assertNotIn(b"BY=", self.mail(told, DELIVERBY=None))

    def test_no_address_can_add_a_parameter(self) -> None:
        for sender in ("a@b> SIZE=1", "a@b\r\nRSET", "nobody"):
            self.assertEqual(self.refused(Outgoing("redirect", sender, TO)), "5.1.7")


class RcptTests(SynchronousTestCase):
    def test_with_and_without_dsn(self) -> None:
        """RFC 3461 §4."""
        one = OutgoingRecipient("bob@example.org", ("SUCCESS", "DELAY"), "rfc822;Bob+x@Example.ORG")
        self.assertEqual(
            rcpt_command(one, ALL),
            b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@Example.ORG",
        )
        self.assertEqual(rcpt_command(one, {}), b"RCPT TO:<bob@example.org>")

    def test_original_recipients_in_utf_8(self) -> None:
        """RFC 6533 §3."""
        one = OutgoingRecipient("bob@example.org", None, "utf-8;jörg=@x")
        self.assertEqual(
            rcpt_command(one, ALL),
            "RCPT TO:<bob@example.org> ORCPT=utf-8;jörg\\x{3D}@x".encode(),
        )
        self.assertEqual(
            rcpt_command(one, {b"DSN": b""}),
            b"RCPT TO:<bob@example.org> ORCPT=utf-8;j\\x{F6}rg\\x{3D}@x",
        )

    def test_what_cannot_be_sent(self) -> None:
        for address, status in (("jörg@x", "5.6.7"), ("a b", "5.1.3")):
            refusal = self.assertRaises(Refusal, rcpt_command, OutgoingRecipient(address), {})
            self.assertEqual(refusal.status, status)

    def test_xtext(self) -> None:
        self.assertEqual(xtext("a+b = ü"), "a+2Bb+20+3D+20+C3+BC")
