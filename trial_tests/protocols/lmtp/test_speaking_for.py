"""XCLIENT and XFORWARD: a trusted client speaks for another one."""

from sora.mailbox.envelope import Forwarded, Origin
from trial_tests.protocols.lmtp.postroom import LMTPTestCase

MESSAGE = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<u@example.com>\r\nDATA\r\nx\r\n.\r\n"


class SpeakingForTestCase(LMTPTestCase):
    def origin(self) -> Origin:
        """Where the next message comes from."""
        self.send(MESSAGE)
        return self.room.delivered[-1].origin


class XclientTests(SpeakingForTestCase):
    def test_everything_begins_anew_for_another_client(self) -> None:
        self.sent()
        self.send(b"LHLO filter\r\n")
        self.sent()
        self.converse(
            """
            C: XCLIENT NAME=spike.example.org ADDR=192.0.2.17 PORT=4711
            S: 220 mx.example.com LMTP Sora is ready
            C: MAIL FROM:<a@b.c>
            S: 503 5.5.1 Say LHLO first
            """
        )
        self.send(b"LHLO spike.example.org\r\n")
        self.assertIn("250-XCLIENT ", self.sent())
        origin = self.origin()
        self.assertEqual(
            origin,
            Origin(
                host="192.0.2.17",
                helo="spike.example.org",
                protocol="LMTP",
                by="mx.example.com",
                name="spike.example.org",
            ),
        )
        self.assertEqual(origin.remote_host, "192.0.2.17")
        # It holds for every message, until something else is said.
        self.assertEqual(self.origin(), origin)
        self.send(b"XCLIENT ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE]\r\nLHLO x\r\n")
        origin = self.origin()
        self.assertEqual((origin.host, origin.name, origin.helo), ("2001:db8::1", None, "x"))
        self.send(b"XCLIENT ADDR=[UNAVAILABLE]\r\nLHLO x\r\n")
        self.assertEqual(self.origin().host, self.peer)

    def test_helo_and_login(self) -> None:
        """RFC 3848: who has logged in is an A. What XCLIENT says of HELO is what counts."""
        self.send(b"XCLIENT HELO=mobile LOGIN=ann+40example.com PROTO=ESMTP\r\nLHLO proxy\r\n")
        origin = self.origin()
        self.assertEqual(
            (origin.helo, origin.login, origin.protocol), ("mobile", "ann@example.com", "LMTPA")
        )

    def test_not_while_a_message_is_begun(self) -> None:
        self.send(b"LHLO a\r\nMAIL FROM:<a@b.c>\r\n")
        self.sent()
        self.converse(
            """
            C: XCLIENT ADDR=192.0.2.17
            S: 503 5.5.1 A message was begun; it ends first, or RSET forgets it
            C: XFORWARD ADDR=192.0.2.17
            S: 503 5.5.1 A message was begun; it ends first, or RSET forgets it
            C: RSET
            S: 250 2.0.0 OK
            C: XCLIENT ADDR=nowhere
            S: 501 5.5.4 'nowhere' is no value of ADDR
            C: XCLIENT ADDR=192.0.2.17
            S: 220 mx.example.com LMTP Sora is ready
            """
        )

    def test_trust_is_of_the_connection(self) -> None:
        """G57: who speaks for a stranger is still trusted to deliver, and to speak for others."""
        self.send(b"XCLIENT ADDR=203.0.113.5\r\nLHLO a\r\n")
        self.assertEqual(self.origin().host, "203.0.113.5")
        self.send(b"XCLIENT ADDR=203.0.113.6\r\nLHLO a\r\n")
        self.assertEqual(self.origin().host, "203.0.113.6")


class XforwardTests(SpeakingForTestCase):
    def test_the_example_of_postfix(self) -> None:
        self.send(b"LHLO client.example.com\r\n")
        self.sent()
        self.converse(
            """
            C: XFORWARD NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP
            S: 250 2.0.0 OK
            C: XFORWARD HELO=spike.porcupine.org
            S: 250 2.0.0 OK
            """
        )
        origin = self.origin()
        self.assertEqual(origin.host, self.peer)
        self.assertEqual(origin.helo, "client.example.com")
        self.assertEqual(
            origin.forwarded,
            Forwarded(
                host="168.100.189.2",
                name="spike.porcupine.org",
                helo="spike.porcupine.org",
                protocol="ESMTP",
            ),
        )
        self.assertEqual(origin.remote_host, "168.100.189.2")
        self.assertEqual(origin.remote_name, "spike.porcupine.org")
        # For one message.
        self.assertIsNone(self.origin().forwarded)

    def test_what_is_not_said_is_not_known(self) -> None:
        """Nothing of this session is mixed with what is forwarded."""
        self.send(b"LHLO a\r\nXFORWARD IDENT=3CF6B2AAE8 SOURCE=REMOTE\r\n")
        origin = self.origin()
        self.assertEqual(origin.forwarded, Forwarded(identifier="3CF6B2AAE8", source="REMOTE"))
        self.assertIsNone(origin.remote_host)

    def test_mail_that_was_made_there(self) -> None:
        self.send(b"LHLO a\r\nXFORWARD ADDR=[UNAVAILABLE] HELO=x NAME=localhost IDENT=4\r\n")
        self.assertEqual(self.origin().forwarded, Forwarded(identifier="4", source="LOCAL"))

    def test_rset_and_a_refused_message_end_it(self) -> None:
        self.send(b"LHLO a\r\nXFORWARD ADDR=192.0.2.17\r\nRSET\r\n")
        self.assertIsNone(self.origin().forwarded)
        self.send(b"XFORWARD ADDR=192.0.2.17\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<u@x.y>\r\n")
        self.send(b"BDAT 20000 LAST\r\n" + b"x" * 20_000)
        self.assertIsNone(self.origin().forwarded)


class StrangerTests(SpeakingForTestCase):
    peer = "192.0.2.1"

    def test_it_is_neither_offered_nor_allowed(self) -> None:
        self.send(b"LHLO a\r\n")
        sent = self.sent()
        self.assertNotIn("XCLIENT", sent)
        self.assertNotIn("XFORWARD", sent)
        refused = "550 5.7.1 Your address may not deliver here; see trusted_networks"
        for command in (b"XCLIENT ADDR=127.0.0.1", b"XFORWARD ADDR=127.0.0.1", b"MAIL FROM:<>"):
            self.send(command + b"\r\n")
            self.assertEqual(self.sent().splitlines(), [refused])


class TLSTests(SpeakingForTestCase):
    tls = "context"

    def test_what_was_said_before_tls_does_not_count(self) -> None:
        """RFC 3207 §4.2; G59"""
        self.send(b"XCLIENT ADDR=192.0.2.17 LOGIN=evil\r\nLHLO a\r\nXFORWARD ADDR=192.0.2.18\r\n")
        self.send(b"STARTTLS\r\n")
        self.send(b"LHLO b\r\n")
        origin = self.origin()
        self.assertEqual((origin.host, origin.login), (self.peer, None))
        self.assertIsNone(origin.forwarded)
