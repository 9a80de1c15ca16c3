"""Any order of what clients can do, as a state machine of hypothesis.

Several clients in one process or in two are told of what all of them do. After each step
each of them may believe only what the rules allow (`belief`); at the end all of them ask, and
know the truth. Answers of storage may be late, and come in another order than they were asked
for; then what a client is told may be old, and has to be true all the same.
"""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sora.mailbox.change_poll import INTERVAL
from sora.mailbox.names import BELIEVED_FOR
from trial_tests.model.client import Client
from trial_tests.model.memory_world import MemoryWorld
from trial_tests.model.play import MAX_MEMORIES, Play
from trial_tests.model.truth import DELETED, NO_FLAGS, SEEN, Account, Change

MAX_CLIENTS = 4
MAX_MESSAGES = 12
NAMES = st.sampled_from(["INBOX", "INBOX", "a", "a", "a/b", "c"])
WHICH = st.integers(0, 7)
CHOSEN = st.lists(st.integers(0, 15), min_size=1, max_size=4)
FLAGS = st.frozensets(st.sampled_from([SEEN, DELETED, "\\flagged", "$x", "y"]), max_size=3)
NAMES_CHANGE = st.sampled_from(["create", "delete", "rename"])
ENABLED = st.sampled_from([b"", b"CONDSTORE", b"QRESYNC", b"QRESYNC"])
CHANGES: Any = st.sampled_from(["", "+", "-", "+"])
SEARCHES = {
    "ALL": lambda flags, content: True,
    "SEEN": lambda flags, content: SEEN in flags,
    "UNDELETED": lambda flags, content: DELETED not in flags,
    "KEYWORD $x": lambda flags, content: "$x" in flags,
    "SUBJECT content1": lambda flags, content: content.startswith("content1"),
    "OR FLAGGED TEXT content2x": lambda flags, content: (
        "\\flagged" in flags or content == "content2x"
    ),
}


