"""Accounts and their addresses, over HTTP."""

from trial_tests.protocols.http.desk import READING, DeskTestCase

NEW = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}


class AccountTests(DeskTestCase):
    """From being made to being restored."""

    def test_the_life_of_an_account(self) -> None:
        """Made, shown, listed, deleted, restored."""
        made = self.ask("POST", "/admin/accounts", NEW)
        self.assertEqual(made.status, 201, made.body)
        self.assertEqual(made.json["email"], "ann@example.com")
        self.assertEqual(made.json["mailboxes"], 6)
        self.assertNotIn("password", made.json)
        shown = self.ask("GET", "/admin/accounts/ann@example.com", key=READING)
        self.assertEqual(shown.json, made.json)
        self.assertEqual(self.ask("GET", "/admin/accounts").json["items"], [made.json])
        gone = self.ask("DELETE", "/admin/accounts/ann@example.com")
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(self.ask("GET", "/admin/accounts").json["items"], [])
        deleted = self.ask("GET", "/admin/accounts?deleted=true").json["items"]
        self.assertEqual([one["email"] for one in deleted], ["ann@example.com"])
        back = self.ask("POST", "/admin/accounts/ann@example.com/restore")
        self.assertEqual(back.status, 204)
        self.assertEqual(len(self.ask("GET", "/admin/accounts").json["items"]), 1)

    def test_pages(self) -> None:
        """`next` is the cursor of the next page, null on the last one."""
        for name in ("ann", "bob", "cyd", "dee", "eve"):
            self.ask("POST", "/admin/accounts", {**NEW, "email": f"{name}@example.com"})
        found, path = [], "/admin/accounts?limit=2"
        cursor = ""
        for _ in range(3):
            page = self.ask("GET", path + (f"&cursor={cursor}" if cursor else "")).json
            found.append([one["email"].partition("@")[0] for one in page["items"]])
            cursor = page["next"]
        self.assertEqual(found, [["ann", "bob"], ["cyd", "dee"], ["eve"]])
        self.assertIsNone(cursor)
        wrong = self.ask("GET", "/admin/accounts?cursor=!!")
        self.has_problem(wrong, 422, "cannot-be-done", "cursor")

    def test_what_cannot_be(self) -> None:
        """Each with a problem of its own."""
        self.ask("POST", "/admin/accounts", NEW)
        self.has_problem(self.ask("POST", "/admin/accounts", NEW), 409, "already-exists")
        self.has_problem(self.ask("GET", "/admin/accounts/x@y.example"), 404, "not-found")
        self.has_problem(self.ask("GET", "/admin/accounts/nonsense"), 422, "cannot-be-done")
        long = {**NEW, "email": "x@example.com", "hash": "bcrypt", "password": "x" * 73}
        self.has_problem(self.ask("POST", "/admin/accounts", long), 422, "cannot-be-done")

    def test_passwords(self) -> None:
        """Another one; it is never shown."""
        self.ask("POST", "/admin/accounts", NEW)
        body = {"password": "another horse", "hash": "ssha512"}
        done = self.ask("PUT", "/admin/accounts/ann@example.com/password", body)
        self.assertEqual(done.status, 204)
        self.assertNotIn(b"horse", self.ask("GET", "/admin/credentials/ann@example.com").body)
        nobody = self.ask("PUT", "/admin/accounts/x@y.example/password", body)
        self.has_problem(nobody, 404, "not-found")

    def test_addresses(self) -> None:
        """Added, listed, shown, removed; the primary one stays."""
        self.ask("POST", "/admin/accounts", NEW)
        alias = {**NEW, "email": "sales@example.com"}
        added = self.ask("POST", "/admin/accounts/ann@example.com/credentials", alias)
        self.assertEqual((added.status, added.json["primary"]), (201, False))
        listed = self.ask("GET", "/admin/accounts/sales@example.com/credentials").json["items"]
        self.assertEqual([one["email"] for one in listed], ["ann@example.com", "sales@example.com"])
        removed = self.ask("DELETE", "/admin/credentials/sales@example.com")
        self.assertEqual(removed.status, 204)
        stays = self.ask("DELETE", "/admin/credentials/ann@example.com")
        self.has_problem(stays, 422, "cannot-be-done", "primary")

    def test_quotas(self) -> None:
        """All limits are set together; null is no limit."""
        self.ask("POST", "/admin/accounts", NEW)
        limits = {"storage": 1000, "messages": None, "mailboxes": 10}
        put = self.ask("PUT", "/admin/accounts/ann@example.com/quota", limits)
        self.assertEqual((put.status, put.json["limits"]), (200, limits))
        shown = self.ask("GET", "/admin/accounts/ann@example.com/quota").json
        self.assertEqual(shown["limits"], limits)
        wrong = self.ask("PUT", "/admin/accounts/ann@example.com/quota", {"storage": -1})
        self.has_problem(wrong, 400, "bad-request", "/messages")
