"""Accounts that go for good."""

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
