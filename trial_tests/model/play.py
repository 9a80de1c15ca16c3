"""What clients do, each verb in three steps: what it means for the truth, what is sent, and
what has to be answered."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from trial_tests.model.answers import Response, items, number_set, numbers
from trial_tests.model.belief import Belief, Memory
from trial_tests.model.client import Client, Then, Wire
from trial_tests.model.truth import DELETED, SEEN, Account, Box, Change, Flags

MAX_MEMORIES = 4


class World(Protocol):
    """The servers: processes that share one storage, in which is one account."""

    processes: int
    is_held: bool
    """whether answers of storage are being held back"""
    is_prompt: bool
    """whether what is told in IDLE can be heard at once"""

    def connect(self, process: int) -> Wire:
        """A connection that has logged in."""

    def deliver(self, process: int, message: bytes) -> None:
        """A message comes for the account's INBOX."""

    def restore(self, process: int, uids: Sequence[int]) -> list[int]:
        """Messages that were expunged from the INBOX come back; gives their new UIDs."""


class Play:
    """The truth, and the clients."""

    def __init__(self, world: World, account: Account) -> None:
        self.world = world
        self.account = account
        self.clients: list[Client] = []
        self.everybody: list[Client] = []
        """also those that are gone"""
        self.memories: list[Memory] = []
        self._recents: dict[tuple[Box, int], object] = {}
        self._behind: dict[Box, set[int]] = {}
        self._names_behind: set[int] = set()
        self._messages = 0
        self._restored: set[int] = set()

    # ---------------------------------------------------------- who knows what

    def is_exact(self, client: Client) -> bool:
        """Whether a client's process knows everything now, so that its client has to."""
        belief = client.belief
        if belief is None or belief.box.is_deleted or self.world.is_held:
            return False
        return client.process not in self._behind.get(belief.box, ())

    def _changed(self, process: int, *boxes: Box) -> None:
        """A session has changed its mailbox: its process knows everything of it, others do not."""
        for box in boxes:
            self._behind[box] = set(range(self.world.processes)) - {process}

    def _came_into(self, process: int, box: Box) -> None:
        """Something was put into a mailbox: the process that did it knows of that, and what
        others did before it learns a moment later."""
        others = set(range(self.world.processes)) - {process}
        self._behind[box] = self._behind.get(box, set()) | others

    def _names_changed(self, process: int) -> None:
        self._names_behind = set(range(self.world.processes)) - {process}

    def caught_up(self, process: int, *boxes: Box) -> None:
        """A process has asked what others did."""
        if not self.world.is_held:
            for box in boxes:
                self._behind.get(box, set()).discard(process)

    def names_caught_up(self) -> None:
        """So much time has passed that no process believes in names of before."""
        self._names_behind.clear()

    def everybody_hears(self) -> None:
        """Take in what was said, and check those that idle: they are told at once."""
        for client in self.clients:
            client.hear()
            is_told = client.is_idle and self.world.is_prompt
            if is_told and client.belief is not None and self.is_exact(client):
                client.belief.has_everything(may_expunge=True)

    # ---------------------------------------------------------- sessions

    def connect(self, process: int, enabled: bytes = b"") -> Client:
        """One more client, that may understand CONDSTORE or QRESYNC."""
        client = Client(self.world.connect(process), process, self.is_exact, self._recents)
        self.clients.append(client)
        self.everybody.append(client)
        if enabled:
            client.enabled = enabled
            client.say(b"ENABLE " + enabled)
        return client

    def disconnect(self, client: Client) -> None:
        """A client is cut off in the middle of whatever it does, and remembers what it knows."""
        belief = client.belief
        if client.enabled == b"QRESYNC" and belief is not None and client.highest:
            self.memories.append(belief.memory(client.highest))
            del self.memories[:-MAX_MEMORIES]
        client.hang_up()
        self.clients.remove(client)

    def come_back(self, process: int, memory: Memory, read_only: bool, names_them: bool) -> None:
        """A client connects again, with what it remembers (RFC 7162 §3.2.5)."""
        name = memory.box.name
        if memory.box is self.account.boxes.get(name) and memory.box.uidvalidity is not None:
            client = self.connect(process, b"QRESYNC")
            self.select(client, name, read_only, memory, names_them)

    def select(
        self,
        client: Client,
        name: str,
        read_only: bool = False,
        memory: Memory | None = None,
        names_them: bool = False,
    ) -> None:
        """SELECT or EXAMINE; with QRESYNC when something is remembered of the mailbox."""
        box = self.account.boxes.get(name)
        if box is None and self.world.is_held:
            return  # it may be made before the answer

        def then(status: Response, said: list[Response]) -> None:
            if box is None:
                assert status.word == b"NO", status
                return
            if status.word != b"OK":
                # It was deleted or renamed while the answer was on its way.
                assert self.account.boxes.get(name) is not box, status
                client.select(None, False)
                return
            assert status.code == (b"READ-ONLY" if read_only else b"READ-WRITE"), status
            codes = {one.code: one.argument for one in said if one.code}
            self.account.learn_uidvalidity(box, int(codes[b"UIDVALIDITY"]))
            uidnext = int(codes[b"UIDNEXT"])
            assert max(box.ever, default=0) < uidnext or self.world.is_held
            assert uidnext <= box.uidnext
            if memory is not None and client.belief is not None:
                client.belief.remember(memory)
            self.caught_up(client.process, box)

        client.select(box, read_only, memory)
        command = b"%b %b" % (b"EXAMINE" if read_only else b"SELECT", name.encode())
        if memory is not None:
            known = number_set(sorted(memory.uids)) if names_them and memory.uids else b""
            words = (b"%d" % (memory.box.uidvalidity or 0), b"%d" % memory.modseq, known)
            command += b" (QRESYNC (%b))" % b" ".join(filter(None, words))
        client.say(command, then)

    def leave(self, client: Client, close: bool) -> None:
        """CLOSE, which expunges what it may, or UNSELECT."""
        belief = self._belief(client)
        if close and not belief.read_only and not belief.box.is_deleted:
            belief.box.expunge()
            self._changed(client.process, belief.box)
        client.select(None, False)
        client.say(b"CLOSE" if close else b"UNSELECT")

    def noop(self, client: Client, word: bytes = b"NOOP") -> None:
        """NOOP or CHECK: afterwards the client knows everything."""
        belief = client.belief

        def then(status: Response, said: list[Response]) -> None:
            assert status.word == b"OK", status
            if belief is not None:
                self.caught_up(client.process, belief.box)

        client.say(word, then)

    def learn(self, client: Client, with_flags: bool = True, by_uid: bool = False) -> None:
        """Ask for the UIDs of messages that are new, as clients do."""
        belief = self._belief(client)
        if belief.unknown:
            what = b"(UID FLAGS)" if with_flags else b"(UID)"
            if client.enabled and with_flags:
                what = b"(UID FLAGS MODSEQ)"
            if by_uid:
                client.say(b"UID FETCH 1:* " + what)
            else:
                self._fetch_numbers(client, belief.unknown, what)

    def _fetch_numbers(self, client: Client, wanted: Sequence[int], what: bytes) -> None:
        belief = self._belief(client)
        which = [belief.entries[number - 1].uid for number in wanted]

        def then(status: Response, said: list[Response]) -> None:
            if status.word != b"OK":
                # RFC 2180 §4.1: only because of messages that are gone.
                assert status.code == b"EXPUNGEISSUED" or belief.box.is_deleted, status
                gone = [uid for uid in which if uid is None or uid not in belief.box.messages]
                assert gone, status

        client.say(b"FETCH %b %b" % (number_set(list(wanted)), what), then, keeps_numbers=True)

    # ---------------------------------------------------------- messages come

    def append(self, client: Client, name: str, flags: Flags) -> None:
        """APPEND. For a few seconds the name may still be that of a mailbox that another process
        has renamed or deleted (`sora.mailbox.names`): then it is not tried."""
        if name != "INBOX" and client.process in self._names_behind:
            return
        content = self._new_content()
        box = self.account.boxes.get(name)
        expected = box.arrive([(content, flags)]) if box else []
        if box:
            self._came_into(client.process, box)

        def then(status: Response, said: list[Response]) -> None:
            if box is None:
                assert status.word == b"NO" and status.code == b"TRYCREATE", status
                return
            assert status.code == b"APPENDUID", status
            validity, _, uid = status.argument.partition(b" ")
            self.account.learn_uidvalidity(box, int(validity))
            assert [int(uid)] == expected, status

        message = _message(content)
        client.say(
            b"APPEND %b (%b) {%d+}\r\n%b" % (name.encode(), _text(flags), len(message), message),
            then,
        )

    def deliver(self, process: int) -> None:
        """A message comes in over LMTP."""
        content = self._new_content()
        inbox = self.account.boxes["INBOX"]
        inbox.arrive([(content, frozenset())])
        self._came_into(process, inbox)
        self.world.deliver(process, _message(content))

    def restore(self, process: int, which: Sequence[int]) -> None:
        """An operator brings some of what is gone from the INBOX back, by a process that tells its
        sessions; each as it was but for \\Deleted."""
        inbox = self.account.boxes["INBOX"]
        gone = [uid for uid in inbox.ever if uid not in {*inbox.messages, *self._restored}]
        chosen = sorted({gone[place % len(gone)] for place in which}) if gone else []
        if not chosen:
            return
        self._restored.update(chosen)
        back = [inbox.ever[uid] for uid in chosen]
        arrived = inbox.arrive([(each.content, each.flags - {DELETED}) for each in back])
        self._came_into(process, inbox)
        assert self.world.restore(process, chosen) == arrived

    def _new_content(self) -> str:
        self._messages += 1
        return f"content{self._messages}x"

    # ---------------------------------------------------------- messages change

    def store(
        self,
        client: Client,
        uids: Sequence[int],
        change: Change,
        flags: Flags,
        *,
        silent: bool,
        by_uid: bool,
        since: int = 0,
    ) -> None:
        """STORE or UID STORE; of what has not changed after the modseq `since`, if there is one."""
        belief = self._belief(client)
        box = belief.box
        refused = belief.read_only or box.is_deleted
        failed = [uid for uid in uids if since and box.has_changed(uid, since, flags)]
        done = [uid for uid in uids if uid not in failed]
        if not refused:
            box.store(done, change, flags)
            self._changed(client.process, box)
            if silent:
                belief.stored_silently(done, change, flags)

        def then(status: Response, said: list[Response]) -> None:
            if refused:
                assert status.word == b"NO", status
            elif failed:
                assert status.code == b"MODIFIED", status
                named = failed if by_uid else [places[uid] for uid in failed]
                assert numbers(status.argument) == named, status
            elif status.word != b"OK" or status.code == b"EXPUNGEISSUED":
                # RFC 2180 §4.2
                assert status.code == b"EXPUNGEISSUED" and not by_uid, status
                assert (status.word == b"OK") is silent and belief.gone, status

        places = {uid: belief.number(uid) for uid in uids}
        condition = b"(UNCHANGEDSINCE %d) " % since if since else b""
        what = b"FLAGS.SILENT" if silent else b"FLAGS"
        rest = b"%b%b%b (%b)" % (condition, change.encode(), what, _text(flags))
        self._with_set(client, b"STORE", uids, rest, then, by_uid, keeps_numbers=True)

    def read(self, client: Client, uid: int) -> None:
        """FETCH of a body, which sets \\Seen."""
        belief = self._belief(client)
        box = belief.box
        message = box.messages.get(uid)
        is_unseen = message is not None and SEEN not in message.flags
        if is_unseen and not belief.read_only and not box.is_deleted:
            box.store([uid], "+", frozenset({SEEN}))
            self._changed(client.process, box)

        def then(status: Response, said: list[Response]) -> None:
            bodies = [
                items(one.rest)[b"BODY[TEXT]"]
                for one in said
                if one.word == b"FETCH" and b"BODY[TEXT]" in one.rest
            ]
            if message is None or box.is_deleted:
                assert not bodies, bodies
            else:
                assert bodies == [message.content.encode() + b"\r\n"], bodies

        client.say(b"UID FETCH %d (BODY[TEXT])" % uid, then)

    def expunge(self, client: Client, only: Sequence[int] | None = None) -> None:
        """EXPUNGE, or UID EXPUNGE of some."""
        belief = self._belief(client)
        refused = belief.read_only or belief.box.is_deleted
        if not refused:
            belief.box.expunge(only)
            self._changed(client.process, belief.box)

        def then(status: Response, said: list[Response]) -> None:
            assert status.word == (b"NO" if refused else b"OK"), status

        command = b"EXPUNGE" if only is None else b"UID EXPUNGE " + number_set(sorted(only))
        client.say(command, then)

    def copy(self, client: Client, uids: Sequence[int], name: str, *, by_uid: bool) -> None:
        """COPY or UID COPY: all or nothing (RFC 3501 §6.4.7)."""
        box = self._belief(client).box
        target = self.account.boxes.get(name)
        arrived: list[int] = []
        is_whole = all(uid in box.messages for uid in uids)
        if target is not None and is_whole and not box.is_deleted:
            arrived = self._arrive_from(box, uids, target)
            self._came_into(client.process, target)

        def then(status: Response, said: list[Response]) -> None:
            if arrived and target is not None:
                self._copied(status, target, uids, arrived)
            else:
                assert status.word == b"NO", status

        self._with_set(client, b"COPY", uids, name.encode(), then, by_uid)

    def move(self, client: Client, uids: Sequence[int], name: str, *, by_uid: bool) -> None:
        """MOVE or UID MOVE: what is gone is left out (RFC 6851 §3.3)."""
        belief = self._belief(client)
        box = belief.box
        target = self.account.boxes.get(name)
        refused = target is None or belief.read_only or box.is_deleted
        there = [uid for uid in uids if uid in box.messages]
        arrived: list[int] = []
        if target is not None and not refused and there:
            arrived = self._arrive_from(box, there, target)
            box.remove(there)
            self._changed(client.process, box)
            self._came_into(client.process, target)

        def then(status: Response, said: list[Response]) -> None:
            assert (status.word == b"OK") is not refused, status
            if arrived and target is not None:
                (line,) = [one for one in said if one.code == b"COPYUID"]
                self._copied(line, target, there, arrived)

        self._with_set(client, b"MOVE", uids, name.encode(), then, by_uid)

    @staticmethod
    def _arrive_from(box: Box, uids: Iterable[int], target: Box) -> list[int]:
        messages = [box.messages[uid] for uid in uids]
        return target.arrive([(one.content, one.flags) for one in messages])

    def _copied(self, line: Response, target: Box, uids: Sequence[int], arrived: list[int]) -> None:
        """G39, and COPYUID (RFC 4315 §3)."""
        assert line.code == b"COPYUID", line
        validity, sources, made = line.argument.split(b" ")
        self.account.learn_uidvalidity(target, int(validity))
        assert numbers(sources) == list(uids) and numbers(made) == arrived, line

    # ---------------------------------------------------------- names

    def create(self, client: Client, name: str) -> None:
        """CREATE."""
        self._names(client, b"CREATE " + name.encode(), self.account.create(name))

    def delete(self, client: Client, name: str) -> None:
        """DELETE: whoever has it open is told goodbye, but the client who does it."""
        box = self.account.boxes.get(name)
        done = self.account.delete(name)
        if done and box is not None:
            self._changed(client.process, box)
            self._names_changed(client.process)
            if client.belief is not None and client.belief.box is box:
                client.select(None, False)
        self._names(client, b"DELETE " + name.encode(), done)

    def rename(self, client: Client, old: str, new: str) -> None:
        """RENAME."""
        done = self.account.rename(old, new)
        if done:
            self._names_changed(client.process)
        if done and old == "INBOX":
            self._changed(client.process, self.account.boxes[old], self.account.boxes[new])
        self._names(client, b"RENAME %b %b" % (old.encode(), new.encode()), done)

    def _names(self, client: Client, command: bytes, done: bool) -> None:
        def then(status: Response, said: list[Response]) -> None:
            assert status.word == (b"OK" if done else b"NO"), (command, status)

        client.say(command, then)

    # ---------------------------------------------------------- asking

    def search(self, client: Client, key: str, matches: Callable[[Flags, str], bool]) -> None:
        """UID SEARCH and SEARCH, in the client's numbers (G27)."""
        belief = self._belief(client)
        box = belief.box

        def then(status: Response, said: list[Response]) -> None:
            (line,) = [one for one in said if one.word == b"SEARCH"]
            found = sorted(int(number) for number in line.rest.split())
            assert set(found) <= set(range(1, len(belief.entries) + 1)), line
            if self.is_exact(client) and not belief.unknown:
                # What is gone, and was not told, is as it was at last.
                assert found == [
                    belief.number(uid)
                    for uid in belief.known
                    if matches(box.ever[uid].flags, box.ever[uid].content)
                ], (key, line)

        if not box.is_deleted:
            client.say(b"SEARCH " + key.encode(), then, keeps_numbers=True)

    def status(self, client: Client, name: str) -> None:
        """STATUS: counters, always exact (G16)."""
        box = self.account.boxes.get(name)
        if box is not None:
            unseen = sum(SEEN not in one.flags for one in box.messages.values())
            expected = [b"MESSAGES", b"%d" % len(box.messages), b"UNSEEN", b"%d" % unseen]
            expected += [b"UIDNEXT", b"%d" % box.uidnext]

        def then(status: Response, said: list[Response]) -> None:
            lines = [one for one in said if one.word == b"STATUS"]
            if box is None:
                assert status.word == b"NO" and not lines, status
            else:
                (line,) = lines
                assert line.rest == b"%b (%b)" % (name.encode(), b" ".join(expected)), line

        client.say(b"STATUS %b (MESSAGES UNSEEN UIDNEXT)" % name.encode(), then)

    def list(self, client: Client) -> None:
        """LIST: the names, always exact."""
        names = sorted(self.account.boxes)

        def then(status: Response, said: list[Response]) -> None:
            found = sorted(one.rest.split()[-1].decode() for one in said if one.word == b"LIST")
            assert found == names, (found, names)

        client.say(b'LIST "" *', then)

    # ---------------------------------------------------------- inside

    def _belief(self, client: Client) -> Belief:
        assert client.belief is not None, "a mailbox has to be selected"
        return client.belief

    def _with_set(
        self,
        client: Client,
        word: bytes,
        uids: Sequence[int],
        rest: bytes,
        then: Then,
        by_uid: bool,
        keeps_numbers: bool = False,
    ) -> None:
        """A command with a set of messages, by UIDs or in the client's numbers."""
        if by_uid:
            client.say(b"UID %b %b %b" % (word, number_set(list(uids)), rest), then)
        else:
            places = [self._belief(client).number(uid) for uid in uids]
            client.say(b"%b %b %b" % (word, number_set(places), rest), then, keeps_numbers)


def _text(flags: Flags) -> bytes:
    return " ".join(sorted(flags)).encode()


def _message(content: str) -> bytes:
    return f"Subject: {content}\r\n\r\n{content}\r\n".encode()
