"""Clients that work while servers fail, and tell the ledger what they were told.

A message is changed by one client alone, its *owner*: then what is to become of it is known. Its
mailbox is everybody's: several clients, on both servers, add to it and take from it at the same
time.

What a client must never be told, however ill the servers are, goes into the ledger as wrong: a
permanent refusal (5xx, BAD, a wrong password: mail would bounce, and users be asked for passwords),
and a message that is not intact.
"""

import asyncio
import re
from collections.abc import Sequence
from random import Random
from typing import Final
from zlib import crc32

from attrs import define, field

from trial_tests.faults.ledger import KEY_FIELD, Ledger, Letter, Place, Presence
from trial_tests.faults.wires import Cut, Imap, Lmtp, Pop3, Refused, Said

PASSWORD: Final = "open-sesame-7"
MAILBOXES: Final = ("INBOX", "Archive")
FLAGS: Final = ("\\Seen", "\\Flagged", "\\Answered", "$Label1", "Later")
SIZES: Final = (300, 300, 2_000, 2_000, 30_000, 180_000, 1_300_000)
"""octets of bodies: staged in one statement, in several pieces, and uploaded first"""
SENT_AGAIN: Final = 4
"""how often more a message may have been sent on: once for each end of a connection, or of a process,
before the answer of who took it (G48)"""
_PERMANENT_IMAP: Final = re.compile(
    rb"BAD|NO \[(AUTHENTICATIONFAILED|NONEXISTENT|CANNOT|SERVERBUG)"
)
_COPYUID: Final = re.compile(rb"\[COPYUID (\d+) ([\d:,]+) ([\d:,]+)\]")
_APPENDUID: Final = re.compile(rb"\[APPENDUID (\d+) (\d+)\]")
_UID: Final = re.compile(rb"\bUID (\d+)")
_FLAGS: Final = re.compile(rb"FLAGS \(([^)]*)\)")


