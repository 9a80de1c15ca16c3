"""A client that believes only what NOTIFY tells it, while others do anything: in the end it believes
what is true."""

import re
from random import Random

from trial_tests.support.transcript import Client, TranscriptTestCase

SEEDS = range(12)
STEPS = 120
GROUPS = (
    b"(selected (MessageNew (UID) MessageExpunge FlagChange)) "
    b"(personal (MessageNew MessageExpunge MailboxName SubscriptionChange))"
)
_STATUS = re.compile(r"\* STATUS (\S+) \(UIDVALIDITY \d+ UIDNEXT \d+ MESSAGES (\d+)\)")
_LIST = re.compile(r'\* LIST \(([^)]*)\) "/" (\S+)(?: \("OLDNAME" \((\S+)\)\))?')
_COUNT = re.compile(r"\* (\d+) (EXISTS|EXPUNGE)")


class Believer:
    """What a client makes of what it is told."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.mailboxes: dict[str, int] = {}
        """how many messages are in each"""
        self.subscribed: set[str] = set()
        self.selected = ""
        self.exists = 0

    def listen(self) -> None:
        """Take in all that was said."""
        for line in self.client.take().decode().splitlines():
            if found := _STATUS.fullmatch(line):
                self.mailboxes[found[1]] = int(found[2])
            elif found := _LIST.fullmatch(line):
                self._listed(found[1].split(), found[2], found[3])
            elif found := _COUNT.fullmatch(line):
                number = int(found[1])
                self.exists = number if found[2] == "EXISTS" else self.exists - 1

    def _listed(self, attributes: list[str], name: str, old: str | None) -> None:
        if "\\Subscribed" in attributes:
            self.subscribed.add(name)
        else:
            self.subscribed.discard(name)
        if old is not None:
            for one in list(self.mailboxes):
                if one == old or one.startswith(old + "/"):
                    self.mailboxes[name + one[len(old) :]] = self.mailboxes.pop(one)
        elif "\\NonExistent" in attributes:
            self.mailboxes.pop(name, None)
        else:
            self.mailboxes.setdefault(name, 0)

    def ask(self, command: str) -> None:
        """A command; what it says besides its OK is taken in."""
        self.client.send(command.encode() + b"\r\n")
        self.listen()

    def select(self, name: str) -> None:
        """Select a mailbox, or none; of the one it leaves it knows what it was told last."""
        self.client.connection.resumeProducing()
        self.listen()
        if self.selected:
            self.ask("u UNSELECT")
            self.mailboxes[self.selected] = self.exists
        self.exists, self.selected = 0, name
        if name:
            self.ask("s SELECT " + name)


class BelieverTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.others = [self.new_client() for _ in range(2)]

    def play(self, random: Random) -> None:
        client = Believer(self.new_client())
        client.subscribed = set(self.result(self.account().listing()).subscriptions)
        client.ask(f"n NOTIFY SET STATUS {GROUPS.decode()}")
        for _ in range(STEPS):
            self.step(random, client)
        client.client.connection.resumeProducing()
        client.ask("i IDLE\r\nDONE")
        self.compare(client)
        client.client.hang_up()

    def step(self, random: Random, client: Believer) -> None:
        names = sorted(client.mailboxes)
        match random.randrange(12):
            case 0:
                client.select(random.choice([*names, ""]))
            case 1:
                client.ask(random.choice(["a NOOP", "i IDLE\r\nDONE"]))
            case 2:
                client.client.connection.pauseProducing()
            case 3 | 4:
                client.client.connection.resumeProducing()
            case _:
                self.disturb(random)
        client.listen()

    def disturb(self, random: Random) -> None:
        """Somebody else does something; much of it fails, which is as good."""
        other = random.choice(self.others)
        name, target = (
            random.choice(["INBOX", "a", "b", "a/c", "a/d", "b/e", "f"]) for _ in range(2)
        )
        command = random.choice(
            [
                "APPEND {name} {{4+}}\r\n\r\nx\n",
                "APPEND {name} {{4+}}\r\n\r\nx\n",
                "SELECT {name}",
                "STORE 1 +FLAGS (\\Deleted)",
                "STORE 1:* +FLAGS ($x{number})",
                "EXPUNGE",
                "COPY 1:* {name}",
                "MOVE 1 {name}",
                "CREATE {name}",
                "DELETE {name}",
                "RENAME {name} {target}",
                "SUBSCRIBE {name}",
                "UNSUBSCRIBE {name}",
            ]
        )
        if self.is_selected_by_all(name) and command.startswith(("DELETE", "RENAME")):
            return
        text = command.format(name=name, target=target, number=random.randrange(5))
        said = other.ask(b"x " + text.encode())
        if b"* BYE" in said:
            self.others[self.others.index(other)] = self.new_client()

    def is_selected_by_all(self, name: str) -> bool:
        """Deleting what is selected ends sessions, which is another test."""
        in_use = [mailbox.state.name for mailbox in self.server.open.in_use]
        return any(one == name or one.startswith(name + "/") for one in in_use)

    def compare(self, client: Believer) -> None:
        listing = self.result(self.account().listing())
        true = {row.name: row.messages for row in listing.mailboxes}
        if client.selected:
            client.mailboxes[client.selected] = client.exists
        self.assertEqual(client.mailboxes, true)
        self.assertEqual(client.subscribed, set(listing.subscriptions))

    def test_any_life(self) -> None:
        for seed in SEEDS:
            try:
                self.play(Random(seed))
            except Exception as error:
                error.add_note(f"seed {seed}")
                raise
