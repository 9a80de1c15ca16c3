"""Messages that are delivered over HTTP, as if they had come by LMTP."""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from sora.errors import StorageFull
from sora.mailbox.spool import Spool
from sora.protocols.http.gate import Rates
from sora.protocols.http.protocol import PACE, WHOLE
from sora.protocols.http.upload import Uploads
from trial_tests.protocols.http.desk import (
    KEY,
    MAX_MESSAGE,
    READING,
    Answer,
    DeskTestCase,
    parse,
)

MESSAGE = b"From: carl@example.net\r\nSubject: Secret\r\n\r\nHello\r\n"
FREE = {"storage": None, "messages": None, "mailboxes": None}
SMALL = {**FREE, "storage": 10}
TO_ANN = "/admin/mail/deliver?recipient=ann@example.com"


class FullSpool(Spool):
    """The disk has no room."""

    def write(self, data: bytes) -> None:
        raise StorageFull("A message cannot be kept: there is no room")


class DeliveringTests(DeskTestCase):
    """Ann and Bob are here."""

    rates = Rates(wrong_keys=1)

    def setUp(self) -> None:
        super().setUp()
        for name in ("ann", "bob"):
            new = {"email": f"{name}@example.com", "password": "horse", "hash": "ssha512"}
            self.assertEqual(self.ask("POST", "/admin/accounts", new).status, 201)

    def tearDown(self) -> None:
        self.assertTrue(all(spool.closed for spool in self.spools))

    def deliver(self, path: str = TO_ANN, message: bytes = MESSAGE, **how: Any) -> Answer:
        """One request."""
        return self.ask("POST", path, raw=message, media="message/rfc822", **how)

    def count(self, name: str = "ann") -> int:
        """Messages that somebody has."""
        shown = self.ask("GET", f"/admin/accounts/{name}@example.com/mailboxes/INBOX")
        return int(shown.json["messages"])

    def test_everybody_has_it(self) -> None:
        """G41, G42: an outcome for each; the same again is there already."""
        path = f"{TO_ANN}&recipient=bob%2Bnews@example.com&sender=carl@example.net"
        for _ in range(2):
            answer = self.deliver(path)
            self.assertEqual(answer.status, 200, answer.body)
            done = {"delivered": True, "code": 250, "status": "2.0.0", "text": "Delivered"}
            self.assertEqual(
                answer.json,
                {
                    "size": len(MESSAGE),
                    "delivered": 2,
                    "failed": 0,
                    "outcomes": [
                        {"recipient": "ann@example.com", **done},
                        {"recipient": "bob+news@example.com", **done},
                    ],
                },
            )
        self.assertEqual((self.count(), self.count("bob")), (1, 1))

    def test_some_have_it(self) -> None:
        """G41: 207, with what LMTP would reply to each; the next attempt is another one."""
        self.ask("PUT", "/admin/accounts/bob@example.com/quota", SMALL)
        path = f"{TO_ANN}&recipient=bob@example.com&recipient=dan@example.com&recipient=nobody"
        same = ("Idempotency-Key: 1",)
        answer = self.deliver(path, headers=same)
        self.assertEqual(
            (answer.status, answer.json["delivered"], answer.json["failed"]), (207, 1, 3)
        )
        found = [(one["code"], one["status"]) for one in answer.json["outcomes"]]
        self.assertEqual(found, [(250, "2.0.0"), (452, "4.2.2"), (550, "5.1.1"), (553, "5.1.3")])
        self.ask("PUT", "/admin/accounts/bob@example.com/quota", FREE)
        answer = self.deliver(path, headers=same)
        self.assertEqual((answer.status, answer.json["delivered"]), (207, 2))
        self.assertNotIn("idempotency-replayed", answer.headers)
        self.assertEqual((self.count(), self.count("bob")), (1, 1))

    def test_an_idempotency_key(self) -> None:
        """It is for this message, and no other."""
        same = ("Idempotency-Key: 1",)
        first = self.deliver(headers=same)
        again = self.deliver(headers=same)
        self.assertEqual((again.status, again.json), (200, first.json))
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        other = self.deliver(message=MESSAGE + b"!\r\n", headers=same)
        self.has_problem(other, 422, "idempotency-key-reused")

    def test_what_is_no_message(self) -> None:
        """Empty, with bare ends of lines wherever the pieces end, or not said to be one."""
        empty = self.ask("POST", TO_ANN, raw=b"", headers=("Content-Type: message/rfc822",))
        self.has_problem(empty, 422, "cannot-be-done", "without an octet")
        for wrong in (b"a: b\n\nc\n", b"a: b\r\n\r\nc\rd\r\n", b"a: b\r\n\r\nc\r", b"\na: b\r\n"):
            self.has_problem(self.deliver(message=wrong), 422, "cannot-be-done", "CRLF")
        for media in ("application/json", "text/plain", "message/rfc822x"):
            answer = self.ask("POST", TO_ANN, raw=MESSAGE, media=media)
            self.has_problem(answer, 415, "unsupported-media-type", "message/rfc822")
        elsewhere = self.deliver("/admin/domains")
        self.has_problem(elsewhere, 415, "unsupported-media-type", "application/json")
        self.assertEqual(self.count(), 0)

    def test_pieces(self) -> None:
        """An end of a line that comes in two pieces is one."""
        head = (
            f"POST {TO_ANN} HTTP/1.1\r\nHost: sora\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: Message/RFC822; charset=utf-8\r\nContent-Length: {len(MESSAGE)}\r\n\r\n"
        )
        connection, transport = self.connect()
        for octet in head.encode() + MESSAGE:
            connection.dataReceived(bytes([octet]))
        connection.connectionLost()
        self.assertIn(b"200 OK", transport.value())
        self.assertEqual(self.count(), 1)

    def test_it_is_counted(self) -> None:
        """As what comes by LMTP: its size once, and each mailbox that it is in."""
        self.deliver(f"{TO_ANN}&recipient=bob@example.com&recipient=nobody@example.com")
        self.deliver("/admin/mail/deliver?recipient=nobody@example.com")
        value = self.registry.get_sample_value
        delivered = {"protocol": "http_api", "operation": "delivered"}
        self.assertEqual(value("sora_messages_throughput_total", delivered), 2)
        protocol = {"protocol": "http_api"}
        self.assertEqual(value("sora_message_size_bytes_sum", protocol), len(MESSAGE))
        self.assertEqual(value("sora_message_size_bytes_count", protocol), 1)

    def sending(self, size: int, key: str = KEY) -> tuple[Any, Any]:
        """A message of so many octets has begun to come."""
        connection, transport = self.connect()
        head = (
            f"POST {TO_ANN} HTTP/1.1\r\nHost: sora\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: message/rfc822\r\nContent-Length: {size}\r\n\r\n"
        )
        connection.dataReceived(head.encode())
        return connection, transport

    def test_a_slow_one(self) -> None:
        """It may take much longer than other requests, as long as it comes (G37)."""
        message = MESSAGE + (b"x" * 98 + b"\r\n") * (MAX_MESSAGE // 200)
        connection, transport = self.sending(len(message))
        seconds = 0
        for start in range(0, len(message), PACE):
            connection.dataReceived(message[start : start + PACE])
            if start + PACE < len(message):
                self.assertEqual(transport.value(), b"")
                self.clock.advance(WHOLE)
                seconds += int(WHOLE)
        self.assertGreater(seconds, 40 * WHOLE)
        self.assertIn(b"200 OK", transport.value())
        connection.connectionLost()
        self.assertEqual(self.count(), 1)

    def test_one_that_stalls(self) -> None:
        """An octet now and then is not enough; who may not deliver has a minute for it all."""
        connection, transport = self.sending(MAX_MESSAGE)
        connection.dataReceived(MESSAGE + b"x" * PACE)
        for _ in range(int(2 * WHOLE)):
            self.assertEqual(transport.value(), b"")
            connection.dataReceived(b"x" * 100)
            self.clock.advance(1)
        self.has_problem(parse(transport.value()), 408, "too-slow", f"{PACE} octets")
        self.assertTrue(transport.disconnecting)
        connection.connectionLost(Failure(ConnectionDone()))
        connection, transport = self.sending(MAX_MESSAGE, READING)
        for _ in range(int(WHOLE)):
            self.assertEqual(transport.value(), b"")
            connection.dataReceived(b"x" * PACE)
            self.clock.advance(1)
        self.has_problem(parse(transport.value()), 408, "too-slow")
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.count(), 0)

    def test_sizes(self) -> None:
        """More than other bodies may have, and not more than a message may."""
        lines = MESSAGE + b"x" * 70 + b"\r\n"
        fits = lines + b"y" * (MAX_MESSAGE - len(lines) - 2) + b"\r\n"
        self.assertEqual(self.deliver(message=fits).json["size"], MAX_MESSAGE)
        self.has_problem(self.deliver(message=fits + b"z"), 413, "too-big", str(MAX_MESSAGE))
        self.assertEqual(self.count(), 1)

    def test_who_may_not_send_has_nothing_kept(self) -> None:
        """G37: neither without a key, nor with one that may look, nor from elsewhere."""
        large = MESSAGE + b"x" * (1024 * 1024) + b"\r\n"
        self.has_problem(self.deliver(message=large, key=None), 401, "no-key")
        self.has_problem(self.deliver(message=large, key=READING), 403, "not-permitted")
        self.has_problem(self.deliver(message=large, host="192.0.2.1"), 403, "address-not-allowed")
        self.has_problem(self.deliver(message=large, key="wrong"), 401, "wrong-key")
        self.has_problem(self.deliver(message=large), 429, "too-many-requests")
        self.assertEqual(self.spools, [])

    def test_an_envelope_that_is_none(self) -> None:
        self.has_problem(self.deliver("/admin/mail/deliver"), 400, "bad-request", "recipient")
        sender = self.deliver(f"{TO_ANN}&sender=nobody")
        self.has_problem(sender, 422, "cannot-be-done")
        many = "&".join(f"recipient=u{number}@example.com" for number in range(41))
        self.has_problem(self.deliver(f"/admin/mail/deliver?{many}"), 400, "bad-request", "40")

    def test_a_client_that_leaves(self) -> None:
        """What has come is let go of (`tearDown`)."""
        connection, _ = self.connect()
        connection.dataReceived(
            f"POST {TO_ANN} HTTP/1.1\r\nHost: sora\r\nAuthorization: Bearer {KEY}\r\n"
            "Content-Type: message/rfc822\r\nContent-Length: 100\r\n\r\nSubject".encode()
        )
        self.assertEqual([spool.size for spool in self.spools], [7])
        connection.connectionLost()

    def test_no_room(self) -> None:
        """It is told, and nothing is delivered."""
        spool = FullSpool()
        self.spools.append(spool)
        self.site._uploads = Uploads(lambda: spool, MAX_MESSAGE, 0)
        self.has_problem(self.deliver(), 507, "storage-full")
        self.assertEqual(self.count(), 0)

    def test_the_log(self) -> None:
        """Who got it, and nothing of the message."""
        events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.deliver(f"{TO_ANN}&recipient=dan@example.com")
        [line] = [one for one in events if one["log_namespace"] == "sora.audit"]
        self.assertEqual(line["change"], "delivered a message to ann@example.com (1 refused)")
        self.assertNotIn("Secret", str(events))
