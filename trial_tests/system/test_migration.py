"""Moving to Sora and back: a real Dovecot, its maildir, and mbsync, which notices any change."""

import gzip
import imaplib
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

from trial_tests.support.client_case import ClientTestCase, Tap
from trial_tests.support.dovecot import PASSWORD as DOVECOT_PASSWORD
from trial_tests.support.dovecot import MaildirDovecot, dovecot_of
from trial_tests.support.messages import sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD

OTHER = "other@example.com"
MANY = int(os.environ.get("SORA_MIGRATION_MESSAGES", "300"))
KILLS = int(os.environ.get("SORA_MIGRATION_KILLS", "3"))
SCRIPT = 'require "fileinto"; if header :contains "Subject" "Rechnung" { fileinto "Sent"; }\n'
FOLDERS = ("Drafts", "Sent", "Junk", "Trash", "Archive", "Entw&APw-rfe")
DEEP = ("Work", "Work.2024", "Work.2024.&ZeVnLIqe-")
BOXES = FOLDERS + DEEP
"""what an account of Sora has, and names in UTF-7; those above others are mailboxes in Sora"""
ATTRIBUTES = re.compile(r"UID (\d+)|FLAGS \(([^)]*)\)|INTERNALDATE \"([^\"]*)\"|RFC822.SIZE (\d+)")


