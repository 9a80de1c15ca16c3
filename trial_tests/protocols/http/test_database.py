"""The database itself, over HTTP."""

from trial_tests.protocols.http.desk import READING, DeskTestCase


class DatabaseTests(DeskTestCase):
    def test_the_status(self) -> None:
        answer = self.ask("GET", "/admin/database/status", key=READING)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual((answer.json["role"], answer.json["timeline"]), ("primary", 1))
        self.assertEqual(answer.json["epoch"]["reason"], "first")

    def test_a_new_epoch_begins_when_it_is_forced(self) -> None:
        """G70. By who may change things."""
        path = "/admin/database/promoted"
        self.assertEqual(self.ask("POST", path, {}, key=READING).status, 403)
        answer = self.ask("POST", path, {})
        self.assertEqual((answer.json["began"], answer.json["epoch"]["epoch"]), (False, 1))
        answer = self.ask("POST", path, {"force": True})
        self.assertEqual((answer.json["began"], answer.json["epoch"]["epoch"]), (True, 2))
        status = self.ask("GET", "/admin/database/status").json
        self.assertEqual(status["epoch"]["epoch"], 2)
