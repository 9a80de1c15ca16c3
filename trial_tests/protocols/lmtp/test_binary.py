"""BINARYMIME (RFC 3030 §3): any octets, by BDAT only."""

from sora.mailbox.envelope import Body
from trial_tests.protocols.lmtp.postroom import LMTPTestCase


class BinaryTests(LMTPTestCase):
    def test_the_example_of_rfc_3030(self) -> None:
        """§4.2: a pipelined binary message for two recipients."""
        self.send(b"LHLO ymir.claremont.edu\r\n")
        sent = self.sent()
        self.assertIn("250-BINARYMIME\r\n", sent)
        self.assertIn("250-CHUNKING\r\n", sent)
        octets = bytes(range(256)) * 391
        whole = (
            b"MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME\r\n"
            b"RCPT TO:<gvaudre@cnri.reston.va.us>\r\n"
            b"RCPT TO:<jstewart@cnri.reston.va.us>\r\n"
        )
        self.send(whole)
        chunk = octets[:6_000]
        self.send(b"BDAT %d\r\n" % len(chunk) + chunk)
        self.send(b"BDAT 324\r\n" + octets[6_000:6_324] + b"BDAT 0 LAST\r\n")
        codes = [line[:9] for line in self.sent().splitlines()]
        self.assertEqual(codes, ["250 2.1.0"] + ["250 2.1.5"] * 2 + ["250 2.0.0"] * 4)
        delivered = self.room.delivered[0]
        self.assertEqual(delivered.message, octets[:6_324])
        self.assertEqual(delivered.envelope.body, Body.BINARY)

    def test_not_by_data(self) -> None:
        """§3: 503, and the transaction is there until RSET."""
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c> body=binarymime\r\nRCPT TO:<u@example.com>\r\n")
        self.sent()
        self.converse(
            """
            C: DATA
            S: 503 5.5.1 A message with BODY=BINARYMIME comes by BDAT
            C: RSET
            S: 250 2.0.0 OK
            C: DATA
            S: 503 5.5.1 Say MAIL first
            """
        )

    def test_line_ends_and_dots_mean_nothing(self) -> None:
        """Split at every octet, as everything else."""
        octets = b"\r\n.\r\n\0\xff\n.\r\r\n..\r\nQUIT\r\n"
        whole = (
            b"LHLO a\r\nMAIL FROM:<a@b.c> BODY=BINARYMIME\r\nRCPT TO:<u@example.com>\r\n"
            b"BDAT %d LAST\r\n" % len(octets)
        )
        for octet in whole + octets + b"NOOP\r\n":
            self.send(bytes([octet]))
        self.assertEqual(self.room.delivered[0].message, octets)
        self.assertTrue(self.sent().endswith("Delivered\r\n250 2.0.0 OK\r\n"))

    def test_what_bodies_there_are(self) -> None:
        for body, expected in (
            (b"", Body.SEVEN_BITS),
            (b" BODY=7BIT", Body.SEVEN_BITS),
            (b" BODY=8bitmime", Body.EIGHT_BITS),
        ):
            self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>%s\r\nRCPT TO:<u@x.y>\r\nDATA\r\n.\r\n" % body)
            self.assertEqual(self.room.delivered[-1].envelope.body, expected)
        self.sent()
        self.converse(
            """
            C: MAIL FROM:<a@b.c> BODY=16BIT
            S: 501 5.5.4 BODY is one of 7BIT, 8BITMIME, BINARYMIME
            """
        )
