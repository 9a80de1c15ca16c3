"""Accounts that go for good."""

from typing import Any

from trial_tests.protocols.http.desk import READING, DeskTestCase

NEW = {"email": "ann@example.com", "password": "horse", "hash": "ssha512"}
PURGE = "/admin/accounts/ann@example.com/purge"
TO_ANN = "/admin/mail/deliver?recipient=ann@example.com"


class PurgingTests(DeskTestCase):
    """Ann has a message."""

    def setUp(self) -> None:
        super().setUp()
        self.assertEqual(self.ask("POST", "/admin/accounts", NEW).status, 201)
        sent = self.ask("POST", TO_ANN, raw=b"Subject: a\r\n\r\n", media="message/rfc822")
        self.assertEqual(sent.status, 200)

    def purged(self) -> None:
        """A task does it, and the address is free."""
        begun = self.ask("POST", PURGE, turns=20)
        self.assertEqual(begun.status, 202, begun.body)
        task = self.ask("GET", begun.headers["location"]).json
        self.assertEqual((task["state"], task["result"]), ("done", {"messages": 1}))
        self.assertEqual(task["about"], "remove the account ann@example.com for good")
        restored = self.ask("POST", "/admin/accounts/ann@example.com/restore")
        self.has_problem(restored, 404, "not-found")
        self.assertEqual(self.ask("POST", "/admin/accounts", NEW).status, 201)

    def test_one_that_is_there(self) -> None:
        self.purged()

    def test_one_that_is_deleted(self) -> None:
        """It need not wait for the end of the grace period."""
        self.assertEqual(self.ask("DELETE", "/admin/accounts/ann@example.com").status, 204)
        self.purged()

    def test_none_and_who_may_not(self) -> None:
        nobody = self.ask("POST", "/admin/accounts/bob@example.com/purge")
        self.has_problem(nobody, 404, "not-found")
        self.has_problem(self.ask("POST", PURGE, key=READING), 403, "not-permitted")
        self.assertEqual(self.ask("GET", "/admin/accounts/ann@example.com").status, 200)


class DomainPurgingTests(DeskTestCase):
    """Ann and Bob are in the domain, Zoe is not."""

    def setUp(self) -> None:
        super().setUp()
        for email in ("ann@example.com", "bob@example.com", "zoe@example.org"):
            self.assertEqual(
                self.ask("POST", "/admin/accounts", {**NEW, "email": email}).status, 201
            )
        sent = self.ask("POST", TO_ANN, raw=b"Subject: a\r\n\r\n", media="message/rfc822")
        self.assertEqual(sent.status, 200)

    def begun(self, **fields: Any) -> Any:
        """The task that comes of it."""
        answer = self.ask("POST", "/admin/domains/example.com/purge", fields, turns=50)
        self.assertEqual(answer.status, 202, answer.body)
        return self.ask("GET", answer.headers["location"]).json

    def test_what_would_go_is_said(self) -> None:
        """And stays."""
        task = self.begun(dry_run=True)
        self.assertEqual(task["state"], "done", task)
        result = task["result"]
        self.assertEqual((result["accounts"], result["messages"]), (2, 1))
        self.assertEqual((result["purging_since"], result["catch_alls"]), (None, []))
        self.assertTrue(task["about"].endswith(", as a trial"))
        self.assertEqual(self.ask("GET", "/admin/domains/example.com").json["accounts"], 2)

    def test_it_goes_when_it_is_named_twice(self) -> None:
        connection, transport = self.connect()
        connection.session = self.tracker.enter(connection, "imap", "imap")
        connection.session.identify("bob@example.com")
        task = self.begun(confirm="EXAMPLE.com")
        self.assertEqual(task["state"], "done", task)
        self.assertEqual((task["percent"], task["progress"]), (100, {"messages": 1}))
        self.assertEqual((task["result"]["accounts"], task["result"]["messages"]), (2, 1))
        self.assertTrue(transport.disconnecting)
        self.has_problem(self.ask("GET", "/admin/domains/example.com"), 404, "not-found")
        left = self.ask("GET", "/admin/accounts").json["items"]
        self.assertEqual([one["email"] for one in left], ["zoe@example.org"])
        self.assertEqual(self.ask("POST", "/admin/accounts", NEW).status, 201)

    def test_it_stays_when_it_is_not(self) -> None:
        """Nor for who may only look."""
        path = "/admin/domains/example.com/purge"
        for fields in ({}, {"confirm": "example.org"}, {"confirm": ""}):
            self.has_problem(self.ask("POST", path, fields), 422, "cannot-be-done")
        fields = {"confirm": "example.com"}
        self.has_problem(self.ask("POST", path, fields, key=READING), 403, "not-permitted")
        nothing = self.ask("POST", "/admin/domains/none.example/purge", {"confirm": "none.example"})
        self.has_problem(nothing, 404, "not-found")
        shown = self.ask("GET", "/admin/domains/example.com").json
        self.assertEqual((shown["accounts"], shown["purging_since"]), (2, None))

    def test_nothing_is_made_in_a_domain_that_goes(self) -> None:
        self.successResultOf(self.storage.purging.mark("example.com"))
        new = self.ask("POST", "/admin/accounts", {**NEW, "email": "new@example.com"})
        self.has_problem(new, 422, "cannot-be-done", "being removed")
        alias = {"address": "x@example.com", "account": "zoe@example.org"}
        self.has_problem(self.ask("POST", "/admin/aliases", alias), 422, "cannot-be-done")
        shown = self.ask("GET", "/admin/domains/example.com").json
        self.assertIsNotNone(shown["purging_since"])
