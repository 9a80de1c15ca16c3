"""What is asked for twice with the same `Idempotency-Key` is done once."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import Unavailable
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.once import idempotency_key
from sora.protocols.http.problems import Refused
from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.protocols.http.desk import KEY, DeskTestCase, parse

NEW = {"domain": "example.com"}
SAME = ('Idempotency-Key: "8e03"',)


class OnceTests(DeskTestCase):
    """A domain is made."""

    def test_the_answer_is_kept(self) -> None:
        """All of it; the next day it is forgotten."""
        made = self.ask("POST", "/admin/domains", NEW, headers=SAME)
        self.assertEqual(made.status, 201)
        self.assertNotIn("idempotency-replayed", made.headers)
        again = self.ask("POST", "/admin/domains", NEW, headers=SAME)
        self.assertEqual((again.status, again.json), (201, made.json))
        self.assertEqual(again.headers["location"], made.headers["location"])
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        self.clock.advance(86400)
        later = self.ask("POST", "/admin/domains", NEW, headers=SAME)
        self.has_problem(later, 409, "already-exists")

    def test_another_request(self) -> None:
        """Of another body, or another path."""
        self.ask("POST", "/admin/domains", NEW, headers=SAME)
        other = self.ask("POST", "/admin/domains", {"domain": "example.net"}, headers=SAME)
        self.has_problem(other, 422, "idempotency-key-reused")
        other = self.ask("POST", "/admin/uploader/retry", headers=SAME)
        self.has_problem(other, 422, "idempotency-key-reused")

    def test_what_failed_may_be_tried_again(self) -> None:
        """Nothing was made."""
        alias = {"address": "sales@example.com", "account": "ann@example.com"}
        missing = self.ask("POST", "/admin/aliases", alias, headers=SAME)
        self.has_problem(missing, 404, "not-found")
        account = {"email": "ann@example.com", "password": "horse", "hash": "ssha512"}
        self.ask("POST", "/admin/accounts", account)
        self.assertEqual(self.ask("POST", "/admin/aliases", alias, headers=SAME).status, 201)

    def test_what_is_wrong_with_a_request_comes_first(self) -> None:
        """It does not use up the key."""
        self.ask("POST", "/admin/domains", {}, headers=SAME)
        self.assertEqual(self.ask("POST", "/admin/domains", NEW, headers=SAME).status, 201)

    def test_a_secret_is_not_kept(self) -> None:
        """Neither a password nor what one could be tried out against."""
        account = {"email": "ann@example.com", "password": "horse", "hash": "ssha512"}
        self.ask("POST", "/admin/accounts", account, headers=SAME)
        [(_, known)] = self.storage.tables.requests.items()
        assert known.answer is not None
        self.assertNotIn(b"horse", known.answer.body)
        before = known.digest
        self.storage.tables.requests.clear()
        self.ask("POST", "/admin/accounts", {**account, "email": "b@example.com"}, headers=SAME)
        [(_, known)] = self.storage.tables.requests.items()
        self.assertNotEqual(known.digest, before)

    def test_what_is_done_twice_anyway(self) -> None:
        """Has no use for a key: it is passed over."""
        self.ask("POST", "/admin/domains", NEW)
        for _ in range(2):
            path = "/admin/domains/example.com/catch-all"
            self.assertEqual(self.ask("DELETE", path, headers=SAME).status, 204)
        self.assertEqual(self.storage.tables.requests, {})

    def test_it_is_documented(self) -> None:
        """With each endpoint that takes one."""
        for endpoint in ENDPOINTS:
            place = self.described["paths"]["/admin" + endpoint.path][endpoint.method.lower()]
            names = [one["name"] for one in place.get("parameters", ())]
            self.assertEqual("Idempotency-Key" in names, endpoint.is_once, endpoint.name)


class UnderWayTests(DeskTestCase):
    """Something that takes its time."""

    def setUp(self) -> None:
        self.waiting: list[Deferred[None]] = []

        async def slow(nouns: Nouns, call: Call) -> None:
            self.waiting.append(Deferred())
            await self.waiting[-1]

        self.endpoints = (
            Endpoint(
                method="POST",
                path="/slow",
                name="slow",
                summary="",
                group="x",
                scope=Scope.WRITE,
                changes="waited",
                run=slow,
            ),
        )
        super().setUp()

    def test_two_at_the_same_time(self) -> None:
        """The second one is told; it goes on when the client of the first hangs up."""
        head = f"POST /admin/slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n"
        first, transport = self.connect()
        first.dataReceived(f"{head}{SAME[0]}\r\nContent-Length: 0\r\n\r\n".encode())
        self.assertEqual(transport.value(), b"")
        busy = self.ask("POST", "/admin/slow", headers=SAME)
        self.has_problem(busy, 409, "request-under-way")
        self.assertEqual(busy.headers["retry-after"], "1")
        first.connectionLost()
        self.waiting[0].callback(None)
        again = self.ask("POST", "/admin/slow", headers=SAME)
        self.assertEqual((again.status, len(self.waiting)), (204, 1))

    def test_the_answer_of_a_failure_is_not_kept(self) -> None:
        """The next one does it."""
        head = f"POST /admin/slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n"
        for outcome in (Unavailable(), None):
            connection, transport = self.connect()
            connection.dataReceived(f"{head}{SAME[0]}\r\nContent-Length: 0\r\n\r\n".encode())
            if outcome is not None:
                self.waiting[-1].errback(outcome)
                self.has_problem(parse(transport.value()), 503, "unavailable")
            else:
                self.waiting[-1].callback(None)
                self.assertEqual(parse(transport.value()).status, 204)


class HeaderTests(SynchronousTestCase):
    """A string of RFC 8941, or whatever is sent in its place."""

    def test_keys(self) -> None:
        for given, key in (
            ('"a"', "a"),
            ('  "a b"  ', "a b"),
            (r'"a\"\\"', 'a"\\'),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ('"' + "x" * 253 + '"', "x" * 253),
            ("x" * 255, "x" * 255),
            ('"a', '"a'),
            ("ü, b", "ü, b"),
        ):
            self.assertEqual(idempotency_key([given.encode("latin-1")]), key)
        self.assertIsNone(idempotency_key([]))

    def test_what_is_none(self) -> None:
        for given in ([b""], [b" "], [b"x" * 256], [b"a\0"], [b"a", b"a"]):
            with self.assertRaises(Refused, msg=str(given)):
                idempotency_key(given)
