"""What an operator restores, as clients of a running server see it."""

import json
import re
from datetime import UTC, datetime
from functools import partial
from io import StringIO

from twisted.internet import reactor

from sora.admin.command import Terminal
from sora.admin.main import parse, prepare, run
from sora.app.admin_store import open_store
from sora.config.load import loads
from sora.retry import pause
from trial_tests.support.whole_sora import LOGIN_PASSWORD, WholeSora, WholeSoraTestCase, Wire

ANN = ("--email", "ann@example.com")
BOB = ("--email", "bob@example.com")
OFF = re.compile(rb"(?m)^a OK[^\r\n]*\r\n")


async def admin(sora: WholeSora, *words: str) -> str:
    """A command of `sora-admin`, with a connection of its own; what it printed."""
    given, stdout, stderr = parse(words), StringIO(), StringIO()
    prepare(given, Terminal(StringIO(), stderr))
    loaded = loads(sora.text, "a test")
    store = partial(open_store, loaded, reactor)
    code = await run(given, store, stdout, stderr)
    assert code == 0, stderr.getvalue()
    return stdout.getvalue()


class RestoringTestCase(WholeSoraTestCase):
    async def setUp(self) -> None:
        self.database = await self.fresh()
        self.whole = await self.sora(self.database)
        await self.account(self.whole, "ann@example.com")
        await self.account(self.whole, "bob@example.com")

    async def session(self, user: str = "ann@example.com") -> Wire:
        wire = await self.whole.imap(user)
        self.addCleanup(lambda: wire.transport.loseConnection())  # type: ignore[union-attr]
        return wire

    async def ok(self, wire: Wire, *commands: bytes) -> bytes:
        """What was said to them, without the endings."""
        said = b""
        for command in commands:
            answer = await wire.ask(command)
            self.assertIn(b"\r\na OK", b"\r\n" + answer, command)
            said += OFF.sub(b"", answer)
        return said

    async def append(self, wire: Wire, mailbox: bytes, subject: bytes, flags: bytes) -> None:
        octets = b"Subject: %s\r\nFrom: bob@example.net\r\n\r\nText of %s.\r\n" % (subject, subject)
        await self.ok(
            wire,
            b'APPEND %s (%s) "17-May-2024 12:00:00 +0200" {%d+}\r\n%s'
            % (mailbox, flags, len(octets), octets),
        )

    async def admin(self, *words: str) -> str:
        return await admin(self.whole, *words)