class MigrationTests(ClientTestCase):
    timeout = 600 + MANY // 5

    def setUp(self) -> None:
        super().setUp()
        require_program(self, "mbsync", "isync")
        self.dovecot = dovecot_of(self, MaildirDovecot)

    def dovecot_session(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.dovecot.imap, timeout=60)
        client.login(EMAIL, DOVECOT_PASSWORD)
        return client

    def fill_dovecot(self) -> None:
        """Folders, flags, keywords, subscriptions, and UIDs with gaps."""
        client = self.dovecot_session()
        for name in BOXES:
            self.assertEqual(client.create(name)[0], "OK")
        for name in ("Sent", "Work.2024.&ZeVnLIqe-"):
            client.subscribe(name)
        letters = sample_messages(MANY, 61, wire_safe=True)
        flags = ("", "\\Seen", "\\Answered $Forwarded", "\\Flagged Work $Label1", "\\Draft \\Seen")
        for number, letter in enumerate(letters):
            name = "INBOX" if number % 3 else BOXES[number // 3 % len(BOXES)]
            when = imaplib.Time2Internaldate(1_500_000_000 + 3600 * number)
            self.assertEqual(client.append(name, flags[number % 5], when, letter)[0], "OK")
        client.select("INBOX")
        client.uid("STORE", "2,3,5,7:9", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.logout()
        self.compress_some()

    def compress_some(self) -> None:
        """What Dovecot's plugin `zlib` does with what it saves: the same names and dates."""
        for file in sorted(self.dovecot.home.rglob("cur/*"))[::5]:
            found = file.stat()
            file.write_bytes(gzip.compress(file.read_bytes()))
            os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))

    def mbsync(self, port: int, password: str) -> None:
        """Synchronise with a server."""
        mail = Path(self.directory, "local")
        mail.mkdir(exist_ok=True)
        config = self.write(
            "mbsyncrc",
            f"""
IMAPStore remote
Host 127.0.0.1
Port {port}
User {EMAIL}
Pass "{password}"
SSLType None
AuthMechs LOGIN
DisableExtension COMPRESS=DEFLATE

MaildirStore local
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
SyncState *
""",
        )
        done = self.run_program("mbsync", "-c", config, "-a", timeout=300 + MANY // 10)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-3000:])

    def local(self) -> list[str]:
        """All that mbsync keeps, but for its own files."""
        root = Path(self.directory, "local")
        return sorted(
            str(file.relative_to(root))
            for file in root.rglob("*")
            if file.is_file() and not file.name.startswith(".")
        )

    def assert_nothing_new(self, port: int, password: str, before: list[str]) -> None:
        """mbsync looks at all mailboxes, and has nothing to do."""
        tap = Tap(self, port)
        self.mbsync(tap.port, password)
        self.assertEqual(self.local(), before)
        said = tap.take()
        self.assertEqual(len(re.findall(r" SELECT ", said)), len(BOXES) + 1, said[:800])
        for word in ("APPEND", "STORE", "EXPUNGE", "BODY.PEEK[]", "CREATE"):
            self.assertNotIn(word, said)

    def admin_command(self, *words: str) -> list[str]:
        twistd = str(Path(sys.executable).parent / "twistd")
        return [twistd, "sora-admin", *words, "--dir", str(self.sora.data)]

    def admin(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            self.admin_command(*words),
            capture_output=True,
            timeout=300 + MANY // 10,
            cwd=self.directory,
        )

    def seen_by(self, client: imaplib.IMAP4, separator: str) -> dict[str, object]:
        """All that a server says about each mailbox: UIDs, flags, dates, sizes."""
        found: dict[str, object] = {}
        for name in ("INBOX", *BOXES):
            quoted = '"' + name.replace(".", separator) + '"'
            status, _ = client.select(quoted, readonly=True)
            self.assertEqual(status, "OK", name)
            uidvalidity = client.response("UIDVALIDITY")[1][0]
            _, lines = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")
            messages = {}
            for line in lines:
                if line is not None:
                    uid, flags, date, size = self._attributes(line.decode())
                    messages[uid] = (flags, date, size)
            found[name] = (uidvalidity, messages)
        return found

    def _attributes(self, line: str) -> tuple[int, frozenset[str], float, int]:
        uid = flags = date = size = ""
        for found in ATTRIBUTES.finditer(line):
            uid, flags = found[1] or uid, found[2] if found[2] is not None else flags
            date, size = found[3] or date, found[4] or size
        moment = imaplib.Internaldate2tuple(f'INTERNALDATE "{date}"'.encode())
        assert moment is not None, line
        return (
            int(uid),
            frozenset(flags.split()) - {"\\Recent"},
            time.mktime(moment),
            int(size),
        )

    def test_mbsync_notices_nothing(self) -> None:
        """From Dovecot to Sora, and back to another Dovecot: UIDs, UIDVALIDITY, flags, keywords,
        dates and sizes are the same, and nothing is transferred again."""
        self.fill_dovecot()
        self.mbsync(self.dovecot.imap, DOVECOT_PASSWORD)
        before = self.local()
        client = self.dovecot_session()
        expected = self.seen_by(client, ".")
        client.logout()
        self.start()
        self.import_over_imap(expected)
        self.dovecot.stop()
        maildir = str(self.dovecot.home / "Maildir")
        script = self.write("rechnungen.sieve", SCRIPT)
        words = ("import-maildir", "--email", EMAIL, "--path", maildir, "--preserve-uids")
        words += ("--sieve-path", script)
        done = self.admin(*words)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        self.assertIn(f"{MANY - 6} messages seen, {MANY - 6} imported".encode(), done.stdout)
        self.assertIn(b"1 imported, 0 skipped, 0 failed, rechnungen is active", done.stdout)
        self.assert_nothing_new(self.sora.imap, PASSWORD, before)
        sora = self.session()
        self.assertEqual(self.seen_by(sora, "/"), expected)
        subscribed = {line.decode().rpartition('"/" ')[2] for line in sora.lsub()[1]}
        self.assertIn("Work/2024/&ZeVnLIqe-", {name.strip('"') for name in subscribed})
        sora.logout()
        again = self.admin(*words)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn(f"0 imported (0 B), {MANY - 6} skipped, 0 failed".encode(), again.stdout)
        self.export_to_another_dovecot(before, expected)

    def test_what_came_since_is_imported(self) -> None:
        """While both servers serve: new mail and new flags come over, from the maildir and over
        IMAP, and nothing else is touched."""
        self.fill_dovecot()
        self.start()
        made = self.admin("accounts", "create", "--email", OTHER, "--password", PASSWORD)
        self.assertEqual(made.returncode, 0, made.stderr)
        ways = {EMAIL: self.maildir_words(), OTHER: self.imap_words(self.dovecot.imap)}
        for words in ways.values():
            self.assertEqual(self.admin(*words).returncode, 0)
        client = self.dovecot_session()
        client.select("INBOX")
        client.uid("STORE", "20,22,25", "+FLAGS", "(\\Flagged $Late)")
        client.uid("STORE", "30", "FLAGS", "()")
        for letter in sample_messages(5, 62, wire_safe=True):
            self.assertEqual(client.append("Sent", "\\Seen", None, letter)[0], "OK")
        self.assertEqual(client.create("Since")[0], "OK")
        expected = self.seen_by(client, ".")
        client.logout()
        for email, words in ways.items():
            done = self.admin(*words, "--update-flags")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"{MANY - 1} messages seen, 5 imported ".encode(), done.stdout)
            self.assertRegex(done.stdout, rb" skipped \([34] of them with other flags\), 0 failed")
            sora = self.session(email)
            self.assertEqual(self.seen_by(sora, "/"), expected)
            self.assertEqual(sora.select("Since")[0], "OK")
            sora.logout()

    def test_imports_that_are_killed_go_on(self) -> None:
        """kill -9 at any place, `SORA_MIGRATION_KILLS` times: each message is there once."""
        self.fill_dovecot()
        self.dovecot.stop()
        maildir = self.dovecot.home / "Maildir"
        files = [*maildir.rglob("cur/*"), *maildir.rglob("new/*")]
        expected = Counter(_digest(_inflated(file)) for file in files)
        self.start()
        words = self.maildir_words()
        chance = random.Random(7)
        killed = 0
        for _ in range(KILLS):
            process = subprocess.Popen(
                self.admin_command(*words),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.directory,
            )
            try:
                process.wait(chance.uniform(0.5, 2.0 + MANY / 2000))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += process.wait() != 0
        done = self.admin(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = re.search(rb"(\d+) messages seen, (\d+) imported .*, (\d+) skipped", done.stdout)
        assert said is not None, done.stdout
        self.assertEqual(int(said[1]), MANY - 6)
        self.assertEqual(int(said[2]) + int(said[3]), MANY - 6)
        self.assertTrue(killed)
        client = self.session()
        found: Counter[str] = Counter()
        for name in ("INBOX", *BOXES):
            client.select('"' + name.replace(".", "/") + '"', readonly=True)
            for start in range(1, MANY + 1, 500):
                _, parts = client.uid("FETCH", f"{start}:{start + 499}", "(BODY.PEEK[])")
                found.update(_digest(part[1]) for part in parts if isinstance(part, tuple))
        client.logout()
        self.assertEqual(found.total(), MANY - 6)
        self.assertEqual((found - expected, expected - found), (Counter(), Counter()))

    def maildir_words(self) -> tuple[str, ...]:
        maildir = str(self.dovecot.home / "Maildir")
        return ("import-maildir", "--email", EMAIL, "--path", maildir, "--preserve-uids")

    def imap_words(self, port: int) -> tuple[str, ...]:
        secret = self.write("secret", DOVECOT_PASSWORD)
        words = ("import-imap", "--email", OTHER, "--host", "127.0.0.1", "--port", str(port))
        words += ("--tls", "none", "--user", EMAIL, "--password-file", secret)
        return (*words, "--preserve-uids")

    def import_over_imap(self, expected: dict[str, object]) -> None:
        """The same from server to server: each message has what it had, and is fetched once."""
        made = self.admin("accounts", "create", "--email", OTHER, "--password", PASSWORD)
        self.assertEqual(made.returncode, 0, made.stderr)
        tap = Tap(self, self.dovecot.imap)
        words = self.imap_words(tap.port)
        done = self.admin(*words)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        self.assertIn(f"{MANY - 6} messages seen, {MANY - 6} imported".encode(), done.stdout)
        self.assertIn("BODY.PEEK[]", tap.take())
        client = self.session(OTHER)
        self.assertEqual(self.seen_by(client, "/"), expected)
        client.logout()
        again = self.admin(*words)
        self.assertIn(f"0 imported (0 B), {MANY - 6} skipped, 0 failed".encode(), again.stdout)
        self.assertNotIn("BODY.PEEK[]", tap.take())

    def export_to_another_dovecot(self, before: list[str], expected: dict[str, object]) -> None:
        other = dovecot_of(self, MaildirDovecot)
        maildir = other.home / "Maildir"
        other.home.mkdir()
        words = ("export-maildir", "--email", EMAIL, "--path", str(maildir))
        done = self.admin(*words)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        self.assertIn(f"{MANY - 6} exported".encode(), done.stdout)
        again = self.admin(*words)
        self.assertIn(f"0 exported (0 B), {MANY - 6} skipped, 0 failed".encode(), again.stdout)
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody", str(other.home)], check=True)
        self.assert_nothing_new(other.imap, DOVECOT_PASSWORD, before)
        client = imaplib.IMAP4("127.0.0.1", other.imap, timeout=60)
        client.login(EMAIL, DOVECOT_PASSWORD)
        self.assertEqual(self.seen_by(client, "."), expected)
        subscribed = {line.decode().rpartition(" ")[2].strip('"') for line in client.lsub()[1]}
        self.assertLessEqual({"Sent", "Work.2024.&ZeVnLIqe-"}, subscribed)
        client.logout()


def _inflated(file: Path) -> bytes:
    octets = file.read_bytes()
    return gzip.decompress(octets) if octets.startswith(b"\x1f\x8b") else octets


def _digest(message: bytes) -> str:
    """Of a message with whatever ends of lines."""
    return sha256(message.replace(b"\r\n", b"\n")).hexdigest()
