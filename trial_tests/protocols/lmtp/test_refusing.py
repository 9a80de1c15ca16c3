"""Refusals that users have written: `reject` and `ereject` as answers (RFC 5429 §2.5)."""

from sora.errors import MessageRefused, OverQuota
from trial_tests.protocols.lmtp.postroom import LMTPTestCase


class RefusalTests(LMTPTestCase):
    def tearDown(self) -> None:
        self.lose()
        super().tearDown()

    def begin(self, utf8: str = "") -> None:
        self.send(b"LHLO client.example\r\n")
        self.sent()
        self.converse(
            f"""
            C: MAIL FROM:<a@example.net>{utf8}
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<ann@example.com>
            S: 250 2.1.5 <ann@example.com> OK
            C: RCPT TO:<bob@example.com>
            S: 250 2.1.5 <bob@example.com> OK
            C: RCPT TO:<eve@example.com>
            S: 250 2.1.5 <eve@example.com> OK
            C: DATA
            S: 354 Send the message, and end it with a dot on a line of its own
            """
        )

    def test_each_has_his_own_answer_and_a_reason_keeps_its_lines(self) -> None:
        """G41"""
        self.room.outcomes["ann@example.com"] = MessageRefused("Your message\r\nis too big.\n\n")
        self.room.outcomes["eve@example.com"] = OverQuota()
        self.begin()
        self.converse(
            """
            C: Subject: x
            C:
            C: .
            S: 550-5.7.1 <ann@example.com> Your message
            S: 550 5.7.1 is too big.
            S: 250 2.0.0 <bob@example.com> Delivered
            S: 452 4.2.2 <eve@example.com> The account is over its quota.
            C: NOOP
            S: 250 2.0.0 OK
            """
        )

    def test_no_reason_can_be_taken_for_another_reply(self) -> None:
        """Line ends of every kind, control characters, codes."""
        reason = "no\r250 2.0.0 OK\n250 2.0.0 <x> Delivered\x0b221 Bye\x85354 go\x00"
        self.room.outcomes["ann@example.com"] = MessageRefused(reason)
        self.begin()
        self.converse(
            """
            C: Subject: x
            C:
            C: .
            S: 550-5.7.1 <ann@example.com> no
            S: 550-5.7.1 250 2.0.0 OK
            S: 550-5.7.1 250 2.0.0 <x> Delivered
            S: 550-5.7.1 221 Bye
            S: 550 5.7.1 354 go
            S: 250 2.0.0 <bob@example.com> Delivered
            S: 250 2.0.0 <eve@example.com> Delivered
            """
        )

    def test_long_reasons_are_cut_into_lines(self) -> None:
        """RFC 5321 §4.5.3.1.5: 512 octets, also of what is not ASCII."""
        self.room.outcomes["ann@example.com"] = MessageRefused("wörd " * 2000)
        self.begin(" SMTPUTF8")
        self.send(b"Subject: x\r\n\r\n.\r\n")
        refused = [line for line in self.sent().splitlines() if line.startswith("550")]
        self.assertEqual(len(refused), 30)
        self.assertLess(max(len(line.encode()) for line in refused), 510)
        self.assertEqual({line[3] for line in refused[:-1]}, {"-"})
        self.assertEqual(refused[-1][3], " ")
