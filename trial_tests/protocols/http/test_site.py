"""The way of a request through the site: who may ask, and what is wrong with it."""

import json
from types import SimpleNamespace

from sora.errors import ShuttingDown, SoraError, Unavailable
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.gate import Rates
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.places import PLACES, filled
from sora.protocols.http.problems import kind_of
from sora.protocols.http.protocol import DROPPED, MAX_BODY
from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.protocols.http.desk import KEY, READING, DeskTestCase

NEW = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}


class GateTests(DeskTestCase):
    """Networks, keys, scopes; refusals have one shape."""

    def test_a_foreign_address_is_refused_whatever_it_shows(self) -> None:
        """Also for what needs no key, and for what is not there."""
        for path in ("/admin/accounts", "/metrics", "/livez", "/nowhere"):
            answer = self.ask("GET", path, host="192.0.2.1")
            self.has_problem(answer, 403, "address-not-allowed", "allowed_hosts")

    def test_without_a_key(self) -> None:
        """Or with something else in its place."""
        answer = self.ask("GET", "/admin/accounts", key=None)
        self.has_problem(answer, 401, "no-key", "Bearer KEY")
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="sora"')

    def test_with_a_wrong_key(self) -> None:
        """It is not said what was wrong with it."""
        for wrong in ("wrong", KEY + "x", KEY[:-1], "ü"):
            self.has_problem(self.ask("GET", "/admin/accounts", key=wrong), 401, "wrong-key")

    def test_a_key_that_may_only_look(self) -> None:
        """It cannot change anything."""
        self.assertEqual(self.ask("GET", "/admin/accounts", key=READING).status, 200)
        answer = self.ask("POST", "/admin/accounts", NEW, key=READING)
        self.has_problem(answer, 403, "not-permitted", "clerk lacks the scope write")
        self.assertEqual(self.ask("GET", "/admin/accounts").json["items"], [])

    def test_what_needs_no_key(self) -> None:
        """The document, the page, what monitoring asks."""
        for path in ("/admin/openapi.json", "/admin/", "/metrics", "/livez", "/readyz"):
            self.assertEqual(self.ask("GET", path, key=None).status, 200, path)

    def test_readiness(self) -> None:
        """Nothing else is said."""
        self.assertEqual(self.ask("GET", "/readyz", key=None).body, b"ok\n")
        self.ready = False
        answer = self.ask("GET", "/readyz", key=None)
        self.assertEqual((answer.status, answer.body), (503, b"not ready\n"))
        self.assertEqual(self.ask("GET", "/livez", key=None).body, b"ok\n")


class RateTests(DeskTestCase):
    """Who asks too much is slowed down; who guesses is stopped (G55)."""

    rates = Rates(per_second=1.0, at_once=3, wrong_keys=2, window=60.0)

    def test_too_many_requests(self) -> None:
        """For each address; it passes with time."""
        for _ in range(3):
            self.assertEqual(self.ask("GET", "/livez").status, 200)
        answer = self.ask("GET", "/livez")
        self.has_problem(answer, 429, "too-many-requests")
        self.assertEqual(answer.headers["retry-after"], "1")
        self.assertEqual(self.ask("GET", "/livez", host="10.9.9.9").status, 200)
        self.clock.advance(1)
        self.assertEqual(self.ask("GET", "/livez").status, 200)

    def test_too_many_wrong_keys(self) -> None:
        """Then the right one is refused, too, for a while."""
        for _ in range(2):
            self.has_problem(self.ask("GET", "/admin/accounts", key="x"), 401, "wrong-key")
        self.clock.advance(3)
        answer = self.ask("GET", "/admin/accounts")
        self.has_problem(answer, 429, "too-many-requests", "wrong keys")
        self.assertEqual(answer.headers["retry-after"], "58")
        self.clock.advance(57)
        self.assertEqual(self.ask("GET", "/admin/accounts").status, 200)


