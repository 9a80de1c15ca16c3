"""Mail that is to be sent, over HTTP."""

from sora.relay.directory import Lane, State
from sora.relay.entry import Answer, Attempt, Fate
from sora.relay.interfaces import in_memory
from trial_tests.protocols.http.desk import DeskTestCase
from trial_tests.relay.world import MESSAGE, NO, mail


class RelayTests(DeskTestCase):
    """A queue whose process runs: it does what is ordered."""

    def setUp(self) -> None:
        super().setUp()
        self.lane = Lane.claim(self.queue)
        self.addCleanup(self.lane.close)
        for name, state in (
            ("a-1", State.WAITING),
            ("b-2", State.FAILED),
            ("b-3", State.HELD),
        ):
            outgoing = mail("bob@example.org", "c@example.org")[0]
            self.lane.write(name, outgoing, in_memory(MESSAGE), 0.0)
            if state is State.FAILED:
                answers = {0: NO, 1: Answer(Fate.SENT, 250)}
                self.lane.append(State.HELD, name, Attempt(0.0, 0.0, True, answers))
            self.lane.move(name, State.HELD, state)

    def test_the_list(self) -> None:
        """By state; in pages."""
        items = self.ask("GET", "/admin/relay/messages").json["items"]
        self.assertEqual([one["id"] for one in items], ["b-3", "a-1", "b-2"])
        [failed] = self.ask("GET", "/admin/relay/messages?state=failed").json["items"]
        self.assertEqual(failed["recipients"][0]["fate"], "refused")
        self.assertIn("no such user", failed["recipients"][0]["answer"])
        found, cursor = [], ""
        for _ in range(4):
            page = self.ask("GET", f"/admin/relay/messages?limit=1&cursor={cursor}").json
            found += [one["id"] for one in page["items"]]
            cursor = page["next"] or ""
        self.assertEqual((found, cursor), (["b-3", "a-1", "b-2"], ""))
        wrong = self.ask("GET", "/admin/relay/messages?cursor=eCB5")
        self.has_problem(wrong, 422, "cannot-be-done", "cursor")

    def test_one_message(self) -> None:
        """Its process does what is asked for, within seconds."""
        self.assertEqual(self.ask("GET", "/admin/relay/messages/b-2").json["state"], "failed")
        self.has_problem(self.ask("GET", "/admin/relay/messages/b"), 404, "not-found")
        retry = self.ask("POST", "/admin/relay/messages/b-2/retry")
        self.assertEqual((retry.status, retry.json), (200, {"done": False}))
        self.lane.close()
        gone = self.ask("DELETE", "/admin/relay/messages/b-3")
        self.assertEqual((gone.status, gone.json), (200, {"done": True}))
        self.has_problem(self.ask("GET", "/admin/relay/messages/b-3"), 404, "not-found")

    def test_all_in_a_state(self) -> None:
        retry = self.ask("POST", "/admin/relay/retry", {"state": "failed"})
        self.assertEqual(retry.json, {"messages": 1, "ordered": 1})

    def test_counts(self) -> None:
        items = self.ask("GET", "/admin/relay/stats").json["items"]
        counts = {one["state"]: one["messages"] for one in items}
        self.assertEqual(counts, {"held": 1, "waiting": 1, "sending": 0, "failed": 1})