class Sessions(RuleBasedStateMachine):
    """Clients, in one process or several."""

    latest: ClassVar["Sessions | None"] = None
    """the one that was played last"""

    def __init__(self) -> None:
        super().__init__()
        Sessions.latest = self
        self.world: Any = None
        self.play: Any = None

    def begin(self, world: Any, *names: str) -> None:
        """A client, and a world with a few messages; `names` are mailboxes beside INBOX."""
        self.world = world
        self.play = Play(world, Account(("INBOX", *names)))
        client = self.play.connect(0, b"QRESYNC")
        self.play.create(client, "a")
        for name in ("INBOX", "INBOX", "INBOX", "a"):
            self.play.append(client, name, NO_FLAGS)
        self.play.select(client, "INBOX")

    def client(self, which: int) -> Client | None:
        """A client that is ready for a command: it waits neither for an answer nor in IDLE."""
        ready = [one for one in self.play.clients if not one.is_busy and not one.is_gone]
        if not ready:
            return None
        client = ready[which % len(ready)]
        if client.is_idle:
            client.done()
        return client if client.pending is None and not client.is_gone else None

    def reader(self, which: int) -> Client | None:
        """A client with a mailbox whose UIDs it knows, as far as they could be asked for."""
        client = self.client(which)
        if client is None:
            return None
        if client.belief is None or not client.belief.entries:
            self.play.select(client, "INBOX")
        if client.pending is None and client.belief is not None:
            self.play.learn(client)
        ready = client.pending is None and client.belief is not None and not client.is_gone
        return client if ready else None

    def chosen(self, client: Client, which: list[int]) -> list[int]:
        """Some of the messages that a client knows."""
        assert client.belief is not None
        known = client.belief.known
        return sorted({known[place % len(known)] for place in which}) if known else []

    def end_of_step(self) -> None:
        """Everybody hears; who was told goodbye is forgotten."""
        self.play.everybody_hears()
        self.play.clients[:] = [one for one in self.play.clients if not one.is_gone]

    def check_invariants(self, *arguments: Any, **more: Any) -> None:
        """After each step."""
        if self.play is not None:
            self.end_of_step()
        super().check_invariants(*arguments, **more)

    # ---------------------------------------------------------- sessions

    @rule(
        process=st.integers(0, 1), name=NAMES, read_only=st.booleans(), enabled=ENABLED,
        memory=WHICH, names_them=st.booleans(),
    )  # fmt: skip
    def connect(
        self,
        process: int,
        name: str,
        read_only: bool,
        enabled: bytes,
        memory: int,
        names_them: bool,
    ) -> None:
        """A new client, or one that was there before and comes back."""
        if len(self.play.clients) >= MAX_CLIENTS:
            return
        process %= self.world.processes
        if enabled == b"QRESYNC" and self.play.memories:
            known = self.play.memories[memory % len(self.play.memories)]
            self.play.come_back(process, known, read_only, names_them)
        else:
            self.play.select(self.play.connect(process, enabled), name, read_only)

    @rule(which=WHICH)
    def disconnect(self, which: int) -> None:
        if len(self.play.clients) > 1:
            self.play.disconnect(self.play.clients[which % len(self.play.clients)])

    @rule(which=WHICH, process=st.integers(0, 1), names_them=st.booleans())
    def cut_off(self, which: int, process: int, names_them: bool) -> None:
        """A client loses its connection and comes back at once, maybe elsewhere."""
        client = self.play.clients[which % len(self.play.clients)] if self.play.clients else None
        if client is not None and client.belief is not None:
            before = len(self.play.memories)
            self.play.disconnect(client)
            if len(self.play.memories) > before or before == MAX_MEMORIES:
                memory = self.play.memories[-1]
                self.play.come_back(process % self.world.processes, memory, False, names_them)

    @rule(which=WHICH, name=NAMES, read_only=st.booleans())
    def select(self, which: int, name: str, read_only: bool) -> None:
        if client := self.client(which):
            self.play.select(client, name, read_only)

    @rule(which=WHICH, close=st.booleans())
    def leave(self, which: int, close: bool) -> None:
        if client := self.reader(which):
            self.play.leave(client, close)

    @rule(which=WHICH, word=st.sampled_from([b"NOOP", b"NOOP", b"CHECK"]))
    def noop(self, which: int, word: bytes) -> None:
        if client := self.reader(which):
            self.play.noop(client, word)

    @rule(which=WHICH)
    def idle(self, which: int) -> None:
        client = self.reader(which)
        if client is not None:
            client.idle()

    @rule(which=WHICH, with_flags=st.booleans(), by_uid=st.booleans())
    def learn(self, which: int, with_flags: bool, by_uid: bool) -> None:
        client = self.client(which)
        if client is not None and client.belief is not None:
            self.play.learn(client, with_flags, by_uid)

    # ---------------------------------------------------------- messages

    @rule(which=WHICH, name=NAMES, flags=FLAGS)
    def append(self, which: int, name: str, flags: Any) -> None:
        box = self.play.account.boxes.get(name)
        client = self.client(which)
        if client is not None and (box is None or len(box.messages) < MAX_MESSAGES):
            self.play.append(client, name, flags)

    @rule(process=st.integers(0, 1))
    def deliver(self, process: int) -> None:
        if len(self.play.account.boxes["INBOX"].messages) < MAX_MESSAGES:
            self.play.deliver(process % self.world.processes)

    @rule(which=WHICH, chosen=CHOSEN, change=CHANGES, flags=FLAGS, by_uid=st.booleans())
    def store(
        self, which: int, chosen: list[int], change: Change, flags: Any, by_uid: bool
    ) -> None:
        client = self.reader(which)
        if client is not None and (uids := self.chosen(client, chosen)):
            self.play.store(client, uids, change, flags, silent=False, by_uid=by_uid)

    @rule(which=WHICH, chosen=CHOSEN, change=CHANGES, flags=FLAGS, by_uid=st.booleans())
    def store_silently(
        self, which: int, chosen: list[int], change: Change, flags: Any, by_uid: bool
    ) -> None:
        client = self.reader(which)
        if client is not None and (uids := self.chosen(client, chosen)):
            self.play.store(client, uids, change, flags, silent=True, by_uid=by_uid)

    @rule(which=WHICH, chosen=CHOSEN, flags=FLAGS, silent=st.booleans(), by_uid=st.booleans())
    def store_if_unchanged(
        self, which: int, chosen: list[int], flags: Any, silent: bool, by_uid: bool
    ) -> None:
        client = self.reader(which)
        if client is not None and (uids := self.chosen(client, chosen)):
            since = self.modseq_of(client, uids[0])
            some = flags | {"$x"}
            self.play.store(client, uids, "+", some, silent=silent, by_uid=by_uid, since=since)

    @rule(which=WHICH, chosen=CHOSEN, expunges=st.booleans())
    def remove(self, which: int, chosen: list[int], expunges: bool) -> None:
        client = self.reader(which)
        if client is not None and (uids := self.chosen(client, chosen)):
            gone = frozenset({DELETED})
            self.play.store(client, uids, "+", gone, silent=True, by_uid=True)
            if expunges and client.pending is None and not client.is_gone:
                self.play.expunge(client)

    def modseq_of(self, client: Client, uid: int) -> int:
        """The modseq of a message as its client knows it, if the model knows of it too."""
        belief = client.belief
        entry = belief.entry(uid) if belief is not None and client.enabled else None
        if belief is None or entry is None or entry.modseq not in belief.box.modseqs.values():
            return 0
        return entry.modseq

    @rule(which=WHICH, chosen=CHOSEN)
    def read(self, which: int, chosen: list[int]) -> None:
        client = self.reader(which)
        # Whether \Seen is set depends on what the process knows.
        if client is not None and self.play.is_exact(client):
            for uid in self.chosen(client, chosen)[:1]:
                self.play.read(client, uid)

    @rule(which=WHICH, chosen=st.none() | CHOSEN)
    def expunge(self, which: int, chosen: list[int] | None) -> None:
        if client := self.reader(which):
            if chosen is None:
                self.play.expunge(client)
            elif uids := self.chosen(client, chosen):
                self.play.expunge(client, uids)

    @rule(which=WHICH, chosen=CHOSEN, name=NAMES, moves=st.booleans(), by_uid=st.booleans())
    def transfer(self, which: int, chosen: list[int], name: str, moves: bool, by_uid: bool) -> None:
        client = self.reader(which)
        box = self.play.account.boxes.get(name)
        if client is None or (box is not None and len(box.messages) >= MAX_MESSAGES):
            return
        if uids := self.chosen(client, chosen):
            (self.play.move if moves else self.play.copy)(client, uids, name, by_uid=by_uid)

    # ---------------------------------------------------------- names

    @rule(which=WHICH, what=NAMES_CHANGE, name=NAMES, new=NAMES)
    def names(self, which: int, what: str, name: str, new: str) -> None:
        client = self.client(which)
        if client is not None and what == "create":
            self.play.create(client, name)
        elif client is not None and what == "delete":
            self.play.delete(client, name)
        elif client is not None:
            self.play.rename(client, name, new)

    # ---------------------------------------------------------- asking

    @rule(which=WHICH, key=st.sampled_from(sorted(SEARCHES)))
    def search(self, which: int, key: str) -> None:
        if client := self.reader(which):
            self.play.search(client, key, SEARCHES[key])

    @rule(which=WHICH, name=NAMES)
    def ask(self, which: int, name: str) -> None:
        if client := self.client(which):
            self.play.status(client, name)
            self.play.list(client)

    # ---------------------------------------------------------- the end

    def teardown(self) -> None:
        """All ask, and know the truth."""
        if self.play is None:
            return
        try:
            self.settle()
            for client in list(self.play.clients):
                if client.is_idle:
                    client.done()
                if not client.is_gone and client.belief is not None:
                    self.play.noop(client)
                if not client.is_gone and client.belief is not None:
                    self.play.learn(client)
                    self.play.noop(client)
                    assert client.is_gone or not client.belief.unknown
        finally:
            self.world.close()

    def settle(self) -> None:
        """Whatever is late, comes."""


