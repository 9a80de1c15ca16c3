"""What each command costs the database, and a lost answer: through the protocols, on PostgreSQL."""

import re
from collections import Counter
from typing import Any

from twisted.internet import reactor

from sora.deferreds import gather
from sora.retry import pause
from trial_tests.support.postgres import LoseAnswer
from trial_tests.support.whole_sora import (
    BACKGROUND,
    LOGIN_PASSWORD,
    WholeSora,
    WholeSoraTestCase,
    Wire,
)

USER = "u@example.com"
LETTER = b"From: a@example.org\r\nSubject: n%d\r\n\r\ntext %d\r\n"


async def append(wire: Wire, name: bytes, letter: bytes) -> bytes:
    """APPEND with a literal that is not waited for."""
    return await wire.ask(b"APPEND %s {%d+}\r\n%s" % (name, len(letter), letter))


async def transaction(wire: Wire, recipients: list[bytes], letter: bytes) -> list[bytes]:
    """One LMTP transaction, pipelined whole; gives the replies after the dot."""
    wire.send(b"MAIL FROM:<a@example.org>\r\n")
    wire.send(b"".join(b"RCPT TO:<%s>\r\n" % one for one in recipients) + b"DATA\r\n")
    await wire.until(rb"354 [^\r\n]*\r\n")
    wire.send(letter + b".\r\n")
    return [await wire.until(rb"\d{3} [^\r\n]*\r\n") for _ in recipients]


