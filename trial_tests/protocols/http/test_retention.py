"""Policies and the cleaner, over HTTP."""

from typing import Any
from uuid import uuid4

from sora.mail.numbers import NumberSet
from sora.storage.rows import Arrival, FlagChange, Operation, Target, Unusual
from trial_tests.protocols.http.desk import READING, DeskTestCase
from trial_tests.storage.contracts.contract import NOON, flags, letter

ANN = "/admin/accounts/ann@example.com"
DOMAIN = "/admin/domains/example.com"
DAY = 86400


class RetentionCase(DeskTestCase):
    """Ann is there, with two messages."""

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(1_700_000_000)
        new = {"email": "ann@example.com", "password": "correct horse", "hash": "ssha512"}
        self.ask("POST", "/admin/accounts", new)
        [account] = self.successResultOf(self.storage.accounts.list())
        self.inbox = self.successResultOf(self.storage.mailboxes.find(account.id, "INBOX"))
        for text in ("one", "two"):
            message = letter(text)
            arrival = Arrival(message.hash, message.facts, message.octets)
            target = Target(account.id, self.inbox.id, NOON, uuid4())
            self.successResultOf(
                self.storage.messages.place(account.scope_id, arrival, [target], Operation(uuid4()))
            )

    def expunge(self) -> None:
        """All of it."""
        every = NumberSet(((1, 9),))
        change = FlagChange("add", flags("\\Deleted"))
        messages = self.storage.messages
        self.successResultOf(messages.store(self.inbox.id, every, change, Operation(uuid4())))
        self.successResultOf(messages.expunge(self.inbox.id, every, Operation(uuid4())))


class RetentionTests(RetentionCase):
    def rules(self, path: str) -> list[tuple[str, str, int | None]]:
        """What counts, in its order."""
        items = self.ask("GET", path).json["items"]
        return [(one["owner"], one["mailboxes"], one["max_age"]) for one in items]

    def test_rules_are_set_shown_and_removed(self) -> None:
        """Of an account, of a domain, of the server."""
        server = [("server", "trash", 30 * DAY), ("server", "all", None)]
        self.assertEqual(self.rules("/admin/retention"), server)
        self.assertEqual(self.rules(f"{ANN}/retention"), server)
        set_ = self.ask("PUT", f"{ANN}/retention/trash", {"max_age": 7 * DAY})
        self.assertEqual(set_.status, 200)
        self.assertEqual(set_.json, self.ask("GET", f"{ANN}/retention").json)
        self.ask("PUT", f"{DOMAIN}/retention/all", {"max_age": None})
        mine, domain = ("ann@example.com", "trash", 7 * DAY), ("example.com", "all", None)
        self.assertEqual(self.rules(f"{ANN}/retention"), [mine, domain, *server])
        self.assertEqual(self.rules(f"{DOMAIN}/retention"), [domain, *server])
        self.assertEqual(self.ask("DELETE", f"{ANN}/retention/trash").status, 204)
        again = self.ask("DELETE", f"{ANN}/retention/trash")
        self.has_problem(again, 422, "cannot-be-done", "no rule")
        self.assertEqual(self.rules(f"{ANN}/retention"), [domain, *server])

    def test_what_cannot_be(self) -> None:
        short = self.ask("PUT", f"{ANN}/retention/all", {"max_age": 5})
        self.has_problem(short, 400, "bad-request", "max_age")
        odd = self.ask("PUT", f"{ANN}/retention/flagged", {"max_age": DAY})
        self.has_problem(odd, 400, "bad-request")
        nobody = self.ask("PUT", "/admin/accounts/x@example.com/retention/all", {"max_age": DAY})
        self.has_problem(nobody, 404, "not-found")
        nowhere = self.ask("GET", "/admin/domains/nowhere.example/due")
        self.has_problem(nowhere, 404, "not-found")
        cursor = self.ask("GET", "/admin/retention/due?cursor=eA")
        self.has_problem(cursor, 422, "cannot-be-done", "cursor")

    def test_what_would_go(self) -> None:
        """In pages of mailboxes that are looked at."""
        self.ask("PUT", f"{ANN}/retention/all", {"max_age": 7 * DAY})
        self.assertEqual(self.ask("GET", f"{ANN}/due").json["items"], [])
        self.clock.advance(8 * DAY)
        for path in (f"{ANN}/due", f"{DOMAIN}/due", "/admin/retention/due"):
            found: list[Any] = []
            cursor: str | None = ""
            while cursor is not None:
                page = self.ask("GET", f"{path}?limit=2&cursor={cursor}").json
                found, cursor = [*found, *page["items"]], page["next"]
            self.assertEqual(
                [(one["account"], one["mailbox"], one["messages"]) for one in found],
                [("ann@example.com", "INBOX", 2)],
                path,
            )


class CleanerTests(RetentionCase):
    def test_what_waits_and_a_round(self) -> None:
        self.expunge()
        self.clock.advance(15 * DAY)
        status = self.ask("GET", "/admin/cleaner/status").json
        self.assertEqual(status["messages"], {"count": 2, "oldest": DAY})
        self.assertEqual((status["rounds"], status["history_from"]), ([], None))
        begun = self.ask("POST", "/admin/cleaner/run", turns=20)
        self.assertEqual(begun.status, 202)
        task = self.ask("GET", begun.headers["location"]).json
        self.assertEqual((task["state"], task["result"]["expunged"]), ("done", 2))
        [done] = self.ask("GET", "/admin/cleaner/status").json["rounds"]
        self.assertEqual((done["node"], done["done"]["expunged"], done["error"]), ("here", 2, ""))
        refused = self.ask("POST", "/admin/cleaner/run", key=READING)
        self.has_problem(refused, 403, "not-permitted")

    def test_a_round_that_is_ended(self) -> None:
        """Between two batches: what is done is done, and written down."""
        self.expunge()
        self.clock.advance(15 * DAY)
        begun = self.ask("POST", "/admin/cleaner/run")
        self.ask("POST", f"{begun.headers['location']}/cancel", turns=20)
        task = self.ask("GET", begun.headers["location"]).json
        self.assertEqual((task["state"], task["progress"]["expunged"]), ("cancelled", 2))
        [done] = self.ask("GET", "/admin/cleaner/status").json["rounds"]
        self.assertEqual((done["done"]["expunged"], done["error"]), (2, ""))

    def test_unusual_runs(self) -> None:
        """While what was deleted is kept."""
        self.expunge()
        unusual, deletions = Unusual(messages=2), self.storage.deletions
        now = self.storage.tables.now()
        self.successResultOf(deletions.look(unusual, 9, now - now))
        [run] = self.ask("GET", "/admin/cleaner/runs").json["items"]
        self.assertEqual(
            (run["account"], run["messages"], run["remaining"]), ("ann@example.com", 2, 0)
        )
        self.clock.advance(43 * DAY)
        self.assertEqual(self.ask("GET", "/admin/cleaner/runs").json, {"items": []})
