"""Domains and aliases, over HTTP."""

from trial_tests.protocols.http.desk import DeskTestCase

NEW = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}


class DomainTests(DeskTestCase):
    """Made, listed, given to somebody, removed."""

    def test_the_life_of_a_domain(self) -> None:
        made = self.ask("POST", "/admin/domains", {"domain": "Bücher.example"})
        self.assertEqual((made.status, made.json["domain"]), (201, "xn--bcher-kva.example"))
        self.assertEqual(made.headers["location"], "/admin/domains/xn--bcher-kva.example")
        again = self.ask("POST", "/admin/domains", {"domain": "bücher.example"})
        self.has_problem(again, 409, "already-exists")
        shown = self.ask("GET", "/admin/domains/b%C3%BCcher.example")
        self.assertEqual(shown.json, made.json)
        gone = self.ask("DELETE", "/admin/domains/xn--bcher-kva.example")
        self.assertEqual(gone.status, 204)
        self.has_problem(self.ask("GET", "/admin/domains/xn--bcher-kva.example"), 404, "not-found")

    def test_pages(self) -> None:
        for name in "abc":
            self.ask("POST", "/admin/domains", {"domain": f"{name}.example"})
        first = self.ask("GET", "/admin/domains?limit=2").json
        self.assertEqual([one["domain"] for one in first["items"]], ["a.example", "b.example"])
        second = self.ask("GET", f"/admin/domains?limit=2&cursor={first['next']}").json
        self.assertEqual([one["domain"] for one in second["items"]], ["c.example"])
        self.assertIsNone(second["next"])

    def test_what_is_nobodys(self) -> None:
        """Is somebody's while there is a catch-all."""
        self.ask("POST", "/admin/accounts", NEW)
        path = "/admin/domains/example.com/catch-all"
        self.assertEqual(self.ask("PUT", path, {"email": "ann@example.com"}).status, 204)
        shown = self.ask("GET", "/admin/domains/example.com").json
        self.assertEqual((shown["catch_all"], shown["accounts"]), ("ann@example.com", 1))
        self.has_problem(self.ask("DELETE", "/admin/domains/example.com"), 409, "in-use")
        self.assertEqual(self.ask("DELETE", path).status, 204)
        self.assertIsNone(self.ask("GET", "/admin/domains/example.com").json["catch_all"])
        nobody = self.ask("PUT", path, {"email": "bob@example.com"})
        self.has_problem(nobody, 404, "not-found")

    def test_another_name(self) -> None:
        self.ask("POST", "/admin/domains", {"domain": "example.com"})
        self.ask("POST", "/admin/domains", {"domain": "example.net"})
        path = "/admin/domains/example.net/alias-of"
        self.assertEqual(self.ask("PUT", path, {"domain": "example.com"}).status, 204)
        shown = self.ask("GET", "/admin/domains/example.net").json
        self.assertEqual(shown["alias_of"], "example.com")
        itself = self.ask("PUT", path, {"domain": "example.net"})
        self.has_problem(itself, 422, "cannot-be-done")
        self.assertEqual(self.ask("DELETE", path).status, 204)
        self.assertIsNone(self.ask("GET", "/admin/domains/example.net").json["alias_of"])

    def test_quota_of_what_belongs_to_it(self) -> None:
        self.ask("POST", "/admin/accounts", NEW)
        shared = {"mailbox": "Team", "user": "ann@example.com"}
        self.ask("POST", "/admin/domains/example.com/mailboxes", shared)
        limits = {"storage": 1000, "messages": None, "mailboxes": 10}
        put = self.ask("PUT", "/admin/domains/example.com/quota", limits)
        self.assertEqual((put.status, put.json["limits"]), (200, limits))
        shown = self.ask("GET", "/admin/domains/example.com/quota")
        self.assertEqual((shown.json["mailboxes"], shown.json["limits"]), (1, limits))


class AliasTests(DeskTestCase):
    """Made, listed by account and by domain, shown, removed."""

    def test_the_life_of_an_alias(self) -> None:
        self.ask("POST", "/admin/accounts", NEW)
        new = {"address": "sales@example.com", "account": "ann@example.com"}
        made = self.ask("POST", "/admin/aliases", new)
        self.assertEqual(made.status, 201)
        self.assertEqual(made.headers["location"], "/admin/aliases/sales@example.com")
        shown = self.ask("GET", "/admin/aliases/sales@example.com")
        self.assertEqual(shown.json, made.json)
        self.has_problem(self.ask("POST", "/admin/aliases", new), 409, "already-exists")
        for query, count in (
            ("", 1),
            ("?account=ann@example.com", 1),
            ("?domain=example.com", 1),
            ("?domain=example.net", 0),
        ):
            found = self.ask("GET", f"/admin/aliases{query}").json["items"]
            self.assertEqual(len(found), count, query)
        self.assertEqual(self.ask("DELETE", "/admin/aliases/sales@example.com").status, 204)
        gone = self.ask("DELETE", "/admin/aliases/sales@example.com")
        self.has_problem(gone, 404, "not-found")

    def test_who_may_set_quotas(self) -> None:
        """An account of its domain, or no more."""
        self.ask("POST", "/admin/accounts", NEW)
        path = "/admin/accounts/ann@example.com/quota/admin"
        self.assertEqual(self.ask("PUT", path).status, 204)
        self.assertEqual(self.ask("DELETE", path).status, 204)
        nobody = self.ask("PUT", "/admin/accounts/bob@example.com/quota/admin")
        self.has_problem(nobody, 404, "not-found")
