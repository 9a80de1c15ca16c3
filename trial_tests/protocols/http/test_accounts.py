"""Accounts and their addresses, over HTTP."""

from typing import Any

from sora.addresses import parse_address
from sora.storage.rows import NewLogin
from trial_tests.auth.test_passwords import KNOWN
from trial_tests.protocols.http.desk import READING, Answer, DeskTestCase

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
        self.assertEqual({**shown.json, **made.json}, shown.json)
        [address] = shown.json["addresses"]
        self.assertEqual(address["schemes"], ["SSHA512", "SCRAM-SHA-256, 10000 iterations"])
        self.assertEqual((shown.json["aliases"], shown.json["script"]), ([], None))
        self.assertEqual(shown.json["retention"][-1]["owner"], "server")
        self.assertEqual(self.ask("GET", "/admin/accounts").json["items"], [made.json])
        gone = self.ask("DELETE", "/admin/accounts/ann@example.com")
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(self.ask("GET", "/admin/accounts").json["items"], [])
        shown = self.ask("GET", "/admin/accounts/ann@example.com").json
        self.assertEqual(shown["restorable_until"][:10], "1970-01-15")
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

    def logged_in(self, email: str) -> Any:
        """The transport of somebody who has logged in."""
        connection, transport = self.connect()
        connection.session = self.tracker.enter(connection, "imap", "imap")
        connection.session.identify(email)
        return transport

    def test_disabling_ends_the_sessions(self) -> None:
        """Those of the account, whatever address was named; the reason is for operators."""
        for name in ("ann", "bob"):
            self.ask("POST", "/admin/accounts", {**NEW, "email": f"{name}@example.com"})
        self.ask("POST", "/admin/aliases", {"address": "a@example.com", "account": NEW["email"]})
        ann, bob = (self.logged_in(f"{name}@example.com") for name in ("ann", "bob"))
        change = {"disabled": True, "reason": "unpaid"}
        done = self.ask("PATCH", "/admin/accounts/a@example.com", change)
        self.assertEqual((done.status, done.json["disabled"]), (200, True), done.body)
        self.assertEqual((ann.disconnecting, bob.disconnecting), (True, False))
        same = self.ask("PATCH", "/admin/accounts/ann@example.com", {}).json
        self.assertEqual(same, done.json)
        listed = self.ask("GET", "/admin/accounts?disabled=true").json["items"]
        self.assertEqual([one["disabled_reason"] for one in listed], ["unpaid"])
        others = self.ask("GET", "/admin/accounts?disabled=false").json["items"]
        self.assertEqual([one["email"] for one in others], ["bob@example.com"])
        open_again = self.ask("PATCH", "/admin/accounts/ann@example.com", {"disabled": False})
        self.assertEqual(open_again.json["disabled_since"], None)
        wrong = self.ask("PATCH", "/admin/accounts/ann@example.com", {"reason": "none"})
        self.has_problem(wrong, 422, "cannot-be-done", "reason")
        nobody = self.ask("PATCH", "/admin/accounts/x@example.com", change)
        self.has_problem(nobody, 404, "not-found")
        self.ask("DELETE", "/admin/accounts/bob@example.com")
        self.assertTrue(bob.disconnecting)

    def test_who_was_not_here_since(self) -> None:
        """And when, how and from where those were here who were."""
        for name in ("ann", "bob"):
            self.ask("POST", "/admin/accounts", {**NEW, "email": f"{name}@example.com"})
        row = self.successResultOf(self.storage.credentials.show(parse_address(NEW["email"])))
        new = NewLogin(row.account_id, row.id, 0, "pop3", "2001:db8::1")
        self.successResultOf(self.storage.credentials.note_logins([new]))
        shown = self.ask("GET", "/admin/accounts/ann@example.com").json
        for one in (shown, shown["addresses"][0]):
            self.assertEqual(one["last_login"][:10], "1970-01-01")
            self.assertEqual(one["last_login_protocol"], "pop3")
            self.assertEqual(one["last_login_address"], "2001:db8::1")
        for since, emails in (("1960", ["bob"]), ("2026", ["ann", "bob"])):
            path = f"/admin/accounts?inactive_since={since}-01-01T00:00:00Z"
            listed = self.ask("GET", path).json["items"]
            self.assertEqual([one["email"][:3] for one in listed], emails)
        self.assertIsNone(listed[1]["last_login"])
        self.assertIsNotNone(self.ask("GET", path).json["logins_since"])
        self.assertIsNone(self.ask("GET", "/admin/accounts").json["logins_since"])
        wrong = self.ask("GET", "/admin/accounts?inactive_since=90d")
        self.assertEqual(wrong.status, 400, wrong.body)

    def test_whether_an_account_is_there(self) -> None:
        """HEAD of what GET shows, without a body (RFC 9110 §9.3.2)."""
        self.ask("POST", "/admin/accounts", NEW)
        there = self.ask("HEAD", "/admin/accounts/ann@example.com", key=READING)
        self.assertEqual((there.status, there.body), (200, b""))
        self.assertEqual(self.ask("HEAD", "/admin/accounts/x@example.com").status, 404)

    def test_lists_are_filtered(self) -> None:
        """By how addresses begin, in any case, and by a domain that is there."""
        for name in ("ann", "anton", "bob"):
            self.ask("POST", "/admin/accounts", {**NEW, "email": f"{name}@example.com"})
        page = self.ask("GET", "/admin/accounts?prefix=AN&limit=1").json
        self.assertEqual([one["email"] for one in page["items"]], ["ann@example.com"])
        rest = self.ask("GET", f"/admin/accounts?prefix=AN&limit=1&cursor={page['next']}").json
        self.assertEqual([one["email"] for one in rest["items"]], ["anton@example.com"])
        gone = self.ask("GET", "/admin/accounts?domain=example.org")
        self.has_problem(gone, 404, "not-found", "example.org")

    def test_hashes_that_were_made_elsewhere(self) -> None:
        """One of password and hash; what nobody could log in with is refused."""
        _, verifier = KNOWN[0]
        new = {"email": "ann@example.com", "password_hash": verifier}
        self.assertEqual(self.ask("POST", "/admin/accounts", new).status, 201)
        shown = self.ask("GET", "/admin/credentials/ann@example.com")
        self.assertEqual(shown.json["schemes"], ["bcrypt, cost 5"])
        self.assertNotIn(verifier[-20:].encode(), shown.body)
        for body, text in (
            ({"password_hash": "{PLAIN}x"}, "no hash"),
            ({"password_hash": "$1$a$b"}, "MD5-crypt"),
            ({"password_hash": verifier, "password": "x"}, "one of the two"),
            ({}, "one of the two"),
        ):
            wrong = self.ask("PUT", "/admin/accounts/ann@example.com/password", body)
            self.has_problem(wrong, 422, "cannot-be-done", text)

    def test_the_primary_address_changes(self) -> None:
        """When one is added, or later; within the domain."""
        self.ask("POST", "/admin/accounts", NEW)
        other = {**NEW, "email": "ann.b@example.com", "primary": True}
        added = self.ask("POST", "/admin/accounts/ann@example.com/credentials", other)
        self.assertEqual((added.status, added.json["primary"]), (201, True), added.body)
        primary = {"primary": True}
        back = self.ask("PATCH", "/admin/credentials/ann@example.com", primary)
        self.assertEqual(back.json["primary"], True)
        shown = self.ask("GET", "/admin/accounts/ann.b@example.com").json
        self.assertEqual(shown["email"], "ann@example.com")
        none = self.ask("PATCH", "/admin/credentials/ann@example.com", {"primary": False})
        self.has_problem(none, 422, "cannot-be-done", "primary")

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

    def test_no_limit_is_lost(self) -> None:
        """RFC 9110 §13.1: who sets what somebody else has set meanwhile is told."""
        self.ask("POST", "/admin/accounts", NEW)
        path = "/admin/accounts/ann@example.com/quota"
        tag = self.ask("GET", path).headers["etag"]

        def put(messages: int, condition: str) -> Answer:
            limits = {"storage": None, "messages": messages, "mailboxes": None}
            return self.ask("PUT", path, limits, headers=[condition])

        first = put(5, f"If-Match: {tag}")
        self.assertEqual(first.status, 200, first.body)
        self.assertEqual(self.ask("GET", path).headers["etag"], first.headers["etag"])
        self.has_problem(put(6, f"If-Match: {tag}"), 412, "precondition-failed", "others")
        self.has_problem(put(6, "If-None-Match: *"), 412, "precondition-failed", "There are")
        self.assertEqual(self.ask("GET", path).json["limits"]["messages"], 5)
        self.assertEqual(put(6, "If-Match: *").status, 200)
