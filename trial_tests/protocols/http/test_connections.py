"""Who is connected, and ending it, over HTTP."""

from typing import Any

from sora.errors import AccountClosed, SessionEnded, SoraError
from trial_tests.protocols.http.desk import DeskTestCase


class ConnectionTests(DeskTestCase):
    """Three connections: two of Ann's, one of somebody who has not logged in."""

    def setUp(self) -> None:
        super().setUp()
        self.transports: list[Any] = []
        for protocol, host, user in (
            ("imap", "192.0.2.1", "ann@example.com"),
            ("pop3", "192.0.2.2", "ann@example.com"),
            ("imap", "192.0.2.3", ""),
        ):
            connection, transport = self.connect(host)
            connection.session = self.tracker.enter(connection, protocol, f"{protocol}-1")
            if user:
                connection.session.identify(user)
            self.transports.append(transport)

    def listed(self, query: str = "") -> list[str]:
        """The addresses of those that are listed."""
        answer = self.ask("GET", "/admin/connections" + query)
        self.assertEqual(answer.status, 200, answer.body)
        return [one["address"] for one in answer.json["items"]]

    def test_lists(self) -> None:
        """All, or those that match all that is said."""
        self.assertEqual(self.listed(), ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
        self.assertEqual(self.listed("?user=Ann@example.com"), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.listed("?user=ann@example.com&protocol=pop3"), ["192.0.2.2"])
        self.assertEqual(self.listed("?server=imap-1&address=192.0.2.3"), ["192.0.2.3"])
        self.assertEqual(self.listed("?domain=EXAMPLE.com"), ["192.0.2.1", "192.0.2.2"])
        for other in ("ple.com", "ann@example.com", "example.org"):
            self.assertEqual(self.listed(f"?domain={other}"), [])
        [one] = self.ask("GET", "/admin/connections?protocol=pop3").json["items"]
        self.assertEqual((one["user"], one["tls"], one["port"]), ("ann@example.com", False, 40000))

    def test_counts(self) -> None:
        """Of all, and of one user."""
        stats = self.ask("GET", "/admin/connections/stats").json
        self.assertEqual((stats["connections"], stats["authenticated"], stats["users"]), (3, 2, 1))
        self.assertEqual(stats["protocols"], {"imap": 2, "pop3": 1})
        stats = self.ask("GET", "/admin/connections/stats?user=ann@example.com").json
        self.assertEqual(stats["servers"], {"imap-1": 1, "pop3-1": 1})
        stats = self.ask("GET", "/admin/connections/stats?domain=example.com&protocol=pop3").json
        self.assertEqual(stats["servers"], {"pop3-1": 1})

    def test_kicks(self) -> None:
        """Those that match; with nothing said nobody is."""
        answer = self.ask("POST", "/admin/connections/kick", {})
        self.has_problem(answer, 422, "cannot-be-done", "whose")
        answer = self.ask("POST", "/admin/connections/kick", {"user": "ann@example.com"})
        self.assertEqual(answer.json, {"kicked": 2})
        self.assertEqual([one.disconnecting for one in self.transports], [True, True, False])

    def test_kicks_a_domain(self) -> None:
        """Those of nobody yet are of no domain."""
        answer = self.ask("POST", "/admin/connections/kick", {"domain": "example.com"})
        self.assertEqual(answer.json, {"kicked": 2})
        self.assertEqual([one.disconnecting for one in self.transports], [True, True, False])

    def test_each_is_told_why(self) -> None:
        """An administrator did it, or the account was disabled or deleted."""
        new = {"email": "ann@example.com", "password": "correct horse"}
        self.assertEqual(self.ask("POST", "/admin/accounts", new).status, 201)
        told: list[type[SoraError]] = []
        for session in self.tracker.of_user("ann@example.com"):
            session.connection.shutdown = lambda why: told.append(type(why))  # type: ignore[method-assign]
        self.ask("POST", "/admin/connections/kick", {"protocol": "pop3"})
        self.assertEqual(told, [SessionEnded])
        self.ask("PATCH", "/admin/accounts/ann@example.com", {"disabled": True})
        self.ask("DELETE", "/admin/accounts/ann@example.com")
        self.assertEqual(told[1:], [AccountClosed] * 4)
