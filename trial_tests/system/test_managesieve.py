"""A user's script from a real client to a delivery: sieve-connect against a whole Sora."""

import imaplib
import smtplib
import subprocess
from pathlib import Path

from trial_tests.support.client_case import ClientTestCase
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD

SCRIPT = """require ["fileinto", "imap4flags", "include", "copy"];
if header :contains "subject" "[work]" {
    fileinto :copy "Archive";
    setflag "\\\\Flagged";
}
include :personal "spam";
"""
SPAM = """require ["fileinto"];
if header :is "x-spam" "yes" { fileinto "Junk"; }
"""


class SieveConnectTests(ClientTestCase):
    def sieve(self, *words: str, code: int = 0) -> str:
        """Run sieve-connect, over STARTTLS with a check of the certificate."""
        ended = subprocess.run(
            [
                "sieve-connect",
                *("--server", "localhost", "--port", str(self.sora.managesieve), "--4"),
                *("--user", EMAIL, "--passwordfd", "0", "--tlscafile", str(self.certificate)),
                *words,
            ],
            input=f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.directory,
        )
        self.assertEqual(ended.returncode, code, ended.stderr)
        return ended.stdout + ended.stderr

    def deliver(self, subject: str, *fields: str) -> None:
        """Put a message in over LMTP."""
        head = "\r\n".join([f"Subject: {subject}", "From: a@example.org", *fields])
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=60) as client:
            refused = client.sendmail("a@example.org", [EMAIL], f"{head}\r\n\r\nhello\r\n")
        self.assertEqual(refused, {})

    def there(self) -> dict[str, list[str]]:
        """The subjects in each mailbox, with a `*` for those that are flagged."""
        client: imaplib.IMAP4 = self.session()
        found: dict[str, list[str]] = {}
        for name in ("INBOX", "Archive", "Junk"):
            client.select(name, readonly=True)
            subjects = []
            _, items = client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            for item in items:
                if isinstance(item, tuple):
                    flagged = b"\\Flagged" in item[0]
                    subject = item[1].decode().strip().removeprefix("Subject: ")
                    subjects.append(subject + "*" * flagged)
            found[name] = subjects
        client.logout()
        return found

    def test_a_script_is_uploaded_and_acts_on_the_next_message(self) -> None:
        require_program(self, "sieve-connect", "sieve-connect")
        self.start()
        self.deliver("[work] before")
        for name, text in (("main", SCRIPT), ("spam", SPAM), ("wrong", "keep;\nnono;\n")):
            Path(self.directory, name).write_text(text)
        self.sieve("--upload", "--localsieve", "spam")
        self.sieve("--upload", "--localsieve", "main")
        told = self.sieve("--upload", "--localsieve", "wrong", "--remotesieve", "main", code=1)
        self.assertIn("line 2, column 1: ", told)
        self.deliver("[work] not active yet")
        self.sieve("--activate", "--remotesieve", "main")
        listed = self.sieve("--list")
        self.assertIn('"main" ACTIVE\n', listed)
        self.assertIn('"spam"\n', listed)
        self.deliver("[work] active")
        self.deliver("buy", "X-Spam: yes")
        self.deliver("hello")
        self.assertEqual(
            self.there(),
            {
                "INBOX": ["[work] before", "[work] not active yet", "[work] active*", "hello"],
                "Archive": ["[work] active"],
                "Junk": ["buy"],
            },
        )
        self.sieve("--download", "--remotesieve", "main", "--localsieve", "back")
        self.assertEqual(Path(self.directory, "back").read_text(), SCRIPT)
        self.sieve("--deactivate")
        self.deliver("buy again", "X-Spam: yes")
        self.assertEqual(self.there()["INBOX"][-1], "buy again")
        for name in ("main", "spam"):
            self.sieve("--delete", "--remotesieve", name)
        self.assertNotIn('"', self.sieve("--list"))