class BudgetTests(WholeSoraTestCase):
    """The table of ARCHITECTURE.md, section 4."""

    async def setUp(self) -> None:
        self.one = await self.sora()
        await self.account(self.one, USER)

    async def costs(self, work: Any, **expected: int) -> None:
        found = await self.cost(self.one, work)
        self.assertEqual(found, Counter(expected))

    async def test_imap(self) -> None:
        """Each command that the table names; bodies in a directory."""
        wire = await self.one.client(self.one.imap_port)
        await wire.until(rb"\* OK [^\r\n]*\r\n")
        login = b"LOGIN %s %s" % (USER.encode(), LOGIN_PASSWORD.encode())
        await self.costs(wire.ask(login), login=1)
        await self.costs(append(wire, b"INBOX", LETTER % (0, 0)), place=1)
        for number in range(1, 12):
            await self.costs(append(wire, b"INBOX", LETTER % (number, number)), place=1)
        await self.costs(wire.ask(b"CREATE Other"), create=1)
        await self.filed(self.one)
        await self.costs(wire.ask(b"SELECT INBOX"), open=1)
        for command, expected in (
            (b"NOOP", {}),
            (b"FETCH 1:* (UID FLAGS)", {}),
            (b"FETCH 1:* (ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)", {"read": 1}),
            (b"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Subject)])", {"read": 1}),
            (b"FETCH 1 (BODY.PEEK[])", {"read": 1}),
            (b"FETCH 2 (BODY[])", {"read": 1}),
            (b"FETCH 1:* (BODY[TEXT])", {"read": 1}),
            (b"STORE 1 +FLAGS (\\Flagged)", {"store": 1}),
            (b"STORE 1:* +FLAGS ($Word)", {"store": 1}),
            (b"SEARCH UNSEEN NOT FLAGGED", {}),
            (b"SEARCH TEXT text", {"search": 1}),
            (b"COPY 1:5 Archive", {"copy": 1}),
            (b"MOVE 1:2 Archive", {"move": 1}),
            (b"STORE 1:3 +FLAGS.SILENT (\\Deleted)", {"store": 1}),
            (b"EXPUNGE", {"expunge": 1}),
            (b'LIST "" * RETURN (STATUS (MESSAGES UNSEEN))', {"list": 1}),
            (b"STATUS Archive (MESSAGES)", {"find": 1}),
            (b"UNSELECT", {}),
        ):
            before = self.one.database.statements.copy()
            said = await wire.ask(command)
            self.assertIn(b"a OK", said)
            sent = self.one.database.statements - before
            for name in BACKGROUND:
                del sent[name]
            self.assertEqual(sent, Counter(expected), command)

    async def test_staying_in_step(self) -> None:
        """CONDSTORE and QRESYNC: what a client has missed costs one question at most, and none
        when this process has seen it happen."""
        wire = await self.one.imap(USER)
        for number in range(6):
            await append(wire, b"INBOX", LETTER % (number, number))
        await wire.ask(b"ENABLE QRESYNC")
        said = await wire.ask(b"SELECT INBOX")
        found = re.search(rb"UIDVALIDITY (\d+).*HIGHESTMODSEQ (\d+)", said, re.DOTALL)
        assert found is not None, said
        uidvalidity, modseq = found.groups()
        select = b"SELECT INBOX (QRESYNC (%b %b))"
        for command, expected in (
            (b"FETCH 1:* (FLAGS MODSEQ)", {}),
            (b"UID STORE 1 (UNCHANGEDSINCE %b) +FLAGS.SILENT (\\Flagged)" % modseq, {"store": 1}),
            (b"UID STORE 2:3 +FLAGS.SILENT (\\Deleted)", {"store": 1}),
            (b"EXPUNGE", {"expunge": 1}),
            (b"SEARCH MODSEQ %b" % modseq, {}),
            (b"UID FETCH 1:* FLAGS (CHANGEDSINCE %b VANISHED)" % modseq, {}),
            (b"UNSELECT", {}),
            (select % (uidvalidity, modseq), {}),
            (select % (uidvalidity, b"1"), {"vanished": 1}),
            (select % (b"1", b"1"), {}),
        ):
            before = self.one.database.statements.copy()
            said = await wire.ask(command)
            self.assertIn(b"a OK", said)
            sent = self.one.database.statements - before
            for name in BACKGROUND:
                del sent[name]
            self.assertEqual(sent, Counter(expected), command)
            if command.startswith(b"SELECT INBOX (QRESYNC (" + uidvalidity):
                self.assertIn(b"* VANISHED (EARLIER) 2:3\r\n* 1 FETCH (UID 1 FLAGS ", said)

    async def test_a_new_message_wakes_idle_without_a_question(self) -> None:
        watcher = await self.one.imap(USER)
        await watcher.ask(b"SELECT INBOX")
        watcher.send(b"i IDLE\r\n")
        await watcher.until(rb"\+ [^\r\n]*\r\n")
        lmtp = await self.one.lmtp()

        async def deliver() -> None:
            await transaction(lmtp, [USER.encode()], LETTER % (1, 1))
            await watcher.until(rb"\* 1 EXISTS\r\n")

        await self.costs(deliver(), recipient=1, deliver=1)

    async def test_recipients_and_messages_of_lmtp(self) -> None:
        """One question each, fifty recipients a statement; a refused one costs no more."""
        lmtp = await self.one.lmtp()
        for count, places in ((1, 1), (50, 1), (51, 2)):
            names = [b"u+%d@example.com" % number for number in range(count)]
            work = transaction(lmtp, names, LETTER % (count, count))
            await self.costs(work, recipient=count, deliver=places)
        wire = await self.one.imap(USER)
        self.assertIn(b"* 102 EXISTS", await wire.ask(b"EXAMINE INBOX"))

    async def test_scripts_cost_no_statement(self) -> None:
        """A recipient is one question, and a message one statement, whatever its script does; only
        a duplicate is one more to read."""
        source = (
            'require ["fileinto", "copy", "vacation", "imap4flags", "editheader", "body"];'
            'vacation "Away"; fileinto :copy :flags "$x" "Archive"; addheader "X-A" "b";'
            'if body :contains "x" { fileinto :copy "Junk"; }'
        )
        await self.one.script(USER, source)
        lmtp = await self.one.lmtp()
        names = [b"u+%d@example.com" % number for number in range(50)]
        await self.costs(transaction(lmtp, names, LETTER % (1, 1)), recipient=50, deliver=1)
        await self.one.script(USER, 'require "duplicate"; if duplicate { discard; }')
        letter = b"Message-ID: <1@x>\r\n" + LETTER % (2, 2)
        work = transaction(lmtp, [USER.encode()], letter)
        await self.costs(work, recipient=1, deliver=1, seen_before=1)
        wire = await self.one.imap(USER)
        self.assertIn(b"* 51 EXISTS", await wire.ask(b"EXAMINE INBOX"))
        self.assertIn(b"* 50 EXISTS", await wire.ask(b"EXAMINE Archive"))

    async def test_two_processes_ask_once_for_all_sessions(self) -> None:
        """NOOP and IDLE where others serve the database: at most one question for all."""
        fresh = await self.fresh()
        first, second = await self.sora(fresh), await self.sora(fresh)
        await self.account(first, USER)
        # Each learns of the other with its next heartbeat.
        for sora in (first, second):
            while sora.database.statements["beat"] < 2:
                await pause(reactor, 0.05)  # type: ignore[arg-type]
        sessions = [await second.imap(USER) for _ in range(5)]
        for wire in sessions:
            await wire.ask(b"SELECT INBOX")
        lmtp = await first.lmtp()
        await transaction(lmtp, [USER.encode()], LETTER % (1, 1))
        before = second.database.statements["poll"]
        said = await gather(*[wire.ask(b"NOOP") for wire in sessions])
        for answer in said:
            self.assertIn(b"* 1 EXISTS", answer)
        # Those that asked while a question was under way share the next one.
        self.assertLessEqual(second.database.statements["poll"] - before, 3)
        other = await first.imap(USER)
        cost = await self.cost(first, append(other, b"Archive", LETTER % (2, 2)))
        self.assertEqual(cost, Counter(place=1))


