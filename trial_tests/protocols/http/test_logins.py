"""How logins go, over HTTP."""

from twisted.internet.defer import Deferred

from sora.net.peer import Peer
from trial_tests.protocols.http.desk import DeskTestCase


class LoginTests(DeskTestCase):
    def guess(self, times: int, host: str, user: str) -> None:
        """Wrong passwords."""
        for _ in range(times):
            admitted = Deferred.fromCoroutine(self.throttle.admit(Peer(host, 1), user, "imap"))
            self.clock.pump([30.0])
            attempt = self.successResultOf(admitted)
            result = "blocked" if attempt is None else "failed"
            if attempt is not None:
                attempt.failed()
            self.logins.note("imap", result, user, host)

    def test_counts(self) -> None:
        """Those of the last day, or of less; with the names that failed most."""
        self.logins.note("imap", "ok", "ann@example.com", "192.0.2.1")
        self.clock.advance(7200)
        self.logins.note("pop3", "cached", "ann@example.com", "192.0.2.1")
        self.guess(2, "192.0.2.66", "bob@example.com")
        found = self.ask("GET", "/admin/auth/stats").json
        self.assertEqual(found["seconds"], 86400)
        self.assertEqual(found["results"], {"ok": 1, "cached": 1, "failed": 2})
        self.assertEqual(found["protocols"]["imap"], {"ok": 1, "failed": 2})
        self.assertEqual(found["users"], [{"name": "bob@example.com", "failures": 2}])
        self.assertEqual(found["addresses"], [{"name": "192.0.2.66", "failures": 2}])
        found = self.ask("GET", "/admin/auth/stats?window=1h").json
        self.assertEqual(found["results"], {"cached": 1, "failed": 2})
        for wrong in ("never", "-1h", "1y"):
            answer = self.ask("GET", f"/admin/auth/stats?window={wrong}")
            self.assertEqual(answer.status, 400, answer.body)

    def test_lists_and_unblocks(self) -> None:
        """An address that is refused, and the user whom it tried."""
        self.assertEqual(self.ask("GET", "/admin/auth/blocked").json, {"items": []})
        self.guess(22, "192.0.2.66", "bob@example.com")
        items = self.ask("GET", "/admin/auth/blocked").json["items"]
        self.assertEqual(
            [(one["kind"], one["name"]) for one in items],
            [("address", "192.0.2.66"), ("user", "bob@example.com")],
        )
        self.assertEqual(items[0]["protocols"], ["imap"])
        self.assertGreater(items[0]["seconds"], 0)
        answer = self.ask("POST", "/admin/auth/unblock", {"address": "192.0.2.66"})
        self.assertEqual(answer.json, {"unblocked": True})
        answer = self.ask("POST", "/admin/auth/unblock", {"user": "Bob@example.com"})
        self.assertEqual(answer.json, {"unblocked": True})
        self.assertEqual(self.ask("GET", "/admin/auth/blocked").json, {"items": []})
        answer = self.ask("POST", "/admin/auth/unblock", {"user": "bob@example.com"})
        self.assertEqual(answer.json, {"unblocked": False})
        for wrong in ({}, {"user": "a@b.c", "address": "192.0.2.1"}):
            answer = self.ask("POST", "/admin/auth/unblock", wrong)
            self.has_problem(answer, 422, "cannot-be-done", "an address, or a user")
