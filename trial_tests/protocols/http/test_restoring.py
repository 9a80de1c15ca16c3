"""What was deleted, what happened, and mailboxes as they were, over HTTP."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from sora.mail.numbers import NumberSet
from sora.storage.rows import FlagChange
from trial_tests.protocols.http.desk import READING, _new_operation
from trial_tests.protocols.http.test_retention import ANN, RetentionCase
from trial_tests.storage.contracts.contract import flags


class RestoringTests(RetentionCase):
    """Ann has two messages."""

    def expunge_one(self, uid: int) -> None:
        one, messages = NumberSet.of([uid]), self.storage.messages
        change = FlagChange("add", flags("\\Deleted"))
        self.successResultOf(messages.store(self.inbox.id, one, change, _new_operation()))
        self.successResultOf(messages.expunge(self.inbox.id, one, _new_operation()))

    def count(self, mailbox: str = "INBOX") -> int:
        found: int = self.ask("GET", f"{ANN}/mailboxes/{quote(mailbox, '')}").json["messages"]
        return found

    def deleted(self, more: str = "", limit: int = 100) -> list[tuple[str, int]]:
        """All pages."""
        found: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            path = f"{ANN}/deleted/messages?limit={limit}&cursor={cursor}{more}"
            page = self.ask("GET", path, key=READING).json
            found, cursor = [*found, *page["items"]], page["next"]
        return [(one["mailbox"], one["uid"]) for one in found]

    def test_deleted_messages_are_listed_and_restored(self) -> None:
        self.expunge_one(1)
        self.clock.advance(60)
        self.expunge_one(2)
        for limit in (1, 100):
            self.assertEqual(self.deleted(limit=limit), [("INBOX", 2), ("INBOX", 1)])
        self.assertEqual(self.deleted("&subject=TWO"), [("INBOX", 2)])
        self.assertEqual(self.deleted("&mailbox=Trash"), [])
        [one] = self.ask("GET", f"{ANN}/deleted/messages?limit=1").json["items"]
        self.assertEqual(
            (one["subject"], one["how"], one["flags"]), ("two", "expunged", ["\\Deleted"])
        )
        kept = datetime.fromisoformat(one["kept_until"]) - datetime.fromisoformat(one["gone_at"])
        self.assertEqual(kept.days, 14)

        path = f"{ANN}/deleted/messages/restore"
        self.has_problem(self.ask("POST", path, {}), 422, "cannot-be-done", "all")
        self.has_problem(self.ask("POST", path, {"all": True}, key=READING), 403, "not-permitted")
        would = self.ask("POST", path, {"all": True, "dry_run": True, "most": 1})
        self.assertEqual((would.json["messages"], would.json["more"]), (1, True))
        self.assertEqual(self.count(), 0)
        done = self.ask("POST", path, {"email_ids": [one["email_id"]], "to": "Back"}).json
        self.assertEqual(
            done["mailboxes"],
            [{"mailbox": "INBOX", "destination": "Back", "made": True, "messages": 1}],
        )
        self.assertEqual((self.count("Back"), done["over_quota"], done["more"]), (1, False, False))
        done = self.ask("POST", path, {"mailbox": "INBOX", "uids": [1, 7]}).json
        self.assertEqual((done["messages"], self.count()), (1, 1))
        self.assertEqual(self.deleted(), [])

    def test_a_deleted_mailbox_is_listed_and_restored(self) -> None:
        self.ask("POST", f"{ANN}/mailboxes", {"mailbox": "Work/Old"})
        self.ask("DELETE", f"{ANN}/mailboxes/Work%2FOld")
        [one] = self.ask("GET", f"{ANN}/deleted/mailboxes").json["items"]
        self.assertEqual((one["mailbox"], one["messages"]), ("Work/Old", 0))
        path = f"{ANN}/deleted/mailboxes/{one['number']}/restore"
        self.has_problem(self.ask("POST", path, {"to": "INBOX"}), 409, "already-exists")
        self.assertEqual(self.ask("POST", path, {}).json["mailbox"], "Work/Old")
        self.has_problem(self.ask("POST", path, {}), 404, "not-found")
        self.assertEqual(self.ask("GET", f"{ANN}/deleted/mailboxes").json["items"], [])

    def test_what_happened(self) -> None:
        self.expunge_one(2)
        steps = self.ask("GET", f"{ANN}/history?mailbox=INBOX&uid=2", key=READING).json["items"]
        self.assertEqual(
            [(one["kind"], one["uids"], one["what"]) for one in steps],
            [
                ("arrived", "2", "arrived"),
                ("flags", "2", "flags +(\\Deleted)"),
                ("expunged", "2", "expunged"),
            ],
        )
        self.assertEqual(len(self.ask("GET", f"{ANN}/history?limit=3").json["items"]), 3)
        for query, detail in (("uid=2", "mailbox"), ("email_id=x", "email id")):
            answer = self.ask("GET", f"{ANN}/history?{query}")
            self.has_problem(answer, 422, "cannot-be-done", detail)
        self.has_problem(self.ask("GET", f"{ANN}/history?mailbox=No"), 404, "not-found")

    def test_a_mailbox_as_it_was(self) -> None:
        self.clock.advance(60)
        moment = self.storage.tables.now().isoformat()
        self.clock.advance(60)
        self.expunge_one(1)
        self.successResultOf(
            self.storage.messages.store(
                self.inbox.id,
                NumberSet.of([2]),
                FlagChange("add", flags("\\Seen")),
                _new_operation(),
            )
        )
        was = self.ask("GET", f"{ANN}/mailboxes/INBOX/past?time={quote(moment)}", key=READING).json
        self.assertEqual((was["messages"], was["came_later"]), (2, 0))
        self.assertEqual(
            [(one["uid"], one["now"], one["uid_now"], one["flags"]) for one in was["items"]],
            [(1, "gone", None, []), (2, "other flags", 2, [])],
        )
        path = f"{ANN}/mailboxes/INBOX/past/restore"
        would, done = [
            self.ask("GET", self.ask("POST", path, body).headers["location"]).json["result"]
            for body in ({"time": moment, "dry_run": True}, {"time": moment})
        ]
        self.assertEqual(done, would)
        self.assertEqual((done["restored"], done["flags"], self.count()), (1, 1, 2))
        early = self.ask("POST", path, {"time": "2020-01-01T00:00:00Z"})
        failed = self.ask("GET", early.headers["location"]).json
        self.assertEqual(failed["state"], "failed")
        self.assertIn("was made at", failed["error"])
        late = self.ask("POST", path, {"time": "9999-01-01T00:00:00Z"})
        self.has_problem(late, 422, "cannot-be-done", "yet to come")

    def test_counters_are_counted_anew(self) -> None:
        path = f"{ANN}/mailboxes/INBOX/recount"
        self.assertEqual(self.ask("POST", path, {}).json, {"mailbox": "INBOX", "wrong": []})
        self.storage.tables.mailboxes[self.inbox.id].unseen = 9
        found = self.ask("POST", path, {"mend": False}).json["wrong"]
        self.assertEqual(found, [{"counter": "unseen", "was": 9, "counted": 2}])
        self.assertEqual(self.ask("POST", path, {}).json["wrong"], found)
        self.assertEqual(self.ask("POST", path, {}).json["wrong"], [])
        self.has_problem(self.ask("POST", f"{ANN}/mailboxes/No/recount", {}), 404, "not-found")
