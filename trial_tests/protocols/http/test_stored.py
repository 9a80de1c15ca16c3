"""Objects, what is known of damage, and the schema, over HTTP."""

from uuid import uuid4

from sora.mail.numbers import NumberSet
from sora.storage.rows import Arrival, Fault, NewMailbox, Operation, Suspect, Target, Want
from trial_tests.protocols.http.desk import DeskTestCase
from trial_tests.storage.contracts.contract import NOON, Letter, address, letter


class StoredTests(DeskTestCase):
    """What is stored, as numbers."""

    def deliver(self, message: Letter) -> int:
        """A message in Ann's INBOX; gives the number of its content."""
        storage = self.storage
        if not self.successResultOf(storage.accounts.list()):
            new = [NewMailbox("INBOX")]
            self.successResultOf(storage.accounts.create(address("ann@example.com"), [], new))
        [account] = self.successResultOf(storage.accounts.list())
        inbox = self.successResultOf(storage.mailboxes.find(account.id, "INBOX"))
        arrival = Arrival(message.hash, message.facts, message.octets)
        target = Target(account.id, inbox.id, NOON, uuid4())
        placing = storage.messages.place(account.scope_id, arrival, [target], Operation(uuid4()))
        placed = self.successResultOf(placing).placed[0]
        want = frozenset([Want.BODY])
        read = storage.messages.read(inbox.id, NumberSet.of([placed.uid]), want)
        return self.successResultOf(read).messages[0].body.content_id

    def test_objects(self) -> None:
        """There are none yet."""
        self.assertEqual(self.ask("GET", "/admin/objects/status").json, {"items": []})

    def test_migrations(self) -> None:
        """By number."""
        items = self.ask("GET", "/admin/migrations").json["items"]
        self.assertEqual(
            [(one["version"], one["state"]) for one in items], [(1, "applied"), (2, "pending")]
        )

    def test_damage(self) -> None:
        """A content that no store has; in pages."""
        self.assertEqual(self.ask("GET", "/admin/verify/damages").json["items"], [])
        contents = [self.deliver(letter(text)) for text in ("one", "two")]
        for content in contents:
            self.storage.verifying.note(Suspect(content, Fault.BODILESS))
        page = self.ask("GET", "/admin/verify/damages?limit=1").json
        self.assertEqual([one["fault"] for one in page["items"]], ["bodiless"])
        more = self.ask("GET", f"/admin/verify/damages?limit=1&cursor={page['next']}").json
        self.assertEqual([one["content"] for one in more["items"]], contents[1:])
        self.assertEqual(more["items"][0]["messages"][0]["mailbox"], "INBOX")
        wrong = self.ask("GET", "/admin/verify/damages?cursor=eA")
        self.has_problem(wrong, 422, "cannot-be-done", "cursor")

    def test_sweeps(self) -> None:
        """None has begun."""
        self.assertEqual(self.ask("GET", "/admin/verify/sweeps").json["items"], [])
