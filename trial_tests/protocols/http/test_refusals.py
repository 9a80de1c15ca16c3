"""Whoever may not ask is refused in the same way, whatever he asks for, and so is what is no HTTP."""

import re

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from sora.protocols.http.endpoint import Scope
from sora.protocols.http.gate import Rates
from sora.protocols.http.protocol import WHOLE
from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.protocols.http.desk import KEY, READING, DeskTestCase, parse

SHAPE = {"type", "title", "status", "detail", "instance"}


class RefusalTests(DeskTestCase):
    """Each endpoint, and things that are none."""

    rates = Rates(per_second=0.0, wrong_keys=1000)

    def requests(self) -> list[tuple[str, str]]:
        """A request to each endpoint, with names that fit."""
        found = []
        for endpoint in ENDPOINTS:
            path = endpoint.path
            for name in endpoint.parameters:
                path = path.replace(f"{{{name}}}", "active")
            found.append((endpoint.method, f"/admin{path}"))
        return found

    def test_without_a_key_with_a_wrong_one_and_from_elsewhere(self) -> None:
        """Before anything of it is read: a wrong body makes no difference."""
        for method, path in self.requests():
            for key, host, status, kind in (
                (None, "10.1.2.3", 401, "no-key"),
                ("wrong", "10.1.2.3", 401, "wrong-key"),
                (None, "192.0.2.1", 403, "address-not-allowed"),
                ("wrong", "192.0.2.1", 403, "address-not-allowed"),
            ):
                with self.subTest(method=method, path=path, key=key, host=host):
                    answer = self.ask(method, path, raw=b"{", key=key, host=host)
                    self.has_problem(answer, status, kind)
                    self.assertLessEqual(set(answer.json), SHAPE)

    def test_who_may_look_changes_nothing(self) -> None:
        """Each endpoint that changes something, or gives mail away, wants the scope for it."""
        for endpoint, (method, path) in zip(ENDPOINTS, self.requests(), strict=True):
            if endpoint.scope is not Scope.READ:
                with self.subTest(endpoint.name):
                    answer = self.ask(method, path, raw=b"{", key=READING)
                    self.has_problem(answer, 403, "not-permitted")

    def test_what_looks_does_not_change(self) -> None:
        """Whatever is no GET wants to write, but for trials; and what gives mail away is a GET."""
        looking = {one.name for one in ENDPOINTS if one.scope is Scope.READ}
        trials = {one.name for one in ENDPOINTS if one.method != "GET"} & looking
        self.assertEqual(trials, {"checkScript", "testScript"})
        more = {one.name for one in ENDPOINTS if one.method == "GET"} - looking
        giving = {one.name for one in ENDPOINTS if one.scope is Scope.EXPORT}
        self.assertEqual(more, giving)
        self.assertEqual(giving, {one.name for one in ENDPOINTS if one.downloads})


class MalformedTests(DeskTestCase):
    """What is no request, or none that is understood: the same shape, and no traceback."""

    def raw(self, octets: bytes, host: str = "10.1.2.3") -> bytes:
        """Octets of a client; gives what came back."""
        connection, transport = self.connect(host)
        connection.dataReceived(octets)
        return transport.value()

    def refused(self, octets: bytes, status: int, kind: str, detail: str = "") -> None:
        with self.subTest(octets=octets[:60]):
            said = self.raw(octets)
            self.assertTrue(said, "nothing came back")
            self.has_problem(parse(said), status, kind, detail)

    def test_no_http(self) -> None:
        """The connection ends with it."""
        for octets in (
            b"\r\nnonsense\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /livez\r\n\r\n",
            b"GET /livez FTP/1.0\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"GET /livez HTTP/1.1\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
            b"GET /livez HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        ):
            self.refused(octets, 400, "bad-request")

    def test_two_headers_with_keys(self) -> None:
        """Whoever stands between may have looked at the other one."""
        keys = f"Authorization: Bearer {KEY}\r\n" * 2
        octets = f"GET /admin/accounts HTTP/1.1\r\nHost: a\r\n{keys}\r\n".encode()
        self.refused(octets, 400, "bad-request", "one header Authorization")

    def test_headers_that_are_no_text(self) -> None:
        """Octets that are not UTF-8 are a wrong key, or no type of a body; never a failure."""
        head = b"POST /admin/accounts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        key = f"Authorization: Bearer {KEY}\r\n".encode()
        self.refused(head + b"Authorization: Bearer \xff\xfe\r\n\r\n{}", 401, "wrong-key")
        self.refused(head + b"Authorization: \xff\r\n\r\n{}", 401, "no-key")
        self.refused(
            head + key + b"Content-Type: \xff/\xfe\r\n\r\n{}", 415, "unsupported-media-type"
        )

    def test_a_request_that_never_ends(self) -> None:
        """An octet now and then does not keep it (slow loris); the next one has its own time."""
        request = b"POST /admin/accounts HTTP/1.1\r\nContent-Length: 99\r\nX-Slow: "
        connection, transport = self.connect("10.1.2.3")
        connection.dataReceived(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b"200 OK", transport.value())
        self.clock.advance(WHOLE)
        transport.clear()
        for octet in request + b"\r\n\r\n":
            connection.dataReceived(bytes([octet]))
            self.assertEqual(transport.value(), b"")
        for _ in range(int(WHOLE)):
            self.assertEqual(transport.value(), b"")
            connection.dataReceived(b" ")
            self.clock.advance(1)
        self.has_problem(parse(transport.value()), 408, "too-slow")
        self.assertTrue(transport.disconnecting)
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_requests_one_behind_the_other(self) -> None:
        """They are answered in their order."""
        one = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
        two = b"GET /admin/accounts HTTP/1.1\r\nHost: a\r\n\r\n"
        said = self.raw((one + two) * 20)
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", said), [b"200", b"401"] * 20)

    def test_odd_requests(self) -> None:
        """They are HTTP; names and methods are not what there is."""
        head = b"Host: sora\r\n\r\n"
        self.refused(b"BREW /admin/accounts HTTP/1.1\r\n" + head, 405, "method-not-allowed")
        self.refused(b"OPTIONS * HTTP/1.1\r\n" + head, 404, "not-found")
        self.refused(b"GET /admin/%FF%FE HTTP/1.1\r\n" + head, 404, "not-found")
        self.refused(b"GET /admin/\xff\xfe HTTP/1.1\r\n" + head, 400, "bad-request")
        self.refused(b"GET //admin//accounts HTTP/1.1\r\n" + head, 404, "not-found")
        self.refused(b"GET /admin/accounts/ HTTP/1.1\r\n" + head, 404, "not-found")
        self.refused(b"GET /admin/accounts HTTP/1.1\r\nHost: \xff\r\n\r\n", 401, "no-key")

    def test_a_foreign_address_is_told_nothing_more(self) -> None:
        """Also when it speaks no HTTP."""
        for octets in (b"nonsense\r\n\r\n", b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n"):
            answer = parse(self.raw(octets, "192.0.2.1"))
            self.has_problem(answer, 400, "bad-request")
            self.assertEqual(set(answer.json), SHAPE)