class RequestTests(DeskTestCase):
    """What is wrong with a request is said, all of it."""

    def test_routes(self) -> None:
        """What is not there, and what is not for it."""
        self.has_problem(self.ask("GET", "/admin/nothing"), 404, "not-found", "openapi.json")
        answer = self.ask("PATCH", "/admin/accounts")
        self.has_problem(answer, 405, "method-not-allowed")
        self.assertEqual(answer.headers["allow"], "GET, HEAD, POST")

    def test_parameters(self) -> None:
        """Unknown ones, wrong ones, twice the same."""
        path = "/admin/accounts?limit=0&colour=red&deleted=perhaps&domain=a&domain=b"
        answer = self.ask("GET", path)
        self.has_problem(answer, 400, "bad-request", "There are 4 flaws")
        self.assertEqual(
            {one["pointer"]: one["detail"] for one in answer.json["errors"]},
            {
                "colour": "There is no such parameter",
                "domain": "This parameter may be given once",
                "limit": "This must be at least 1",
                "deleted": "This must be true or false",
            },
        )
        large = self.ask("GET", f"/admin/accounts?limit={10**20}")
        self.has_problem(large, 400, "bad-request", "too large")
        many = "/admin/accounts?" + "&".join(f"a{n}=1" for n in range(60))
        self.has_problem(self.ask("GET", many), 400, "bad-request", "50 parameters")
        self.has_problem(self.ask("GET", "/admin/accounts/a@b.c?x=1"), 400, "bad-request", "'x'")

    def test_bodies(self) -> None:
        """No JSON, other JSON, wrong fields."""
        cases = (
            (b"{", "not a JSON document"),
            (b"[1]", "This must be an object"),
            (b"\xff", "not UTF-8"),
            (b'{"email": NaN}', "not JSON"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"email": 1, "password": 2, "hash": "md5", "x": 2}', "There are 4 flaws"),
            (b'{"email": "a\\ud800@example.com", "password": "x"}', "surrogate"),
            (b'{"email": "a\\u0000@example.com", "password": "x"}', "NUL"),
            (json.dumps({**NEW, "email": "x" * 321}).encode(), "320 characters"),
        )
        for octets, text in cases:
            with self.subTest(octets=octets[:60]):
                answer = self.ask("POST", "/admin/accounts", raw=octets)
                self.has_problem(answer, 400, "bad-request", text)

    def test_media_types(self) -> None:
        """JSON, whatever is said of its charset."""
        answer = self.ask("POST", "/admin/accounts", NEW, media="text/plain")
        self.has_problem(answer, 415, "unsupported-media-type")
        answer = self.ask("POST", "/admin/accounts", NEW, media="application/json; charset=utf-8")
        self.assertEqual(answer.status, 201)

    def test_large_bodies(self) -> None:
        """They are dropped while they come; in the end the client is cut off."""
        answer = self.ask("POST", "/admin/accounts", raw=b"x" * (MAX_BODY + 1))
        self.has_problem(answer, 413, "too-big")
        connection, transport = self.connect()
        head = f"POST /admin/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: {10 * DROPPED}\r\n\r\n"
        connection.dataReceived(head.encode())
        piece = b"x" * (1 << 20)
        for _ in range((MAX_BODY + DROPPED) // len(piece) + 1):
            connection.dataReceived(piece)
        self.assertTrue(transport.disconnecting or transport.aborting)

    def test_pipelined_requests_are_answered_in_their_order(self) -> None:
        """As HTTP/1.1 wants it."""
        connection, transport = self.connect()
        connection.dataReceived(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        self.assertEqual(transport.value().count(b"200 OK"), 3)

    def test_the_server_ends(self) -> None:
        """An idle connection is closed; the goodbye fires once."""
        connection, transport = self.connect()
        ended: list[None] = []
        connection.ended.addCallback(ended.append)
        connection.shutdown(ShuttingDown())
        self.assertTrue(transport.disconnecting)
        self.assertEqual(ended, [None])


async def _broken(nouns: Nouns, call: Call) -> None:
    raise RuntimeError("the inside")


async def _unreachable(nouns: Nouns, call: Call) -> None:
    raise Unavailable("db7.internal does not answer")


class FailureTests(DeskTestCase):
    """What fails inside."""

    endpoints = tuple(
        Endpoint(method="GET", path=f"/{name}", name=name, summary="", group="x", run=run)
        for name, run in (("broken", _broken), ("unreachable", _unreachable))
    )

    def test_a_bug_is_told_without_what_it_was(self) -> None:
        """It is in the log, under the request's name."""
        answer = self.ask("GET", "/admin/broken")
        self.has_problem(answer, 500, "internal")
        self.assertNotIn(b"inside", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_hosts_of_ours_are_not_named(self) -> None:
        """What is inside the house is for its log."""
        answer = self.ask("GET", "/admin/unreachable")
        self.has_problem(answer, 503, "unavailable")
        self.assertNotIn(b"db7", answer.body)


class TableTests(DeskTestCase):
    """The table of problems."""

    def test_every_error_has_a_kind(self) -> None:
        """Also those of classes that come later."""
        classes = [SoraError]
        for one in classes:
            classes += one.__subclasses__()
        ours = [one for one in classes[1:] if one.__module__ == "sora.errors"]
        self.assertGreater(len(ours), 30)
        for one in ours:
            self.assertIn(kind_of(one).status // 100, (4, 5), one)

    def test_changes_are_named_where_there_are_any(self) -> None:
        """Whoever may more than look is in the log of changes; with names that there are.
        What is made is said to be somewhere."""
        for endpoint in ENDPOINTS:
            with self.subTest(endpoint.name):
                self.assertEqual(bool(endpoint.changes), endpoint.scope is not Scope.READ)
                self.assertEqual(bool(endpoint.place), endpoint.status in (201, 202))
                names = dict.fromkeys(endpoint.parameters, "x")
                known = [one for one in dir(endpoint.answer) if not one.startswith("_")]
                answer = SimpleNamespace(**dict.fromkeys(known, "x"))
                filled(endpoint.changes + endpoint.place, names, answer)

    def test_names_in_paths_are_explained(self) -> None:
        """All of them, and no others."""
        told = {name for endpoint in ENDPOINTS for name in endpoint.parameters}
        self.assertEqual(told, set(PLACES))
