"""What waits for the object stores, over HTTP."""

from datetime import timedelta
from typing import Any

from sora.addresses import parse_address
from sora.storage.rows import NewMailbox
from trial_tests.protocols.http.desk import READING, DeskTestCase
from trial_tests.storage.contracts.contract import letter

HOUR = timedelta(hours=1)


class UploaderTests(DeskTestCase):
    """Three bodies wait; one of them was refused."""

    def setUp(self) -> None:
        super().setUp()
        account = self.done(
            self.storage.accounts.create(
                parse_address("ann@example.com"), [], [NewMailbox("INBOX")]
            )
        )
        for number in range(3):
            message = letter(str(number))
            self.done(
                self.storage.uploads.stage_piece(
                    account.scope_id, message.hash, 10, None, 0, message.octets
                )
            )
        for content in self.storage.tables.contents.values():
            content.state = "live"
        one, _ = self.done(self.storage.uploads.claim("s3", 2, HOUR))
        self.done(self.storage.uploads.postpone(one, HOUR, True))
        self.clock.advance(90)

    def done(self, work: Any) -> Any:
        return self.successResultOf(work)

    def test_the_status(self) -> None:
        answer = self.ask("GET", "/admin/uploader/status", key=READING)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(
            answer.json["uploads"],
            {"contents": 3, "octets": 30, "oldest": 90, "claimed": 1, "refused": 1},
        )
        self.assertEqual(
            answer.json["copies"], {"second": {"contents": 0, "octets": 0, "oldest": 0}}
        )

    def test_what_was_refused_is_tried_again(self) -> None:
        """By who may change things."""
        self.assertEqual(self.ask("POST", "/admin/uploader/retry", key=READING).status, 403)
        self.assertEqual(self.ask("POST", "/admin/uploader/retry").json, {"due": 1})
        status = self.ask("GET", "/admin/uploader/status").json["uploads"]
        self.assertEqual(status["refused"], 0)
