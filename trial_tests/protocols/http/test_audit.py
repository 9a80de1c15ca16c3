"""The log of changes: one line for whoever changes something, or wanted to."""

from typing import Any

from attrs import fields, frozen
from twisted.logger import formatEvent, globalLogPublisher

from sora.protocols.http.endpoint import Scope
from sora.protocols.http.gate import Rates
from sora.protocols.http.spoken import ENDPOINTS
from sora.protocols.http.values import facet_of
from trial_tests.protocols.http.desk import KEY, READING, DeskTestCase

NEW = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}


@frozen
class Nothing:
    """A body without anything in it."""


class AuditTests(DeskTestCase):
    """Lines under `sora.audit`."""

    rates = Rates(per_second=0.0, wrong_keys=1000)

    def setUp(self) -> None:
        super().setUp()
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def told(self) -> dict[str, Any]:
        """The only line since the last one."""
        found = [one for one in self.events if one["log_namespace"] == "sora.audit"]
        self.events.clear()
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_what_was_done_and_what_was_not(self) -> None:
        """Who, from where, what, and the id of the request, which problems have too."""
        self.ask("POST", "/admin/accounts", NEW)
        line = self.told()
        self.assertEqual((line["key"], line["address"]), ("boss", "10.1.2.3"))
        self.assertEqual(line["change"], "made the account ann@example.com")
        self.assertEqual((line["operation"], line["outcome"]), ("createAccount", "done"))
        answer = self.ask("POST", "/admin/accounts", NEW)
        line = self.told()
        self.assertEqual((line["outcome"], line["problem"]), ("refused", "already-exists"))
        self.assertEqual(answer.json["instance"], f"urn:sora:request:{line['id']}")
        self.assertEqual((line["path"], line["about"]), ("/admin/accounts", "ann@example.com"))
        self.assertIn("createAccount of /admin/accounts (ann@example.com) was", formatEvent(line))
        self.ask("DELETE", "/admin/accounts/bob@example.com")
        line = self.told()
        self.assertEqual(line["path"], "/admin/accounts/bob@example.com")
        self.assertEqual((line["outcome"], line["status"]), ("refused", 404))

    def test_every_verb_that_is_refused(self) -> None:
        """Without a key, with a wrong one, from elsewhere, with one that may look: each is told,
        by name where one is known. What looks is not."""
        for endpoint in ENDPOINTS:
            path = "/admin" + endpoint.path
            for name in endpoint.parameters:
                path = path.replace(f"{{{name}}}", "active")
            for key, host, who, problem in (
                (None, "10.1.2.3", "-", "no-key"),
                ("wrong-key-of-somebody", "10.1.2.3", "-", "wrong-key"),
                (KEY, "192.0.2.1", "-", "address-not-allowed"),
                (READING, "10.1.2.3", "clerk", "not-permitted"),
            ):
                if endpoint.scope is Scope.WRITE:
                    self.ask(endpoint.method, path, raw=b"{", key=key, host=host)
                    line = self.told()
                    self.assertEqual((line["key"], line["problem"]), (who, problem), path)
                    self.assertEqual(line["operation"], endpoint.name)
                    self.assertNotIn("wrong-key-of-somebody", str(line))

    def test_what_it_was_about(self) -> None:
        """What the path does not say is in the body: it is told, as one line, done or not."""
        self.ask("POST", "/admin/connections/kick", {"user": "ann@example.com", "protocol": "imap"})
        self.assertEqual(self.told()["change"], "kicked connections: ann@example.com imap")
        self.ask("POST", "/admin/domains", {"domain": "a\u2028b"})
        line = self.told()
        self.assertEqual((line["outcome"], line["about"]), ("refused", "a?b"))
        self.ask("POST", "/admin/connections/kick", {"user": 5})
        self.assertNotIn("about", self.told())

    def test_what_names_things_is_no_secret(self) -> None:
        """G51. Whatever is made says what it is, also when it is refused."""
        for endpoint in ENDPOINTS:
            known = {one.name: facet_of(one) for one in fields(endpoint.body or Nothing)}
            for name in endpoint.about:
                self.assertFalse(known[name].secret, endpoint.name)
                self.assertLessEqual(known[name].max_length or 0, 1024, endpoint.name)
            if endpoint.status == 201:
                self.assertTrue(endpoint.about, endpoint.name)

    def test_what_looks_is_not_told(self) -> None:
        self.ask("GET", "/admin/accounts")
        self.ask("GET", "/admin/accounts", key=None)
        self.assertEqual([one for one in self.events if one["log_namespace"] == "sora.audit"], [])

    def test_an_idempotency_key_that_is_shown_again(self) -> None:
        """It was done once."""
        for outcome in ("done", "replayed"):
            answer = self.ask("POST", "/admin/accounts", NEW, headers=["Idempotency-Key: one"])
            self.assertEqual(answer.status, 201)
            self.assertEqual(self.told()["outcome"], outcome)

    def test_no_secret_is_told(self) -> None:
        """G51: neither of a body nor of a key, and a path cannot forge a line."""
        for body in (NEW, {**NEW, "hash": "none"}, {"password": "correct horse"}):
            self.ask("POST", "/admin/accounts", body)
            self.assertNotIn("correct horse", str(self.told()))
        self.ask("DELETE", "/admin/accounts/a%0Aforged")
        self.assertNotIn("\n", self.told()["path"])
