"""`sora_messages_throughput_total` and its neighbours, by the protocols that count them."""

from prometheus_client import CollectorRegistry

from sora.metrics.messages import MessageMetrics
from sora.protocols.pop3.services import Settings
from trial_tests.protocols.lmtp.postroom import LMTPTestCase
from trial_tests.protocols.pop3.world import POPClient, Post
from trial_tests.support.transcript import Server, TranscriptTestCase

THROUGHPUT = "sora_messages_throughput_total"
AGE = "sora_message_age_at_fetch_seconds"
SIZE = "sora_message_size_bytes"


class ReadingTests(TranscriptTestCase):
    def setUp(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = MessageMetrics(self.registry)
        super().setUp()

    def count(self, protocol: str, operation: str) -> float | None:
        labels = {"protocol": protocol, "operation": operation}
        return self.registry.get_sample_value(THROUGHPUT, labels)

    def test_imap(self) -> None:
        """A message counts as fetched when octets of it are read, not for its flags."""
        self.server = server = Server(messages=self.metrics)
        self.add_account("fred@example.com")
        client = self.new_client()
        client.ask(b"b APPEND INBOX {9+}\r\nA: b\r\n\r\nc")
        client.ask(b"c APPEND nowhere {9+}\r\nA: b\r\n\r\nc")
        client.ask(b"d SELECT INBOX")
        server.clock.advance(700)
        client.ask(b"e FETCH 1 (FLAGS RFC822.SIZE)")
        client.ask(b"f FETCH 1 BODY.PEEK[]")
        client.ask(b"g REPLACE 1 INBOX {10+}\r\nA: b\r\n\r\ncd")
        self.assertEqual((self.count("imap", "appended"), self.count("imap", "fetched")), (2, 1))
        labels = {"protocol": "imap"}
        self.assertEqual(self.registry.get_sample_value(f"{SIZE}_sum", labels), 19)
        found = [
            self.registry.get_sample_value(f"{AGE}_bucket", {"le": le})
            for le in ("600.0", "3600.0")
        ]
        self.assertEqual(found, [0, 1])

    def test_pop3(self) -> None:
        """What is ready before it is asked for counts when it goes out."""
        self.append_some(3)
        client = POPClient(Post(self.server, Settings(), {"messages": self.metrics}))
        for line in (b"USER fred", b"PASS secret", b"RETR 1", b"RETR 2", b"TOP 3 0", b"LIST"):
            client.send(line + b"\r\n")
        self.assertEqual(self.count("pop3", "fetched"), 2)


class LMTPTests(LMTPTestCase):
    def test_lmtp(self) -> None:
        """Once for each mailbox it is in; its size once."""
        self.send(b"LHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<pat@example.com>\r\n")
        self.send(b"RCPT TO:<green@example.com>\r\nRCPT TO:<nobody@example.com>\r\nDATA\r\n")
        self.send(b"A: b\r\n\r\nc\r\n.\r\n")
        labels = {"protocol": "lmtp"}
        found = self.registry.get_sample_value(THROUGHPUT, labels | {"operation": "delivered"})
        self.assertEqual(found, 2)
        self.assertEqual(self.registry.get_sample_value(f"{SIZE}_count", labels), 1)
