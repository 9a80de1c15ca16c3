"""Filters with a whole Sora: answers of their own for each recipient, retries after a broken
connection, and `kill -9` while mail is filed and sent on."""

import imaplib
import random
import smtplib
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue

from sora.deferreds import gather
from sora.retry import pause
from sora.storage.postgres.quotas import Quotas
from sora.storage.rows import QuotaLimits
from trial_tests.support.ports import free_port
from trial_tests.support.programs import require_program
from trial_tests.support.relay_queue import letters_in
from trial_tests.support.sora_process import CLEAN_ENDS, EMAIL, PASSWORD
from trial_tests.support.whole_sora import WholeSora, WholeSoraTestCase
from trial_tests.system.test_budgets import transaction
from trial_tests.system.test_crash import ROUNDS, CrashTestCase, Writers, letter

USER = "ann@example.com"


def queued(directory: Path, text: bytes) -> int:
    """How many messages of a relay's queue have this text in them."""
    return sum(text in octets for octets in letters_in(directory).values())


class AnswersTests(WholeSoraTestCase):
    async def test_swaks_with_one_over_quota_one_unknown_and_one_who_refuses(self) -> None:
        """G41: each gets its own answer, and who is left gets the message."""
        swaks = require_program(self, "swaks", "swaks")
        sora = await self.sora()
        for name in (USER, "full@example.com", "no@example.com"):
            await self.account(sora, name)
        full = await sora.account_id("full@example.com")
        await Quotas(sora.database).set(full, QuotaLimits(storage=50), None)
        await sora.script("no@example.com", 'require "reject"; reject "Two\r\nlines";')
        await sora.script(USER, 'require "fileinto"; fileinto "Archive";')
        recipients = f"full@example.com,nobody@example.com,no@example.com,{USER}"
        output, errors, _ = await getProcessOutputAndValue(
            swaks,
            ["--protocol", "LMTP", "--server", f"127.0.0.1:{sora.lmtp_port}"]
            + ["--to", recipients, "--from", "a@example.org"],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        )
        text = (output + errors).decode()
        for answer in (
            "550 5.1.1 <nobody@example.com>",
            "452 4.2.2 <full@example.com>",
            "550-5.7.1 <no@example.com> Two",
            "550 5.7.1 lines",
            f"250 2.0.0 <{USER}> Delivered",
        ):
            self.assertIn(answer, text)
        wire = await sora.imap(USER)
        self.assertIn(b"MESSAGES 1", await wire.ask(b"STATUS Archive (MESSAGES)"))


class RetryTests(WholeSoraTestCase):
    """The connection breaks after the message and before the reply (G42)."""

    def setUp(self) -> None:  # type: ignore[override]
        self.queue = Path(self.mktemp())
        self.queue.mkdir()
        # Nobody listens there: what is sent on waits.
        self.extra = (
            f'[relay]\ntype = "smtp"\nsmtp_host = "127.0.0.1:{free_port()}"\n'
            f'tls_use_starttls = false\n[relay.queue]\npath = "{self.queue}"\n'
        )

    async def broken_off(self, sora: WholeSora, message: bytes) -> None:
        """Hand a message over, and hang up without waiting for the reply."""
        before = sora.database.statements["deliver"]
        wire = await sora.lmtp()
        wire.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n" % USER.encode())
        await wire.until(rb"354 [^\r\n]*\r\n")
        wire.send(message + b".\r\n")
        assert wire.transport is not None
        wire.transport.loseConnection()
        while sora.database.statements["deliver"] == before:
            await pause(reactor, 0.01)  # type: ignore[arg-type]

    async def test_it_is_delivered_and_sent_on_once(self) -> None:
        """With the same script, and with others: filed elsewhere, discarded, refused, none."""
        sora = await self.sora()
        await self.account(sora, USER)
        first = 'require ["fileinto", "copy"]; fileinto "Archive"; redirect :copy "b@example.net";'
        later = [
            first,
            'redirect "other@example.net"; redirect "b@example.net";',
            'require "fileinto"; fileinto "Junk";',
            "discard;",
            "keep;",
        ]
        for number, script in enumerate(later):
            text = f"retry-{number}".encode()
            message = b"Subject: %s\r\n\r\n" % text
            await sora.script(USER, first)
            await self.broken_off(sora, message)
            await sora.script(USER, script)
            lmtp = await sora.lmtp()
            (reply,) = await transaction(lmtp, [USER.encode()], message)
            self.assertEqual(reply[:3], b"250")
            # What the second one wrote down for the relay goes after its reply.
            for _ in range(500):
                if queued(self.queue, text) == 1:
                    break
                await pause(reactor, 0.01)  # type: ignore[arg-type]
            self.assertEqual(queued(self.queue, text), 1, script)
        wire = await sora.imap(USER)
        for mailbox, count in ((b"Archive", len(later)), (b"INBOX", 0), (b"Junk", 0)):
            status = await wire.ask(b"STATUS %s (MESSAGES)" % mailbox)
            self.assertIn(b"MESSAGES %d" % count, status)


