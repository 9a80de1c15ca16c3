"""Reports, read again by Python's email package."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.mail.compose import Mailbox
from sora.mail.headers import fields
from sora.mail.reports import (
    MAX_RETURNED,
    RecipientReport,
    Reporter,
    Returned,
    delivery_report,
    disposition_report,
)
from trial_tests.support.properties import SETTINGS

NOW = datetime(2024, 3, 1, 9, 5, 7, tzinfo=UTC)
REPORTER = Reporter("sora.example.com", NOW, b"\x05" * 16)
HEADER = b"From: bob@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: hi\r\n\r\n"
FAILED = RecipientReport(
    "carol@example.net",
    "failed",
    "5.1.1",
    orcpt="rfc822;Carol@Example.NET",
    diagnostic="550 5.1.1 no such user",
    remote="mx.example.net",
    last_attempt=NOW,
)


def parts_of(octets: bytes) -> tuple[EmailMessage, list[EmailMessage]]:
    read = message_from_bytes(octets, policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read, [part for part in read.iter_parts() if isinstance(part, EmailMessage)]


def groups_of(octets: bytes, kind: bytes) -> list[list[tuple[bytes, bytes]]]:
    """The groups of fields of the part of this type."""
    part = octets.partition(b"Content-Type: message/" + kind)[2].partition(b"\r\n\r\n")[2]
    text = part.partition(b"\r\n--_sora-")[0]
    return [fields(group + b"\r\n") for group in text.split(b"\r\n\r\n")]


class DeliveryReportTests(SynchronousTestCase):
    def report(self, to: str = "bob@example.org", **changes: object) -> bytes:
        returned = Returned(HEADER + b"body\r\n", is_whole=bool(changes.pop("whole", False)))
        return delivery_report(
            REPORTER,
            to,
            "Undelivered mail",
            "It could not be delivered.",
            [FAILED],
            returned,
            arrival=NOW,
            envid="QQ314159",
            **changes,  # type: ignore[arg-type]
        )

    def test_the_three_parts(self) -> None:
        """RFC 3464 §2, RFC 6522 §3."""
        read, parts = parts_of(self.report())
        self.assertEqual(read.get_content_type(), "multipart/report")
        self.assertEqual(read.get_param("report-type"), "delivery-status")
        self.assertEqual(read["Auto-Submitted"], "auto-replied")
        self.assertEqual(read["To"], "bob@example.org")
        self.assertEqual(read["From"], "Mail Delivery System <MAILER-DAEMON@sora.example.com>")
        self.assertEqual(read["In-Reply-To"], "<1@example.org>")
        self.assertEqual(
            [part.get_content_type() for part in parts],
            ["text/plain", "message/delivery-status", "text/rfc822-headers"],
        )

    def test_its_fields(self) -> None:
        """RFC 3464 §2.2 and §2.3."""
        date = b"Fri, 1 Mar 2024 09:05:07 +0000"
        self.assertEqual(
            groups_of(self.report(), b"delivery-status"),
            [
                [
                    (b"original-envelope-id", b"QQ314159"),
                    (b"reporting-mta", b"dns; sora.example.com"),
                    (b"arrival-date", date),
                ],
                [
                    (b"original-recipient", b"rfc822; Carol@Example.NET"),
                    (b"final-recipient", b"rfc822; carol@example.net"),
                    (b"action", b"failed"),
                    (b"status", b"5.1.1"),
                    (b"remote-mta", b"dns; mx.example.net"),
                    (b"diagnostic-code", b"smtp; 550 5.1.1 no such user"),
                    (b"last-attempt-date", date),
                ],
            ],
        )

    def test_what_goes_back(self) -> None:
        """RFC 3461 §4.3: all of it when that was wanted, within reason."""
        octets = self.report(whole=True)
        self.assertIn(b"message/rfc822\r\n", octets)
        self.assertIn(b"\r\nbody\r\n", octets)
        self.assertNotIn(b"\r\nbody\r\n", self.report())
        large = Returned(HEADER + b"x" * MAX_RETURNED, is_whole=True)
        octets = delivery_report(REPORTER, "b@c", "s", "t", [FAILED], large)
        self.assertIn(b"text/rfc822-headers", octets)
        self.assertLess(len(octets), 4000)

    def test_addresses_in_utf_8(self) -> None:
        """RFC 6533 §3: as they are to a sender who takes that, else in 7 bits."""
        to_joerg = RecipientReport("jörg+a@example.com", "failed", "5.6.7")
        for to, kind, written in (
            ("bob@example.org", b"delivery-status", rb"utf-8; j\x{F6}rg\x{2B}a@example.com"),
            ("bøb@example.org", b"global-delivery-status", "utf-8; jörg+a@example.com".encode()),
        ):
            returned = Returned("Subject: ä\r\n\r\n".encode(), smtputf8=True)
            octets = delivery_report(REPORTER, to, "s", "t", [to_joerg], returned)
            [_, group] = groups_of(octets, kind)
            self.assertEqual(group[0], (b"final-recipient", written))
            self.assertIn(b"message/global-headers", octets)
            self.assertIn(b"Content-Transfer-Encoding: 8bit", octets)

    def test_endless_addresses_are_cut(self) -> None:
        for to in ("bob@example.org", "bøb@example.org"):
            one = RecipientReport("𝒿" * 2000 + "@b", "failed", "5.0.0", diagnostic="x" * 5000)
            octets = delivery_report(REPORTER, to, "s", "t", [one], Returned(HEADER))
            self.assertLessEqual(max(map(len, octets.split(b"\r\n"))), 998)

    @SETTINGS
    @given(st.text(), st.text(), st.text(), st.binary())
    def test_nobody_can_write_fields_of_his_own(
        self, address: str, diagnostic: str, envid: str, header: bytes
    ) -> None:
        one = RecipientReport(address, "failed", "5.0.0", "x;" + address, diagnostic, diagnostic)
        octets = delivery_report(
            REPORTER, "b@c", "s", "t", [one], Returned(header, is_whole=True), envid=envid
        )
        groups = groups_of(octets, b"delivery-status")
        self.assertEqual(len(groups), 2)
        self.assertLessEqual(
            {name for name, _ in groups[1]},
            {b"original-recipient", b"final-recipient", b"action", b"status", b"remote-mta",
             b"diagnostic-code"},
        )  # fmt: skip
        self.assertNotIn(b"\n", octets.replace(b"\r\n", b""))


class DispositionReportTests(SynchronousTestCase):
    def test_a_rejection(self) -> None:
        """RFC 5429 §2.2, RFC 8098 §3."""
        octets = disposition_report(
            REPORTER,
            Mailbox("ann@example.com"),
            "bob@example.org",
            "Rejected: hi",
            "I do not want this.\n",
            final_recipient="ann@example.com",
            returned=Returned(HEADER),
        )
        read, parts = parts_of(octets)
        self.assertEqual(read.get_param("report-type"), "disposition-notification")
        self.assertEqual(read["From"], "ann@example.com")
        self.assertEqual(parts[0].get_content().strip(), "I do not want this.")
        self.assertEqual(
            groups_of(octets, b"disposition-notification"),
            [
                [
                    (b"reporting-ua", b"sora.example.com; Sora"),
                    (b"final-recipient", b"rfc822; ann@example.com"),
                    (b"original-message-id", b"<1@example.org>"),
                    (b"disposition", b"automatic-action/MDN-sent-automatically; deleted"),
                ]
            ],
        )