class MessageTests(RestoringTestCase):
    """G29: a message comes back under a new UID, and is the same in all else."""

    what = b"(FLAGS INTERNALDATE EMAILID THREADID RFC822.SIZE BODY.PEEK[])"

    async def fetch(self, wire: Wire, uid: int) -> bytes:
        """A message, without its number and UID."""
        said = await self.ok(wire, b"UID FETCH %d %s" % (uid, self.what))
        return re.sub(rb"(\* \d+ FETCH|UID \d+) ?", b"", said)

    async def test_it_arrives_in_idle(self) -> None:
        other = await self.session()
        await self.append(other, b"INBOX", b"first", b"\\Seen \\Flagged $Work")
        await self.append(other, b"INBOX", b"second", b"")
        await self.ok(other, b"SELECT INBOX")
        was = await self.fetch(other, 1)
        await self.ok(other, b"UID STORE 1 +FLAGS.SILENT (\\Deleted)", b"UID EXPUNGE 1")

        idling = await self.session()
        await self.ok(idling, b"ENABLE QRESYNC", b"SELECT INBOX")
        idling.send(b"i IDLE\r\n")
        await idling.until(rb"\+ [^\r\n]*\r\n")
        listed = await self.admin("messages", "list-deleted", *ANN)
        self.assertIn("first", listed)
        said = await self.admin("messages", "restore", *ANN, "--subject", "FIRST", "--yes")
        self.assertEqual(said, "INBOX: 1 into INBOX\n1 messages restored\n")
        self.assertIn(b"* 2 EXISTS", await idling.until(rb"\* 2 EXISTS\r\n"))
        idling.send(b"DONE\r\n")
        await idling.until(rb"i OK [^\r\n]*\r\n")
        self.assertEqual(await self.fetch(idling, 3), was)
        self.assertEqual(await self.fetch(idling, 1), b"")
        self.assertIn(b"* SEARCH 3\r\n", await self.ok(idling, b"UID SEARCH TEXT first"))
        self.assertIn(b"* SEARCH 3\r\n", await self.ok(idling, b"UID SEARCH KEYWORD $Work"))

    async def test_who_was_away_learns_of_it(self) -> None:
        """RFC 7162 §3.2.5.2: QRESYNC names the new UID, and that the old one has vanished."""
        wire = await self.session()
        for subject in (b"first", b"second"):
            await self.append(wire, b"INBOX", subject, b"")
        said = await self.ok(wire, b"ENABLE QRESYNC", b"SELECT INBOX")
        validity, modseq = (
            re.search(name + rb" (\d+)", said)[1]  # type: ignore[index]
            for name in (b"UIDVALIDITY", b"HIGHESTMODSEQ")
        )
        await self.ok(wire, b"UID STORE 1 +FLAGS.SILENT (\\Deleted)", b"UID EXPUNGE 1", b"UNSELECT")
        # Of what this command does a server that is alone learns by its poll: so not before another.
        other = await self.sora(self.database)
        await self.admin("messages", "restore", *ANN, "--all", "--yes")
        away = await other.imap("ann@example.com")
        await self.ok(away, b"ENABLE QRESYNC")
        said = await self.ok(away, b"SELECT INBOX (QRESYNC (%s %s))" % (validity, modseq))
        self.assertIn(b"* VANISHED (EARLIER) 1\r\n", said)
        self.assertRegex(said, rb"\* 2 FETCH \(UID 3 ")

    async def test_a_deleted_mailbox_comes_back(self) -> None:
        wire = await self.session()
        await self.ok(wire, b"CREATE Work/Old")
        await self.append(wire, b"Work/Old", b"kept", b"\\Seen")
        before = await self.ok(wire, b"STATUS Work/Old (MESSAGES UIDVALIDITY MAILBOXID UNSEEN)")
        await self.ok(wire, b"DELETE Work/Old")
        await self.admin("mailbox", "restore", *ANN, "--mailbox", "Work/Old", "--yes")
        after = await self.ok(
            await self.session(), b"STATUS Work/Old (MESSAGES UIDVALIDITY MAILBOXID UNSEEN)"
        )
        self.assertIn(b"MESSAGES 1", after)
        self.assertIn(b"UNSEEN 0", after)
        validity = re.compile(rb"UIDVALIDITY (\d+)")
        old, new = validity.findall(before)[0], validity.findall(after)[0]
        self.assertLess(int(old), int(new))
        object_id = re.compile(rb"MAILBOXID \((\w+)\)")
        self.assertNotEqual(object_id.findall(before), object_id.findall(after))


class PastTests(RestoringTestCase):
    """A mailbox as it was."""

    async def test_it_is_shown_and_brought_back(self) -> None:
        wire = await self.session()
        for number in (1, 2, 3, 4):
            await self.append(wire, b"INBOX", b"letter %d" % number, b"\\Seen $Work")
        await self.ok(wire, b"SELECT INBOX", b"STORE 4 FLAGS (\\Flagged)")
        moment = datetime.now(UTC).isoformat()
        await self.ok(
            wire,
            b"UID STORE 1 +FLAGS (\\Deleted)",
            b"UID EXPUNGE 1",
            b"UID MOVE 2 Trash",
            b"UID STORE 3:4 FLAGS (\\Answered)",
        )
        await self.append(wire, b"INBOX", b"later", b"")
        at = ("--mailbox", "INBOX")
        shown = json.loads(await self.admin("mailbox", "at", *ANN, *at, "--time", moment, "--json"))
        self.assertEqual((shown["messages"], shown["came_later"]), (4, 1))
        self.assertEqual(
            [(each["uid"], each["now"], each["subject"], each["flags"]) for each in shown["list"]],
            [
                (1, "gone", "letter 1", ["\\Seen", "$Work"]),
                (2, "gone", "letter 2", ["\\Seen", "$Work"]),
                (3, "other flags", "letter 3", ["\\Seen", "$Work"]),
                (4, "other flags", "letter 4", ["\\Flagged"]),
            ],
        )
        restore = ("mailbox", "restore", *ANN, *at, "--at", moment)
        said = await self.admin(*restore, "--dry-run")
        self.assertEqual(
            said,
            "2 messages would be restored, flags of 2 would be put back\n"
            "1 messages came later and stay\n",
        )
        self.assertEqual(await self.admin(*restore, "--yes"), said.replace("would be ", ""))
        expected = {
            3: {b"\\Seen", b"$Work"},
            4: {b"\\Flagged"},
            5: set(),
            6: {b"\\Seen", b"$Work"},
            7: {b"\\Seen", b"$Work"},
        }
        found: dict[int, set[bytes]] = {}
        for _ in range(100):
            # A server that is alone learns of commands within two seconds.
            found = await self.flags(wire)
            if found == expected:
                break
            await pause(reactor, 0.1)  # type: ignore[arg-type]
        self.assertEqual(found, expected)
        self.assertIn("0 counters", await self.admin("mailbox", "recount", *ANN))
        told = await self.admin("history", *ANN, *at, "--message", "6")
        for word in ("arrived", "expunged", "restored from INBOX (UID 1)", "operator"):
            self.assertIn(word, told)

    async def flags(self, wire: Wire) -> dict[int, set[bytes]]:
        said = await self.ok(wire, b"NOOP", b"UID FETCH 1:* (FLAGS)")
        told = re.findall(rb"\(UID (\d+) FLAGS \(([^)]*)\)\)", said)
        return {int(uid): {*names.split()} - {b"\\Recent"} for uid, names in told}


