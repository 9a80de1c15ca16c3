"""Imports and exports over the HTTP API of a server that is real: ended, killed, gone on with."""

import imaplib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from sora.admin.failed import INTERRUPTED
from trial_tests.support.dovecot import PASSWORD as DOVECOT_PASSWORD
from trial_tests.support.dovecot import MaildirDovecot, dovecot_of
from trial_tests.support.http_api import KEY, ApiTestCase
from trial_tests.support.programs import require_program
from trial_tests.support.scram_postgres import DATABASE
from trial_tests.support.sora_process import EMAIL
from trial_tests.support.tcp_proxy import TcpProxy

ANN, BOB, CAT, DAN, EVE = (f"{name}@example.com" for name in ("ann", "bob", "cat", "dan", "eve"))
PASSWORD = "correct horse"
COUNT = 3000
SLOW = 60_000
"""octets in a second: more than a second for all of it"""
LARGE = 40
"""messages of 1 MiB: more than systems hold for a connection"""
FOLDERS = ("", ".Work", ".Work.&ZeVnLIqe-")
LETTERS = ("", "S", "FS", "Sa")


class HttpExchangeTests(ApiTestCase):
    """One life of a server, with a directory that is open to imports and exports."""

    def setUp(self) -> None:
        super().setUp()
        self.open = Path(self.mktemp()).resolve()
        self.node.tables["admin"] = {
            "api_url": f"http://127.0.0.1:{self.port}",
            "api_key": KEY,
            "exchange_directories": [str(self.open)],
        }
        self.node.write()
        self.node.stop()
        self.node.start()
        for email in (ANN, BOB, CAT):
            new = {"email": email, "password": PASSWORD, "hash": "ssha512"}
            self.assertEqual(self.ask("POST", "/admin/accounts", new)[0], 201)

    def test_a_maildir_comes_and_goes(self) -> None:
        """What was ended, and what was killed, is gone on with: each message comes once, with its
        UID, flags and keywords (G29); a copy that is exported, and one that is taken over
        IMAP, are alike. No password stands in the log (G69)."""
        maildir = self.open / "ann"
        self.write_maildir(maildir)
        order = {"path": str(maildir), "preserve_uids": True, "jobs": 1}
        place = f"/admin/accounts/{ANN}/import/maildir"
        task = self.begun(place, order)
        self.more_than(0, ANN)
        self.assertEqual(self.ask("POST", f"/admin/tasks/{task}/cancel")[0], 200)
        said = json.loads(self.node.admin("tasks", "cancel", task, "--follow", "--json"))
        self.assertEqual(said["state"], "cancelled")
        here = self.adds_up(said["progress"])
        self.assertTrue(0 < here < COUNT, said)
        self.assertEqual(self.messages(ANN), here)
        task = self.begun(place, order)
        self.more_than(here, ANN)
        self.node.kill_sora()
        long_ago = f"update tasks set seen_at = now() - interval '1 hour' where id = '{task}'"
        self.postgres.administer(long_ago, DATABASE)
        self.node.start()
        lost = self.node.admin("tasks", "show", task, "--follow", succeeds=False)
        self.assertIn("the task is lost", lost)
        here = self.messages(ANN)
        done = self.followed(self.begun(place, order))["result"]
        self.assertEqual((self.adds_up(done), done["skipped"]), (COUNT - here, here))
        self.assertEqual(self.messages(ANN), COUNT)
        ours = self.seen_by_imap(ANN)
        self.assertEqual(sum(len(rows) for rows in ours.values()), COUNT)
        for name, rows in ours.items():
            self.assertEqual([uid for uid, _ in rows], list(range(10, 10 + len(rows))), name)
        self.check_export(maildir)
        self.check_download()
        self.check_dovecot(ours)
        self.check_archive(ours)
        self.check_a_download_that_ends()
        self.check_imap(ours)
        self.check_silence(ours)
        log = self.node.messages_of_log()
        for secret in (PASSWORD, KEY):
            self.assertNotIn(secret, log)

    def check_export(self, maildir: Path) -> None:
        """It has what there was, and is imported by somebody else as the same."""
        out = self.open / "out"
        order = {"path": str(out)}
        done = self.followed(self.begun(f"/admin/accounts/{ANN}/export/maildir", order))
        self.assertEqual(self.adds_up(done["result"]), COUNT)
        for folder in FOLDERS:
            self.assertEqual(_texts(out / folder), _texts(maildir / folder))
        again = self.followed(self.begun(f"/admin/accounts/{ANN}/export/maildir", order))
        self.assertEqual((self.adds_up(again["result"]), again["result"]["skipped"]), (0, COUNT))

    def downloading(self, path: str, *words: str, email: str = ANN) -> list[str]:
        """The command of an operator."""
        curl = require_program(self, "curl", "curl")
        header = f"Authorization: Bearer {KEY}"
        url = f"http://127.0.0.1:{self.port}/admin/accounts/{email}/{path}"
        return [curl, "-sSf", "-H", header, *words, url]

    def check_download(self) -> None:
        """curl and GNU tar: the same tree as that of the export, file by file; curl and an unpacker
        of ZIP archives: the same octets as in an mbox by itself."""
        unpacked = self.open / "unpacked"
        unpacked.mkdir()
        curl = subprocess.Popen(self.downloading("export/maildir"), stdout=subprocess.PIPE)
        assert curl.stdout is not None
        with curl, curl.stdout:
            tar = ["tar", "-x", "-p", "-C", str(unpacked)]
            subprocess.run(tar, stdin=curl.stdout, check=True, timeout=60)
        self.assertEqual(curl.returncode, 0)
        self.assertEqual(_tree(unpacked), _tree(self.open / "out"))
        archive = self.open / "ann.zip"
        command = self.downloading("export/mbox", "-o", str(archive))
        subprocess.run(command, check=True, timeout=60)
        one = self.downloading("mailboxes/Work%2F%E6%97%A5%E6%9C%AC%E8%AA%9E/mbox")
        mbox = subprocess.run(one, check=True, timeout=60, capture_output=True).stdout
        self.assertEqual(mbox.count(b"\nSubject: "), COUNT // len(FOLDERS))
        with ZipFile(archive) as opened:
            self.assertEqual(opened.read("Work/日本語.mbox"), mbox)

    def check_dovecot(self, ours: Any) -> None:
        """A Dovecot serves what was unpacked, with the same UIDs, flags and keywords."""
        dovecot = dovecot_of(self, MaildirDovecot)
        dovecot.home.mkdir()
        shutil.copytree(self.open / "unpacked", dovecot.home / "Maildir")
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody", str(dovecot.home)], check=True)
        client = imaplib.IMAP4("127.0.0.1", dovecot.imap, timeout=20)
        client.login(EMAIL, DOVECOT_PASSWORD)
        self.assertEqual(_seen(client, "."), ours)
        dovecot.stop()

    def check_archive(self, ours: Any) -> None:
        """What was downloaded is somebody else's mail when it is sent, once however often."""
        archive = self.open / "ann.tar"
        subprocess.run(
            self.downloading("export/maildir", "-o", str(archive)), check=True, timeout=60
        )
        new = {"email": EVE, "password": PASSWORD, "hash": "ssha512"}
        self.assertEqual(self.ask("POST", "/admin/accounts", new)[0], 201)
        words = ("-H", "Content-Type: application/x-tar", "-X", "POST", "-T", str(archive))
        for done, skipped in ((COUNT, 0), (0, COUNT)):
            command = self.downloading("import/archive?preserve_uids=true", *words, email=EVE)
            said = subprocess.run(command, check=True, timeout=60, capture_output=True).stdout
            result = self.followed(json.loads(said)["id"])["result"]
            self.assertEqual((self.adds_up(result), result["skipped"]), (done, skipped))
        self.assertEqual(self.seen_by_imap(EVE), ours)

    def check_a_download_that_ends(self) -> None:
        """What a client does not take does not fill the server's memory, and one that is killed
        ends the work."""
        new = {"email": DAN, "password": PASSWORD, "hash": "ssha512"}
        self.assertEqual(self.ask("POST", "/admin/accounts", new)[0], 201)
        for number in range(LARGE):
            message = b"Subject: %d\r\n\r\n" % number + (b"x" * 1022 + b"\r\n") * 1024
            place = f"/admin/mail/deliver?recipient={DAN}"
            self.assertEqual(self.ask("POST", place, message)[0], 200)
        before = self.resident()
        part = self.open / "part.tar"
        words = ("--limit-rate", "100K", "-o", str(part))
        slow = subprocess.Popen(self.downloading("export/maildir", *words, email=DAN))
        try:
            self.wait_for(lambda: part.exists() and part.stat().st_size > 200_000)
            self.assertLess(self.resident() - before, LARGE // 2 << 20)
        finally:
            slow.kill()
            slow.wait()
        self.wait_for(lambda: "the client went away after" in self.node.messages_of_log())

    def resident(self) -> int:
        """Octets of memory that the server has."""
        assert self.node.process is not None
        status = Path(f"/proc/{self.node.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None, status
        return int(found[1]) * 1024

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def check_imap(self, ours: Any) -> None:
        """From this server, as from another one."""
        authorities = self.open / "ca.pem"
        authorities.write_bytes(self.node.certificate.cert_file.read_bytes())
        order = {
            "host": "localhost",
            "port": self.node.imaps,
            "ca_file": str(authorities),
            "user": ANN,
            "preserve_uids": True,
        }
        place = f"/admin/accounts/{BOB}/import/imap"
        task = self.begun(place, {**order, "password": PASSWORD + "!"})
        said = self.node.admin("tasks", "show", task, "--follow", "--json", succeeds=False)
        failed, _ = json.JSONDecoder().raw_decode(said)
        self.assertEqual(failed["state"], "failed")
        self.assertIn("does not take the password of ann", failed["error"])
        self.assertNotIn(PASSWORD, json.dumps(failed))
        done = self.followed(self.begun(place, {**order, "password": PASSWORD}))
        self.assertEqual(self.adds_up(done["result"]), COUNT)
        self.assertEqual(self.seen_by_imap(BOB), ours)

    def check_silence(self, ours: Any) -> None:
        """A server that says nothing any more is not waited for, by whoever ends it: over HTTP, and
        with Ctrl-C. What had come stays, and is gone on with."""
        secret = self.open / "secret"
        secret.write_text(PASSWORD + "\n")
        with TcpProxy(("127.0.0.1", self.node.imap)) as proxy:
            order = {"host": "127.0.0.1", "port": proxy.port, "tls": "none", "user": ANN, "jobs": 1}
            order |= {"password": PASSWORD, "preserve_uids": True}
            proxy.slow(SLOW)
            task = self.begun(f"/admin/accounts/{CAT}/import/imap", order)
            self.more_than(0, CAT)
            proxy.pause()
            said = json.loads(self.node.admin("tasks", "cancel", task, "--follow", "--json"))
            self.assertEqual(said["state"], "cancelled")
            here = self.adds_up(said["progress"])
            self.assertEqual(self.messages(CAT), here)
            proxy.heal()
            proxy.slow(SLOW)
            words = ["import-imap", "--email", CAT, "--json", "--jobs", "1", "--preserve-uids"]
            words += ["--host", "127.0.0.1", "--port", str(proxy.port), "--tls", "none"]
            words += ["--user", ANN, "--password-file", str(secret)]
            process = self.node.begin_admin(*words)
            self.addCleanup(process.kill)
            self.more_than(here, CAT)
            proxy.pause()
            process.send_signal(signal.SIGINT)
            printed, complaint = process.communicate(timeout=60)
            self.assertEqual(process.returncode, INTERRUPTED, complaint)
            self.assertIn("You have interrupted it", complaint)
            counts = json.loads(printed)
            self.assertEqual(counts["skipped"], here)
            self.assertEqual(self.messages(CAT), here + self.adds_up(counts))
            proxy.heal()
            here = self.messages(CAT)
            self.assertTrue(0 < here < COUNT)
            done = json.loads(self.node.admin(*words))
            self.assertEqual((self.adds_up(done), done["skipped"]), (COUNT - here, here))
        self.assertEqual(self.seen_by_imap(CAT), ours)

    # ---------------------------------------------------------- what there is

    def write_maildir(self, maildir: Path) -> None:
        """Some folders as Dovecot leaves them."""
        for place, folder in enumerate(FOLDERS):
            for sub in ("cur", "new", "tmp"):
                (maildir / folder / sub).mkdir(parents=True)
            (maildir / folder / "dovecot-keywords").write_text("0 Important\n")
            lines = [f"3 V{1700000000 + place} N100000 Gabc\n"]
            for number in range(place, COUNT, len(FOLDERS)):
                base = f"{1700000000 + number}.M{number}.host"
                name = f"{base}:2,{LETTERS[number % len(LETTERS)]}"
                text = f"From: a@example.org\nSubject: {number}\n\nHello {number}\n"
                (maildir / folder / "cur" / name).write_text(text)
                lines.append(f"{10 + number // len(FOLDERS)} :{base}\n")
            (maildir / folder / "dovecot-uidlist").write_text("".join(lines))
        (maildir / "subscriptions").write_text("V\t2\n\nWork\n")

    def messages(self, email: str) -> int:
        """How many an account has."""
        return int(self.ask("GET", f"/admin/accounts/{email}/quota")[1]["messages"])

    def seen_by_imap(self, email: str) -> dict[str, list[tuple[int, frozenset[bytes]]]]:
        """UIDs and flags of all mailboxes that have messages."""
        client = imaplib.IMAP4("127.0.0.1", self.node.imap, timeout=20)
        client.login(email, PASSWORD)
        try:
            return _seen(client, "/")
        finally:
            client.logout()

    # ---------------------------------------------------------- tasks

    def begun(self, place: str, order: Any) -> str:
        """The name of a task."""
        status, task = self.ask("POST", place, order)
        self.assertEqual(status, 202, task)
        return str(task["id"])

    def more_than(self, count: int, email: str) -> None:
        """Wait until more messages are there: a task tells how far it is only now and then."""
        deadline = time.monotonic() + 60
        while self.messages(email) <= count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def followed(self, task: str) -> Any:
        """The task, when all of it is done."""
        return json.loads(self.node.admin("tasks", "show", task, "--follow", "--json"))

    def adds_up(self, counts: Any) -> int:
        """How many were done, of all that were seen."""
        together = counts["done"] + counts["skipped"] + counts["failed"] + counts["left"]
        self.assertEqual((counts["seen"], counts["failed"]), (together, 0), counts)
        return int(counts["done"])


def _texts(directory: Path) -> list[tuple[str, str]]:
    """The messages of a folder with their letters."""
    return sorted(
        (file.read_text(), file.name.rpartition(",")[2]) for file in (directory / "cur").iterdir()
    )


def _tree(root: Path) -> dict[str, tuple[int, float, bytes]]:
    """All of a directory: permissions, times of messages, octets."""
    found = {}
    for one in root.rglob("*"):
        about = one.stat()
        time_ = about.st_mtime if one.parent.name == "cur" else 0.0
        octets = one.read_bytes() if one.is_file() else b""
        found[str(one.relative_to(root))] = (about.st_mode, time_, octets)
    return found


def _seen(client: imaplib.IMAP4, separator: str) -> dict[str, list[tuple[int, frozenset[bytes]]]]:
    found = {}
    for name in ("INBOX", "Work", "Work/&ZeVnLIqe-"):
        client.select('"' + name.replace("/", separator) + '"', readonly=True)
        rows = client.fetch("1:*", "(UID FLAGS)")[1]
        found[name] = [
            (int(row[1]), frozenset(row[2].split()) - {b"\\Recent"})
            for line in rows
            if (row := re.search(rb"UID (\d+) FLAGS \(([^)]*)\)", line))
        ]
    return found
