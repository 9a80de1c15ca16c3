"""Mailboxes, subscriptions and rights, over HTTP."""

from trial_tests.protocols.http.desk import DeskTestCase

ANN = "/admin/accounts/ann@example.com"
DOMAIN = "/admin/domains/example.com"


class MailboxCase(DeskTestCase):
    """Ann and Bob are there."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("ann", "bob"):
            new = {"email": f"{name}@example.com", "password": "correct horse", "hash": "ssha512"}
            self.ask("POST", "/admin/accounts", new)


class MailboxTests(MailboxCase):
    """Of an account, and of a domain."""

    def names(self, path: str = ANN) -> list[str]:
        """The names of all mailboxes."""
        return [one["mailbox"] for one in self.ask("GET", f"{path}/mailboxes").json["items"]]

    def test_the_life_of_a_mailbox(self) -> None:
        """A name may have `/` in it, and anything else that a mailbox may be called."""
        name, path = "Work/Bücher & 50%?", f"{ANN}/mailboxes/Work%2FB%C3%BCcher%20&%2050%25%3F"
        made = self.ask("POST", f"{ANN}/mailboxes", {"mailbox": name})
        self.assertEqual((made.status, made.json["mailbox"]), (201, name))
        self.assertEqual(made.headers["location"], path.replace("&", "%26"))
        shown = self.ask("GET", made.headers["location"])
        self.assertEqual((shown.status, shown.json), (200, made.json))
        self.assertEqual(self.ask("GET", path).json, made.json)
        self.assertIn("Work", self.names())
        above = self.ask("DELETE", f"{ANN}/mailboxes/Work")
        self.has_problem(above, 409, "conflict")
        renamed = self.ask("PATCH", path, {"mailbox": "Books"})
        self.assertEqual((renamed.status, renamed.json["mailbox"]), (200, "Books"))
        self.assertEqual(renamed.json["id"], made.json["id"])
        self.has_problem(self.ask("GET", path), 404, "not-found")
        self.assertEqual(self.ask("DELETE", f"{ANN}/mailboxes/Books").status, 204)
        self.assertNotIn("Books", self.names())

    def test_what_cannot_be(self) -> None:
        self.has_problem(self.ask("DELETE", f"{ANN}/mailboxes/inbox"), 422, "cannot-be-done")
        again = self.ask("POST", f"{ANN}/mailboxes", {"mailbox": "Sent"})
        self.has_problem(again, 409, "already-exists")
        odd = self.ask("POST", f"{ANN}/mailboxes", {"mailbox": "a//b"})
        self.has_problem(odd, 422, "cannot-be-done", "empty level")
        self.has_problem(self.ask("GET", f"{ANN}/mailboxes/a%00b"), 400, "bad-request", "NUL")
        self.has_problem(self.ask("GET", f"{ANN}/mailboxes/%FF"), 400, "bad-request", "UTF-8")
        self.has_problem(self.ask("GET", f"{ANN}/mailboxes/a/b"), 404, "not-found")
        nobody = self.ask("GET", "/admin/accounts/x@example.com/mailboxes")
        self.has_problem(nobody, 404, "not-found")

    def test_pages(self) -> None:
        """In the order of their names; those below one of them."""
        every = self.names()
        self.assertEqual(every, sorted(every))
        first = self.ask("GET", f"{ANN}/mailboxes?limit=4").json
        second = self.ask("GET", f"{ANN}/mailboxes?limit=4&cursor={first['next']}").json
        found = [one["mailbox"] for one in first["items"] + second["items"]]
        self.assertEqual((found, second["next"]), (every, None))
        self.ask("POST", f"{ANN}/mailboxes", {"mailbox": "Archive/2026"})
        below = self.ask("GET", f"{ANN}/mailboxes?below=Archive").json["items"]
        self.assertEqual([one["mailbox"] for one in below], ["Archive/2026"])

    def test_mailboxes_of_a_domain(self) -> None:
        """Somebody of it has rights from the beginning."""
        new = {"mailbox": "Team", "user": "ann@example.com", "rights": "lrswi"}
        made = self.ask("POST", f"{DOMAIN}/mailboxes", new)
        self.assertEqual(made.status, 201)
        self.assertEqual(self.names(DOMAIN), ["Team"])
        rights = self.ask("GET", f"{DOMAIN}/mailboxes/Team/acl").json["items"]
        self.assertEqual(rights, [{"user": "ann@example.com", "rights": "lrswi"}])
        renamed = self.ask("PATCH", f"{DOMAIN}/mailboxes/Team", {"mailbox": "All"})
        self.assertEqual(renamed.status, 200)
        self.assertEqual(self.ask("DELETE", f"{DOMAIN}/mailboxes/All").status, 204)
        stranger = self.ask("POST", f"{DOMAIN}/mailboxes", {**new, "user": "x@example.net"})
        self.has_problem(stranger, 404, "not-found")

    def test_subscriptions(self) -> None:
        """A name need not be there."""
        path = f"{ANN}/subscriptions"
        self.assertEqual(self.ask("PUT", f"{path}/Later%2FOn").status, 204)
        self.assertIn("Later/On", self.ask("GET", path).json["items"])
        self.assertEqual(self.ask("DELETE", f"{path}/Later%2FOn").status, 204)
        self.assertNotIn("Later/On", self.ask("GET", path).json["items"])


class RightsTests(MailboxCase):
    """RFC 4314."""

    def test_given_and_taken(self) -> None:
        path = f"{ANN}/mailboxes/Archive/acl"
        self.assertEqual(self.ask("GET", path).json["items"], [])
        bob = self.ask("PUT", f"{path}/bob@example.com", {"rights": "lrs"})
        self.assertEqual(bob.json, {"user": "bob@example.com", "rights": "lrs"})
        more = self.ask("PUT", f"{path}/bob@example.com", {"rights": "+w"})
        self.assertEqual(more.json["rights"], "lrsw")
        self.ask("PUT", f"{path}/anyone", {"rights": "l"})
        listed = [one["user"] for one in self.ask("GET", path).json["items"]]
        self.assertEqual(listed, ["anyone", "bob@example.com"])
        self.assertEqual(self.ask("DELETE", f"{path}/bob@example.com").status, 204)
        self.assertEqual(len(self.ask("GET", path).json["items"]), 1)

    def test_what_cannot_be(self) -> None:
        path = f"{ANN}/mailboxes/Archive/acl"
        wrong = self.ask("PUT", f"{path}/bob@example.com", {"rights": "lr?"})
        self.has_problem(wrong, 422, "cannot-be-done")
        owner = self.ask("PUT", f"{path}/ann@example.com", {"rights": "l"})
        self.has_problem(owner, 422, "cannot-be-done")
        stranger = self.ask("PUT", f"{path}/x@example.com", {"rights": "l"})
        self.has_problem(stranger, 404, "not-found")