class InMemory(Sessions):
    """Over the memory storage: fast, and answers of storage can be late."""

    @initialize(processes=st.integers(1, 2))
    def start(self, processes: int) -> None:
        self.begin(MemoryWorld(processes))

    @rule()
    def answers_are_late(self) -> None:
        self.world.hold()

    @precondition(lambda self: self.world is not None and self.world.is_held)
    @rule(which=WHICH)
    def an_answer_comes(self, which: int) -> None:
        self.world.let_go(which)

    @precondition(lambda self: self.world is not None and self.world.is_held)
    @rule()
    def answers_come(self) -> None:
        self.settle()

    def settle(self) -> None:
        self.world.let_all_go()
        self.end_of_step()
        self.world.answer_at_once()

    @precondition(lambda self: self.world is not None and not self.world.is_held)
    @rule(process=st.integers(0, 1), chosen=CHOSEN)
    def restore(self, process: int, chosen: list[int]) -> None:
        if len(self.play.account.boxes["INBOX"].messages) < MAX_MESSAGES:
            self.play.restore(process % self.world.processes, chosen)

    @rule()
    def time_passes(self) -> None:
        # Not so long while answers are late that a process would be given up by the others.
        self.world.pass_time(INTERVAL / 4 if self.world.is_held else BELIEVED_FOR + INTERVAL)
        if not self.world.is_held:
            self.play.names_caught_up()
            for process in range(self.world.processes):
                self.play.caught_up(process, *self.play.account.boxes.values())