class AccountTests(RestoringTestCase):
    """A deleted account comes back whole."""

    async def test_clients_find_everything_as_it_was(self) -> None:
        wire = await self.session()
        await self.ok(wire, b"CREATE Work", b"CREATE Work/Plans", b"UNSUBSCRIBE Junk")
        await self.ok(wire, b"SUBSCRIBE Work/Plans")
        for mailbox in (b"INBOX", b"Work/Plans"):
            await self.append(wire, mailbox, b"one", b"\\Seen $Work")
            await self.append(wire, mailbox, b"two", b"\\Flagged")
            await self.append(wire, mailbox, b"three", b"\\Deleted")
        await self.ok(wire, b"SELECT INBOX", b"EXPUNGE", b"UNSELECT")
        await self.ok(wire, b"SETACL Work bob@example.com lr")
        await self.ok(wire, b'SETMETADATA Work/Plans (/private/comment "mine")')
        await self.whole.script("ann@example.com", "keep;")
        words = ("accounts", "credentials", "add", *ANN, "--alias", "a2@example.com")
        await self.admin(*words, "--password", LOGIN_PASSWORD)
        await self.admin("aliases", "create", *ANN, "--alias", "info@example.com")
        await self.admin("quota", "set", *ANN, "--storage", "1gb", "--messages", "5000")
        before = await self.everything("ann@example.com")
        told = await self.told()

        await self.admin("accounts", "delete", *ANN, "--yes")
        refused = await self.whole.client(self.whole.imap_port)
        await refused.until(rb"\* OK [^\r\n]*\r\n")
        said = await refused.ask(b"LOGIN ann@example.com " + LOGIN_PASSWORD.encode())
        self.assertIn(b"a NO", said)
        await self.admin("accounts", "restore", *ANN)

        self.assertEqual(await self.everything("ann@example.com"), before)
        self.assertEqual(await self.everything("a2@example.com"), before)
        self.assertEqual(await self.told(), told)
        said = await self.ok(await self.session("bob@example.com"), b'LIST "" "Shared/*"')
        self.assertIn(b"Shared/ann@example.com/Work", said)
        said = await self.admin("messages", "list-deleted", *ANN, "--json")
        self.assertIn('"three"', said)

    extra = "[shared_mailboxes]\nenabled = true\n"

    async def told(self) -> list[str]:
        """What an operator sees of it."""
        found = []
        for words in (
            ("accounts", "credentials", "list", *ANN),
            ("aliases", "list", *ANN),
            ("quota", "show", *ANN),
            ("sieve", "list", *ANN),
            ("sieve", "show", *ANN),
            ("acl", "show", *ANN, "--mailbox", "Work"),
        ):
            found.append(await self.admin(*words))
        return found

    async def everything(self, user: str) -> list[bytes]:
        """What IMAP tells of a user's mailboxes and messages."""
        wire = await self.session(user)
        found = await self.ok(wire, b'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)')
        found += await self.ok(wire, b'LSUB "" "*"')
        items = b"(MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE MAILBOXID)"
        for mailbox in (b"INBOX", b"Work", b"Work/Plans", b"Trash"):
            found += await self.ok(wire, b"STATUS %s %s" % (mailbox, items))
            found += await self.ok(wire, b"GETACL " + mailbox)
            await self.ok(wire, b"EXAMINE " + mailbox)
            found += await self.ok(
                wire,
                b"UID FETCH 1:* (FLAGS MODSEQ INTERNALDATE SAVEDATE EMAILID THREADID BODY.PEEK[])",
            )
        found += await self.ok(wire, b"GETMETADATA Work/Plans /private/comment")
        found += await self.ok(wire, b"GETQUOTAROOT INBOX")
        return [line for line in found.split(b"\r\n") if b"EXISTS" not in line]