class HostileScriptTests(WholeSoraTestCase):
    async def test_others_get_their_mail(self) -> None:
        """G49: a script that does as much as it can, on a message that is made for it."""
        sora = await self.sora()
        tests = ", ".join(['header :matches "x" "*a*a*a*b"'] * 400)
        body = 'require ["body", "regex"];' + (
            f"if anyof ({tests}) {{ stop; }}"
            'if body :raw :regex "(a|aa)+(a|aa)+(a|aa)+b" { stop; }'
        )
        await self.account(sora, "eve@example.com")
        await sora.script("eve@example.com", body)
        await self.account(sora, USER)
        hostile = b"X: " + b"a" * 60_000 + b"\r\n\r\n" + b"a" * 200_000 + b"\r\n"
        wires = [await sora.lmtp() for _ in range(3)]
        replies = await gather(
            transaction(wires[0], [b"eve@example.com", USER.encode()], hostile),
            transaction(wires[1], [b"eve@example.com"], b"Y: 1\r\n" + hostile),
            transaction(wires[2], [USER.encode()], b"Subject: x\r\n\r\n"),
        )
        said = [reply[:3] for answers in replies for reply in answers]
        self.assertEqual(said, [b"250"] * 4)
        wire = await sora.imap(USER)
        self.assertIn(b"MESSAGES 2", await wire.ask(b"STATUS INBOX (MESSAGES)"))
        wire = await sora.imap("eve@example.com")
        self.assertRegex(await wire.ask(b"STATUS INBOX (MESSAGES)"), rb"MESSAGES [23]\b")


class FilingWriters(Writers):
    """Deliveries alone, of small messages that are kept to be sent again."""

    def deliver(self, number: int, rng: random.Random) -> None:
        """LMTP, one message after the other."""
        if not hasattr(self, "letters"):
            self.letters: dict[str, bytes] = {}
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=20) as client:
            for n in range(100_000):
                key = f"filed-{self.round}-{number}-{n}."
                self.letters[key] = letter(key, rng)[:4000]
                client.sendmail("crash@example.org", [EMAIL], self.letters[key])
                self.acknowledged.append(key)

    append = deliver


class CrashWithFiltersTests(CrashTestCase):
    """Each message is kept, filed and sent on while everything is killed."""

    def arguments(self) -> list[str]:
        directory = Path(self.directory)
        self.queue = directory / "queue"
        self.queue.mkdir()
        script = directory / "filter.sieve"
        script.write_text(
            'require ["fileinto", "mailbox", "copy"]; fileinto :create "Filed";'
            ' redirect :copy "elsewhere@example.net"; keep;'
        )
        settings = {
            "sieve.default_before": script,
            "sieve.max_sent_per_hour": 0,
            "relay.type": "smtp",
            "relay.smtp_host": f"127.0.0.1:{free_port()}",
            "relay.tls_use_starttls": "false",
            "relay.queue.path": self.queue,
        }
        return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]

    def test_nothing_is_lost_and_at_most_one_duplicate_is_sent(self) -> None:
        """G42, G48: a copy in each mailbox, once; sent on once, or twice where a crash came between
        the relay's copy and the claim."""
        rng = random.Random(20261127)
        acknowledged: set[str] = set()
        letters: dict[str, bytes] = {}
        for round_ in range(ROUNDS):
            self.sora.start()
            writers = FilingWriters(self.sora, round_)
            time.sleep(rng.uniform(0.5, 1.5))
            if round_ % 2:
                self.sora.kill_sora()
            else:
                self.sora.kill_everything()
            writers.join()
            acknowledged |= set(writers.acknowledged)
            letters |= getattr(writers, "letters", {})
        self.sora.start()
        self.assertGreater(len(acknowledged), 0)
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=20) as client:
            # A sender that was not answered tries again, and some that were answered as well.
            for key in sorted(letters.keys() - acknowledged) + sorted(acknowledged)[:20]:
                client.sendmail("crash@example.org", [EMAIL], letters[key])
        for mailbox in ("INBOX", "Filed"):
            self.assertEqual(sorted(self.keys(mailbox)), sorted(letters), mailbox)
        self.assertIn(self.sora.stop(), CLEAN_ENDS)  # it moves the files
        files = [path for path in self.queue.rglob("*") if path.is_file()]
        sent = b"".join(path.read_bytes() for path in files)
        counts = {key: sent.count(f"X-Key: {key}".encode()) for key in letters}
        self.assertEqual({key for key, count in counts.items() if count < 1}, set())
        self.assertEqual({key for key, count in counts.items() if count > 2}, set())
        twice = {key for key, count in counts.items() if count == 2}
        self.assertEqual(twice & acknowledged, set())

    def keys(self, mailbox: str) -> list[str]:
        """Which messages are in a mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        client.login(EMAIL, PASSWORD)
        client.select(mailbox, readonly=True)
        _, data = client.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (X-KEY)])")
        client.logout()
        return [
            item[1].decode().partition(": ")[2].strip() for item in data if isinstance(item, tuple)
        ]
