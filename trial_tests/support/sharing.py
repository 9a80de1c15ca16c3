"""Dialogues of users who share mailboxes: fred owns, bob is given rights."""

from sora.mailbox.places import SharedNamespace
from sora.storage.rows import NewMailbox
from trial_tests.support.transcript import TranscriptTestCase

WORK = "Shared/fred@example.com/Work"


class SharingTestCase(TranscriptTestCase):
    """fred has INBOX and Work, in which there are three messages; bob is of his domain, and eve is;
    dan is not. `client` is fred's, `bob` and `eve` are clients of theirs."""

    namespace = SharedNamespace(allow_user_create=True)

    def setUp(self) -> None:
        super().setUp()
        for user in ("bob@example.com", "eve@example.com", "dan@example.org"):
            self.add_account(user, NewMailbox("Mine"))
        self.client.ask(b"0 CREATE Work")
        self.append_some(3, "Work")
        self.bob = self.new_client(user="bob")
        self.eve = self.new_client(user="eve")

    def share(self, rights: str, who: str = "bob", name: str = "Work") -> None:
        """fred gives rights."""
        said = self.client.ask(f"0 SETACL {name} {who} {rights or chr(34) * 2}".encode())
        self.assertIn(b"0 OK", said)

    def say(self, dialogue: str) -> None:
        """A dialogue of bob's."""
        self.converse(dialogue, self.bob)
