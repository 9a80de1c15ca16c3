"""`sora-admin messages deliver`: what is read, what is sent, and what is said of it."""

from typing import Any

from sora.admin.delivering import with_crlf
from trial_tests.admin.desk import CommandDesk

TO = "messages deliver --email ann@example.com"
DONE = {"recipient": "ann@example.com", "code": 250, "status": "2.0.0", "text": "Delivered"}
FULL = {"recipient": "bob@example.com", "code": 452, "status": "4.2.2", "text": "It is full"}


class Server:
    """Answers what it is told to, and keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.outcomes: list[dict[str, Any]] = [DONE]

    async def send(self, path: str, octets: bytes, media: str, query: Any, patience: float) -> Any:
        """As `AdminAPI.send`."""
        self.sent.append((path, octets, media, query))
        failed = sum(one["code"] != 250 for one in self.outcomes)
        return {"failed": failed, "outcomes": self.outcomes}


class DeliveringTests(CommandDesk):
    """A server that answers."""

    def setUp(self) -> None:
        super().setUp()
        self.store.api = self.server = Server()

    def test_a_file_and_the_standard_input(self) -> None:
        """Lines of Unix become those of mail."""
        path = self.in_a_file("Subject: a\n\nb\n")
        said = self.done(f"{TO} --file {path}")
        self.assertEqual(said, "ann@example.com: 250 2.0.0 Delivered\n")
        self.done(f"{TO} --sender carl@example.net", "Subject: a\n\nb\n")
        octets = b"Subject: a\r\n\r\nb\r\n"
        to = ("recipient", "ann@example.com")
        self.assertEqual(
            self.server.sent,
            [
                ("/mail/deliver", octets, "message/rfc822", [to]),
                ("/mail/deliver", octets, "message/rfc822", [to, ("sender", "carl@example.net")]),
            ],
        )

    def test_some_do_not_have_it(self) -> None:
        """All are told, and the command has failed."""
        self.server.outcomes = [DONE, FULL]
        code, stdout, stderr = self.type(f"{TO} --email bob@example.com", "Subject: a\n\nb\n")
        self.assertEqual(code, 1)
        self.assertIn("bob@example.com: 452 4.2.2 It is full\n", stdout)
        self.assertEqual(stderr, "sora-admin: 1 of 2 recipients do not have the message\n")

    def test_no_message(self) -> None:
        self.refused(TO, "there is no message")
        self.refused(f"{TO} --file /nowhere/at/all", "/nowhere/at/all cannot be read")
        self.assertEqual(self.server.sent, [])

    def test_ends_of_lines(self) -> None:
        """What has a CR is left alone: the server says what is wrong with it."""
        for before, after in (
            (b"a\n\nb", b"a\r\n\r\nb"),
            (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
            (b"a\r\nb\n", b"a\r\nb\n"),
        ):
            self.assertEqual(with_crlf(before), after)
