"""Moving to Sora and back: a real Dovecot, its maildir, and mbsync, which notices any change."""

import imaplib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from trial_tests.support.client_case import ClientTestCase, Tap
from trial_tests.support.dovecot import PASSWORD as DOVECOT_PASSWORD
from trial_tests.support.dovecot import Dovecot, dovecot_of
from trial_tests.support.messages import sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD

OTHER = "other@example.com"
MANY = int(os.environ.get("SORA_MIGRATION_MESSAGES", "300"))
FOLDERS = ("Drafts", "Sent", "Junk", "Trash", "Archive", "Entw&APw-rfe")
DEEP = ("Work", "Work.2024", "Work.2024.&ZeVnLIqe-")
BOXES = FOLDERS + DEEP
"""what an account of Sora has, and names in UTF-7; those above others are mailboxes in Sora"""
ATTRIBUTES = re.compile(r"UID (\d+)|FLAGS \(([^)]*)\)|INTERNALDATE \"([^\"]*)\"|RFC822.SIZE (\d+)")


class MaildirDovecot(Dovecot):
    """One that keeps mail in `<directory>/mail/<user>/Maildir`."""

    def _configuration(self) -> str:
        return (
            super()._configuration().replace("sdbox:~/sdbox", "maildir:~/Maildir")
            + "namespace inbox {\n  separator = .\n}\nmaildir_stat_dirs = yes\n"
        )

    @property
    def home(self) -> Path:
        """Where the user's mail is."""
        return self._directory / "mail" / EMAIL


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

    def admin(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        twistd = str(Path(sys.executable).parent / "twistd")
        return subprocess.run(
            [twistd, "sora-admin", *words, "--dir", str(self.sora.data)],
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
        words = ("import-maildir", "--email", EMAIL, "--path", maildir, "--preserve-uids")
        done = self.admin(*words)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        self.assertIn(f"{MANY - 6} messages seen, {MANY - 6} imported".encode(), done.stdout)
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

    def import_over_imap(self, expected: dict[str, object]) -> None:
        """The same from server to server: each message has what it had, and is fetched once."""
        made = self.admin("accounts", "create", "--email", OTHER, "--password", PASSWORD)
        self.assertEqual(made.returncode, 0, made.stderr)
        tap = Tap(self, self.dovecot.imap)
        words = ("import-imap", "--email", OTHER, "--host", "127.0.0.1", "--port", str(tap.port))
        secret = self.write("secret", DOVECOT_PASSWORD)
        words += ("--tls", "none", "--user", EMAIL, "--password-file", secret, "--preserve-uids")
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
