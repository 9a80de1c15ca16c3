"""Work that takes longer than a request, over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from twisted.internet.defer import Deferred

from sora.workers.tasks import MOST, Told
from trial_tests.protocols.http.desk import READING, DeskTestCase


class TaskTests(DeskTestCase):
    """Begun, seen, ended."""

    def begin(self, number: int = 1) -> Deferred[None]:
        """A task that waits, and goes on when that fires."""
        waiting: Deferred[None] = Deferred()

        async def job(told: Told) -> Mapping[str, Any]:
            await waiting
            told(0.5, number=number)
            return {"number": number}

        starting = self.nouns.tasks.start("wait", f"wait {number}", "boss", job)
        self.successResultOf(Deferred.fromCoroutine(starting))
        return waiting

    def test_everything_is_verified(self) -> None:
        """The answer comes at once, and says where to look."""
        begun = self.ask("POST", "/admin/verify", {"repair": True})
        self.assertEqual((begun.status, begun.json["kind"]), (202, "verify"))
        self.assertEqual(begun.headers["location"], f"/admin/tasks/{begun.json['id']}")
        shown = self.ask("GET", begun.headers["location"], key=READING).json
        self.assertEqual((shown["state"], shown["percent"], shown["error"]), ("done", 100, ""))
        self.assertEqual(shown["result"]["objects"], 0)
        self.assertEqual((shown["caller"], shown["node"]), ("boss", "here"))

    def test_strangers(self) -> None:
        """In all stores, or in one; they are removed when that is asked for, and not before."""
        objects: Any = self.nouns.verify.stores["first"].objects
        objects.objects[UUID(int=7)] = b"who am I"
        for body, removed in (({}, 0), ({"store": "first", "remove": True}, 1), ({}, 0)):
            begun = self.ask("POST", "/admin/verify/strangers", body)
            self.assertEqual(begun.status, 202)
            shown = self.ask("GET", begun.headers["location"]).json
            self.assertEqual((shown["state"], shown["percent"]), ("done", 100))
            found = shown["result"]["stores"]["first"]
            self.assertEqual(found["removed"], removed)
        self.assertEqual((found["found"], found["names"]), (0, []))
        nowhere = self.ask("POST", "/admin/verify/strangers", {"store": "third"})
        self.has_problem(nowhere, 422, "cannot-be-done", "first")

    def test_what_cannot_be_is_said_at_once(self) -> None:
        """No task begins."""
        nobody = self.ask("POST", "/admin/verify", {"account": "ann@example.com"})
        self.has_problem(nobody, 404, "not-found")
        nowhere = self.ask("POST", "/admin/verify", {"store": "third"})
        self.has_problem(nowhere, 422, "cannot-be-done", "first")
        both = self.ask("POST", "/admin/verify", {"store": "first", "account": "a@b.example"})
        self.has_problem(both, 422, "cannot-be-done")
        open_ = self.ask("POST", "/admin/objects/reencrypt", {})
        self.has_problem(open_, 422, "cannot-be-done", "encryption_keys")
        self.assertEqual(self.ask("GET", "/admin/tasks").json["items"], [])

    def test_objects_are_stored_as_they_are(self) -> None:
        begun = self.ask("POST", "/admin/objects/reencrypt", {"decrypt": True})
        self.assertEqual(begun.status, 202)
        shown = self.ask("GET", begun.headers["location"]).json
        self.assertEqual((shown["state"], shown["result"]["looked"]), ("done", 0))

    def test_it_is_begun_once(self) -> None:
        """With an idempotency key."""
        same = ('Idempotency-Key: "1"',)
        names = {self.ask("POST", "/admin/verify", {}, headers=same).json["id"] for _ in "ab"}
        self.assertEqual(len(names), 1)

    def test_the_list(self) -> None:
        """The newest first, by state, in pages."""
        first, _ = self.begin(1), self.begin(2)
        first.callback(None)
        self.begin(3)
        page = self.ask("GET", "/admin/tasks?limit=2").json
        self.assertEqual([one["about"] for one in page["items"]], ["wait 3", "wait 2"])
        rest = self.ask("GET", f"/admin/tasks?limit=2&cursor={page['next']}").json
        self.assertEqual([one["about"] for one in rest["items"]], ["wait 1"])
        self.assertEqual(rest["items"][0]["result"], {"number": 1})
        done = self.ask("GET", "/admin/tasks?state=done").json["items"]
        self.assertEqual([one["about"] for one in done], ["wait 1"])
        wrong = self.ask("GET", "/admin/tasks?cursor=eA")
        self.has_problem(wrong, 422, "cannot-be-done", "cursor")

    def test_ending_one(self) -> None:
        """Who may only look may not."""
        waiting = self.begin()
        [one] = self.ask("GET", "/admin/tasks").json["items"]
        path = f"/admin/tasks/{one['id']}/cancel"
        self.has_problem(self.ask("POST", path, key=READING), 403, "not-permitted")
        self.assertTrue(self.ask("POST", path).json["cancelling"])
        waiting.callback(None)
        shown = self.ask("GET", f"/admin/tasks/{one['id']}").json
        self.assertEqual((shown["state"], shown["percent"]), ("cancelled", 50))

    def test_one_that_is_not_there(self) -> None:
        for name in (str(uuid4()), "nonsense"):
            self.has_problem(self.ask("GET", f"/admin/tasks/{name}"), 404, "not-found")
            self.has_problem(self.ask("POST", f"/admin/tasks/{name}/cancel"), 404, "not-found")

    def test_there_are_only_so_many(self) -> None:
        for number in range(MOST):
            self.begin(number)
        self.has_problem(self.ask("POST", "/admin/verify", {}), 409, "too-many")
