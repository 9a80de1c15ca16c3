"""neomutt, in a terminal, with a cache of headers that it brings up to date."""

import imaplib
import re

from trial_tests.support.client_case import ClientTestCase, Tap
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD


class NeomuttTests(ClientTestCase):
    def test_its_cache_is_brought_up_to_date_by_qresync(self) -> None:
        """The first time all headers; the second time UID FETCH with VANISHED (RFC 7162 §3.2.6):
        what vanished, what has other flags, and the headers of what is new."""
        require_program(self, "neomutt", "neomutt")
        self.start()
        count = 600
        self.fill([self.letter(number) for number in range(1, count + 1)])
        tap = Tap(self, self.sora.imap)
        configuration = f"""
set folder="imap://127.0.0.1:{tap.port}/"
set spoolfile="+INBOX"
set imap_user="{EMAIL}"
set imap_pass="{PASSWORD}"
set ssl_starttls=no
set ssl_force_tls=no
set imap_condstore=yes
set imap_qresync=yes
set header_cache="{self.directory}/headers/"
set sort=reverse-mailbox-order
set index_format="%Z %s"
set quit=yes
"""
        rc = self.write("muttrc", configuration)
        shown = self.screen(["neomutt", "-n", "-F", rc], b"letter 600", b"q")
        self.assertIn(b"letter 590", shown)
        said = tap.take()
        self.assertIn("ENABLE", said)
        self.assertIn("BODY.PEEK[HEADER", said)
        self.change()
        shown = self.screen(["neomutt", "-n", "-F", rc], b"letter 601", b"q")
        said = tap.take()
        self.assertIn("ENABLE QRESYNC", said)
        self.assertRegex(said, r"UID FETCH 1:600 \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)")
        headers = re.findall(r" FETCH (\S+) \(UID FLAGS [^\r\n]*BODY.PEEK\[HEADER", said)
        # It asks once more for the number that the vanished one had in its cache.
        self.assertLessEqual(set(headers), {"598", "600"})
        self.assertIn(b"letter 597", shown)
        self.assertNotIn(b"letter 598", shown)
        wrong = self.write("wrongrc", configuration.replace(PASSWORD, "wrong"))
        shown = self.screen(["neomutt", "-n", "-F", wrong], b"failed")
        self.assertNotIn(b"letter", shown)

    def letter(self, number: int) -> bytes:
        """A small one, with its number in the subject."""
        head = f"From: a@example.org\r\nSubject: letter {number}\r\nMessage-ID: <{number}@x>\r\n"
        return head.encode() + b"\r\nhello\r\n"

    def change(self) -> None:
        """One is expunged, one flagged, one is new."""
        client: imaplib.IMAP4 = self.session()
        client.select("INBOX")
        client.uid("STORE", "598", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.uid("STORE", "597", "+FLAGS", "(\\Flagged)")
        client.append("INBOX", None, None, self.letter(601))
        client.logout()