def letter_text(key: str, rng: Random) -> bytes:
    """A message that says which one it is."""
    size = rng.choice(SIZES)
    line = f"{rng.getrandbits(256):064x}\r\n".encode()
    body = f"{rng.getrandbits(256):064x}\r\n".encode() + line * (size // len(line))
    return (
        KEY_FIELD
        + key.encode()
        + b"\r\nFrom: load@example.org\r\nSubject: "
        + key.encode()
        + b"\r\n\r\n"
        + body
    )


@define
class Work:
    """What all clients of a run share. `counts` are of operations that were answered, by name and
    kind of answer."""

    ledger: Ledger
    prefix: str
    stopping: bool = False
    counts: dict[str, int] = field(factory=dict)
    _numbers: int = 0

    def key(self, kind: str) -> str:
        """A key that no other letter has."""
        self._numbers += 1
        return f"{self.prefix}-{kind}-{self._numbers}"

    def count(self, operation: str, answer: str) -> None:
        """One more was answered, or was not."""
        name = f"{operation} {answer}"
        self.counts[name] = self.counts.get(name, 0) + 1


@define
class Client:
    """What connects again and again until the work ends, to `port`; `number` of `among` tells the
    clients of an account apart."""

    work: Work
    port: int
    account: str
    rng: Random
    number: int = 0
    among: int = 1

    @property
    def ledger(self) -> Ledger:
        """Where it tells what it was told."""
        return self.work.ledger

    async def run(self) -> None:
        """Work until the end; a session that is cut is followed by another."""
        while not self.work.stopping:
            try:
                await self.session()
            except Cut:
                self.work.count(type(self).__name__, "cut")
            except Refused:
                self.work.count(type(self).__name__, "refused")
            await asyncio.sleep(self.rng.uniform(0.02, 0.15))

    async def session(self) -> None:
        """One session."""
        raise NotImplementedError

    def owns(self, key: str) -> bool:
        """Whether this client alone may change the message."""
        return crc32(key.encode()) % self.among == self.number


@define
class Deliverer(Client):
    """LMTP. What is put off is delivered again, the same octets, as an MTA does."""

    recipients: Sequence[str] = ()
    forwarder: str = ""
    """of the recipients the one whose mail is sent on, which may happen with each attempt (G48)"""
    _waiting: list[tuple[str, bytes, list[str]]] = field(factory=list)

    async def session(self) -> None:
        """Several messages on one connection."""
        wire = await Lmtp.open(self.port)
        try:
            await wire.greeted()
            while not self.work.stopping:
                if not self._waiting:
                    self._waiting.append(self._new())
                await self._deliver(wire)
        finally:
            wire.close()

    def _new(self) -> tuple[str, bytes, list[str]]:
        key = self.work.key("lmtp")
        octets = letter_text(key, self.rng)
        recipients = self.rng.sample(self.recipients, self.rng.randint(1, len(self.recipients)))
        for recipient in recipients:
            letter = self.ledger.new(recipient, key, octets)
            if recipient == self.forwarder:
                letter.most += SENT_AGAIN
        return key, octets, recipients

    async def _deliver(self, wire: Lmtp) -> None:
        key, octets, recipients = self._waiting[0]
        try:
            replies = await wire.deliver(recipients, octets)
        except Cut as cut:
            self._note(key, getattr(cut, "replies", {}), recipients, str(cut))
            raise
        self._note(key, replies, recipients, "")
        if recipients and all(reply.startswith(b"421") for reply in replies.values()):
            raise Cut("421")
        if recipients:
            await asyncio.sleep(self.rng.uniform(0.02, 0.1))

    def _note(self, key: str, replies: dict[str, bytes], recipients: list[str], why: str) -> None:
        for recipient in list(recipients):
            letter = self.ledger.of(recipient, key)
            assert letter is not None
            letter.most += recipient == self.forwarder
            reply = replies.get(recipient)
            letter.tell(f"LMTP: {reply.decode().strip() if reply else f'no answer ({why})'}")
            self.work.count("deliver", reply[:3].decode() if reply else "unanswered")
            if reply is not None and reply.startswith(b"2"):
                letter.least += 1
                recipients.remove(recipient)
            elif reply is not None and reply.startswith(b"5"):
                self.ledger.wrong(f"LMTP bounced it: {reply!r}", letter)
                recipients.remove(recipient)
        if not recipients:
            self._waiting.pop(0)


@define
class Reader(Client):
    """IMAP: appends, flags, copies, moves, expunges, and reads."""

    _mailbox: str = ""
    _known: dict[int, str] = field(factory=dict)
    _validity: dict[str, int] = field(factory=dict)

    async def session(self) -> None:
        """Log in, select, and do one thing after the other."""
        wire = await Imap.open(self.port)
        try:
            await wire.greeted()
            await self._must(
                wire, "login", f"LOGIN {self.account} {PASSWORD}".encode(), is_fatal=True
            )
            await self._select(wire)
            while not self.work.stopping:
                await self._something(wire)
            await wire.leave()
        finally:
            wire.close()

    async def _ask(self, wire: Imap, name: str, command: bytes) -> Said:
        try:
            said = await wire.ask(command)
        except Cut:
            self.work.count(name, "unanswered")
            raise
        self.work.count(name, said.tagged[:3].decode().strip())
        if _PERMANENT_IMAP.match(said.tagged):
            self.ledger.wrong(f"{self.account}, {name}: {said.tagged!r} to {command[:80]!r}")
        return said

    async def _must(
        self, wire: Imap, name: str, command: bytes, is_fatal: bool = False
    ) -> Said | None:
        said = await self._ask(wire, name, command)
        if said.is_ok:
            return said
        if is_fatal:
            raise Refused(said.tagged.decode("ascii", "replace"))
        return None

    async def _select(self, wire: Imap) -> None:
        self._mailbox, self._known = self.rng.choice(MAILBOXES), {}
        said = await self._must(wire, "select", b"SELECT " + self._mailbox.encode(), is_fatal=True)
        assert said is not None
        found = re.search(rb"UIDVALIDITY (\d+)", said.all())
        validity = int(found[1]) if found else 0
        if self._validity.setdefault(self._mailbox, validity) != validity:
            self.ledger.wrong(f"{self.account}: UIDVALIDITY of {self._mailbox} has changed")
        await self._refresh(wire)

    async def _something(self, wire: Imap) -> None:
        doing = self.rng.choices(
            [
                self._append,
                self._refresh,
                self._store,
                self._copy,
                self._move,
                self._expunge,
                self._fetch,
                self._select,
            ],
            [6, 4, 6, 3, 3, 2, 6, 2],
        )[0]
        await doing(wire)

    async def _append(self, wire: Imap) -> None:
        key = self.work.key("imap")
        octets = letter_text(key, self.rng)
        letter = self.ledger.new(self.account, key, octets)
        mailbox = self.rng.choice(MAILBOXES)
        flags = [flag for flag in FLAGS if self.rng.random() < 0.2]
        letter.tell(f"APPEND to {mailbox} ({' '.join(flags)})")
        said = await self._ask(
            wire,
            "append",
            f"APPEND {mailbox} ({' '.join(flags)}) {{{len(octets)}+}}\r\n".encode() + octets,
        )
        letter.tell(said.tagged.decode().strip())
        if said.is_ok:
            letter.least += 1
            found = _APPENDUID.search(said.tagged)
            if found is None:
                self.ledger.wrong("APPEND without APPENDUID", letter)
            else:
                letter.see(Place(mailbox, int(found[2])), flags)

    async def _refresh(self, wire: Imap) -> None:
        """Learn what is there: of others, too, but only own messages are changed."""
        first = max(self._known, default=0) + 1
        if await self._must(wire, "noop", b"NOOP") is None:
            return
        said = await self._ask(
            wire, "list", b"UID FETCH %d:* (FLAGS BODY.PEEK[HEADER.FIELDS (X-Key)])" % first
        )
        for response in said.untagged:
            uid, key = _UID.search(response), re.search(KEY_FIELD + rb"(\S+)", response)
            if uid is None or key is None:
                continue
            text = key[1].decode()
            letter = self.ledger.of(self.account, text)
            if letter is None:
                self.ledger.wrong(f"{self.account} has a message that nobody sent: {text}")
                continue
            self._known[int(uid[1])] = text
            # Others may have taken it away since: its presence is its owner's to tell.
            if self.owns(text):
                place = Place(self._mailbox, int(uid[1]))
                flags = _flags(response)
                sighting = letter.see(place, (), flags)
                if sighting.presence is Presence.GONE:
                    self.ledger.wrong(f"{place} came back", letter)

    def _own(self) -> tuple[Letter, Place] | None:
        """A message here that may be changed, and that nothing is unknown of."""
        found = []
        for uid, key in self._known.items():
            letter = self.ledger.of(self.account, key)
            place = Place(self._mailbox, uid)
            if letter is None or not self.owns(key) or place not in letter.sightings:
                continue
            if letter.sightings[place].presence is Presence.HERE:
                found.append((letter, place))
        return self.rng.choice(found) if found else None

    async def _store(self, wire: Imap) -> None:
        if (own := self._own()) is not None:
            await self._set(wire, *own, self.rng.choice(FLAGS))

    async def _set(self, wire: Imap, letter: Letter, place: Place, flag: str) -> bool:
        """Set a flag; whether it is set for certain."""
        sighting = letter.sightings[place]
        sighting.tried.add(flag)
        letter.tell(f"STORE {flag} at {place}")
        said = await self._ask(wire, "store", f"UID STORE {place.uid} +FLAGS ({flag})".encode())
        letter.tell(said.tagged.decode().strip())
        is_told = any(b"UID %d" % place.uid in one and flag in _flags(one) for one in said.untagged)
        if said.is_ok and is_told:
            sighting.flags.add(flag)
        return said.is_ok and is_told

    async def _copy(self, wire: Imap) -> None:
        await self._transfer(wire, b"COPY")

    async def _move(self, wire: Imap) -> None:
        await self._transfer(wire, b"MOVE")

    async def _transfer(self, wire: Imap, how: bytes) -> None:
        own = self._own()
        if own is None:
            return
        letter, place = own
        sighting = letter.sightings[place]
        to = self.rng.choice([name for name in MAILBOXES if name != place.mailbox])
        letter.tell(f"{how.decode()} from {place} to {to}")
        if how == b"COPY":
            letter.most += 1
        else:
            sighting.presence = Presence.UNKNOWN
        said = await self._ask(
            wire, how.decode().lower(), b"UID %b %d %b" % (how, place.uid, to.encode())
        )
        letter.tell(said.tagged.decode().strip())
        found = _COPYUID.search(said.all())
        if not said.is_ok:
            return
        if found is None:
            # Its session does not see it: nothing was done, for certain.
            if how == b"COPY":
                letter.most -= 1
            else:
                sighting.presence = Presence.HERE
            return
        letter.see(Place(to, int(found[3])), sighting.flags, sighting.tried)
        if how == b"COPY":
            letter.least += 1
        else:
            sighting.presence = Presence.GONE
            self._known.pop(place.uid, None)

    async def _expunge(self, wire: Imap) -> None:
        own = self._own()
        if own is None or not await self._set(wire, *own, "\\Deleted"):
            return
        letter, place = own
        sighting = letter.sightings[place]
        sighting.presence = Presence.UNKNOWN
        letter.least -= 1
        letter.tell(f"EXPUNGE of {place}")
        said = await self._ask(wire, "expunge", b"UID EXPUNGE %d" % place.uid)
        letter.tell(said.tagged.decode().strip())
        if said.is_ok:
            sighting.presence = Presence.GONE
            letter.most -= 1
            self._known.pop(place.uid, None)

    async def _fetch(self, wire: Imap) -> None:
        if not self._known:
            return
        uid = self.rng.choice(list(self._known))
        said = await self._ask(wire, "fetch", b"UID FETCH %d BODY.PEEK[]" % uid)
        for response in said.untagged:
            if b"BODY[] {" in response:
                literal = response.partition(b"}\r\n")
                size = int(re.search(rb"\{(\d+)\}\r\n", response)[1])  # type: ignore[index]
                self.ledger.read(self.account, literal[2][:size], f"FETCH of {uid}")
            elif b"BODY[] " in response:
                self.ledger.wrong(f"{self.account}: a body that is empty: {response[:100]!r}")


@define
class Drainer(Client):
    """POP3: reads, deletes, and quits."""

    async def session(self) -> None:
        """One maildrop."""
        wire = await Pop3.open(self.port)
        try:
            await self._drain(wire)
        finally:
            wire.close()

    async def _told(self, wire: Pop3, command: bytes, lines: bool = False) -> tuple[bool, bytes]:
        name = command.split()[0].decode().lower() if command else "greeting"
        try:
            status, found = await wire.ask(command, lines)
        except Cut:
            self.work.count(name, "unanswered")
            raise
        self.work.count(name, status.split()[0].decode())
        if status.startswith(b"-ERR") and not re.match(rb"-ERR \[(SYS/TEMP|IN-USE)", status):
            self.ledger.wrong(f"{self.account}: POP3 {command[:40]!r}: {status!r}")
        return status.startswith(b"+OK"), found

    async def _drain(self, wire: Pop3) -> None:
        for command in (b"", b"USER " + self.account.encode(), b"PASS " + PASSWORD.encode()):
            if not (await self._told(wire, command))[0]:
                raise Refused("POP3")
        is_ok, listed = await self._told(wire, b"UIDL", lines=True)
        numbers = [int(line.split()[0]) for line in listed.splitlines()] if is_ok else []
        deleted = []
        for number in numbers[:4]:
            is_ok, octets = await self._told(wire, b"RETR %d" % number, lines=True)
            letter = self.ledger.read(self.account, octets, "RETR") if is_ok else None
            if letter is None or self.rng.random() < 0.3:
                continue
            if (await self._told(wire, b"DELE %d" % number))[0]:
                deleted.append(letter)
        for letter in deleted:
            letter.least -= 1
            letter.tell("DELE, QUIT")
        is_ok, _ = await self._told(wire, b"QUIT")
        for letter in deleted:
            letter.tell("+OK" if is_ok else "-ERR")
            if is_ok:
                letter.most -= 1


def _flags(response: bytes) -> set[str]:
    found = _FLAGS.search(response)
    return set() if found is None else set(found[1].decode().split()) - {"\\Recent"}