class LostAnswerTests(WholeSoraTestCase):
    """G14: the connection ends after COMMIT, before its answer: read back, and told the truth."""

    async def broken(self, *names: str, **how: Any) -> tuple[WholeSora, LoseAnswer]:
        sora = await self.sora()
        await self.account(sora, USER)
        faults = LoseAnswer(*names, **how)
        sora.break_connections(faults)
        return sora, faults

    async def test_append_and_delivery_are_there_once_and_acknowledged(self) -> None:
        sora, faults = await self.broken("place", "deliver", times=2)
        wire = await sora.imap(USER)
        said = await append(wire, b"INBOX", LETTER % (1, 1))
        self.assertRegex(said, rb"a OK \[APPENDUID \d+ 1\]")
        lmtp = await sora.lmtp()
        letter = LETTER % (2, 2)
        replies = await transaction(lmtp, [USER.encode(), b"u+x@example.com"], letter)
        self.assertEqual([reply[:3] for reply in replies], [b"250", b"250"])
        self.assertEqual(faults.struck, ["place", "deliver"])
        self.assertIn(b"* 3 EXISTS", await wire.ask(b"SELECT INBOX"))

    async def test_append_to_a_name_that_was_not_heard_of(self) -> None:
        """The name is looked up by the lost statement: the account's events prove it."""
        sora, faults = await self.broken("place")
        wire = await sora.imap(USER)
        said = await append(wire, b"Archive", LETTER % (1, 1))
        self.assertRegex(said, rb"a OK \[APPENDUID \d+ 1\]")
        self.assertEqual(faults.struck, ["place"])
        self.assertIn(b"MESSAGES 1", await wire.ask(b"STATUS Archive (MESSAGES)"))
        said = await append(wire, b"Nowhere", LETTER % (2, 2))
        self.assertIn(b"a NO [TRYCREATE]", said)

    async def test_what_was_never_sent_is_sent_again(self) -> None:
        sora, faults = await self.broken(times=1, before=("place",))
        wire = await sora.imap(USER)
        self.assertIn(b"APPENDUID", await append(wire, b"INBOX", LETTER % (1, 1)))
        self.assertEqual(faults.struck, ["place"])
        self.assertIn(b"* 1 EXISTS", await wire.ask(b"SELECT INBOX"))

    async def test_every_write_command(self) -> None:
        sora, faults = await self.broken(times=0)
        wire = await sora.imap(USER)
        for number in range(4):
            await append(wire, b"INBOX", LETTER % (number, number))
        await wire.ask(b"SELECT INBOX")
        for name, command, told in (
            ("store", b"STORE 1 +FLAGS (\\Flagged \\Deleted)", rb"\* 1 FETCH [^\r\n]*Flagged"),
            ("copy", b"COPY 1:2 Archive", rb"COPYUID \d+ 1:2 1:2"),
            ("move", b"MOVE 3 Archive", rb"COPYUID \d+ 3 3"),
            ("expunge", b"EXPUNGE", rb"\* 1 EXPUNGE"),
            ("create", b"CREATE New", rb"a OK"),
            ("rename", b"RENAME New Newer", rb"a OK"),
            ("delete", b"DELETE Newer", rb"a OK"),
        ):
            faults.names, faults.times = (name,), 1
            said = await wire.ask(command)
            self.assertEqual(faults.times, 0, name)
            self.assertIn(b"a OK", said)
            self.assertRegex(said, told)
        self.assertIn(b"MESSAGES 3", await wire.ask(b"STATUS Archive (MESSAGES)"))
        self.assertIn(b"* 2 EXISTS", await wire.ask(b"SELECT INBOX"))
