"""Mail in over LMTP, out over IMAP, with the clients that people use."""

import imaplib
import os
import re
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

from trial_tests.support.client_case import ClientTestCase
from trial_tests.support.messages import sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD, SoraProcess

OTHER = "other@example.com"
SYNCED = int(os.environ.get("SORA_MBSYNC_MESSAGES", "2000"))


def admin(sora: SoraProcess, *arguments: str) -> str:
    """Run `twistd sora-admin`, which has to succeed."""
    twistd = str(Path(sys.executable).parent / "twistd")
    return subprocess.run(
        [twistd, "sora-admin", *arguments, "--dir", str(sora.data)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def without_trace(message: bytes) -> bytes:
    """A message as read, without what the delivery put on top of it.

    The trace is Return-Path, Delivered-To and the one Received line of ours.
    """
    for name in (b"Return-Path", b"Delivered-To", b"Received"):
        found = re.match(name + rb":[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", message)
        assert found, (name, message[:200])
        message = message[found.end() :]
    return message


class ClientsTests(ClientTestCase):
    """One server for each test; real programs on the other side."""

    def test_swaks_delivers_to_two_and_both_read_the_same_octets(self) -> None:
        """swaks in over LMTP; imaplib and curl out, byte for byte, trace lines aside."""
        require_program(self, "swaks", "swaks")
        require_program(self, "curl", "curl")
        self.start()
        admin(self.sora, "accounts", "create", "--email", OTHER, "--password", PASSWORD)
        letter = (
            b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.net>\r\nTo: both\r\nSubject: dots\r\n"
            b"\r\nfirst\r\n.one dot\r\n..two\r\n\xc3\xa9\xff 8 bit\r\n\r\nlast\r\n"
        )
        data = Path(self.directory, "letter.eml")
        data.write_bytes(letter)
        swaks = self.run_program(
            "swaks",
            "--protocol",
            "LMTP",
            "--server",
            "127.0.0.1",
            "--port",
            str(self.sora.lmtp),
            "--from",
            "joerg@example.net",
            "--to",
            f"{EMAIL},{OTHER}",
            "--data",
            f"@{data}",
            "--suppress-data",
        )
        self.assertEqual(swaks.returncode, 0, swaks.stdout.decode("latin-1"))
        delivered = re.findall(rb"(?m)^<-  250 2\.\d\.\d <(\S+)> \S*[Dd]eliver", swaks.stdout)
        self.assertEqual(delivered, [EMAIL.encode(), OTHER.encode()], swaks.stdout)
        expected = letter
        for email in (EMAIL, OTHER):
            client = self.session(email)
            client.select("INBOX", readonly=True)
            _, answer = client.fetch("1", "(BODY.PEEK[])")
            self.assertEqual(without_trace(answer[0][1]).rstrip(b"\r\n"), expected.rstrip(b"\r\n"))
            client.logout()
            curl = self.run_program(
                "curl",
                "-s",
                "-k",
                "--user",
                f"{email}:{PASSWORD}",
                f"imaps://127.0.0.1:{self.sora.imaps}/INBOX;UID=1",
            )
            self.assertEqual(curl.returncode, 0)
            self.assertEqual(without_trace(curl.stdout), without_trace(answer[0][1]))

    def test_mbsync_syncs_both_ways_and_then_has_nothing_to_do(self) -> None:
        """2,000 messages of many MIME shapes up, and as many down; a second run moves nothing."""
        require_program(self, "mbsync", "isync")
        self.start()
        letters = sample_messages(SYNCED, seed=7, wire_safe=True)
        half = len(letters) // 2
        maildir = Path(self.directory, "mail", "INBOX")
        for name in ("cur", "new", "tmp"):
            (maildir / name).mkdir(parents=True)
        for number, letter in enumerate(letters[:half]):
            (maildir / "cur" / f"{number}.x:2,S").write_bytes(letter.replace(b"\r\n", b"\n"))
        client = self.session()
        for letter in letters[half:]:
            status, _ = client.append("INBOX", None, None, letter)
            self.assertEqual(status, "OK")
        client.logout()
        config = Path(self.directory, "mbsyncrc")
        config.write_text(f"""
IMAPAccount sora
Host 127.0.0.1
Port {self.sora.imap}
User {EMAIL}
Pass "{PASSWORD}"
SSLType None
AuthMechs LOGIN

IMAPStore remote
Account sora

MaildirStore local
Path {self.directory}/mail/
Inbox {maildir}

Channel all
Far :remote:
Near :local:
Patterns INBOX
Create Both
Sync All
Expunge Both
SyncState *
""")
        first = self.run_program("mbsync", "-c", str(config), "-a", "-V")
        self.assertEqual(first.returncode, 0, first.stderr.decode() + first.stdout.decode()[-2000:])
        here = list((maildir / "cur").iterdir()) + list((maildir / "new").iterdir())
        self.assertEqual(len(here), len(letters))
        client = self.session()
        self.assertEqual(client.select("INBOX")[1], [b"%d" % len(letters)])
        _, answer = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        there = {normal(item[1]) for item in answer if isinstance(item, tuple)}
        self.assertEqual({normal(letter) for letter in letters}, there)
        self.assertEqual({normal(file.read_bytes()) for file in here}, there)
        client.logout()
        before = sorted(file.name for file in here)
        second = self.run_program("mbsync", "-c", str(config), "-a", "-V")
        self.assertEqual(second.returncode, 0, second.stderr.decode())
        after = sorted(
            file.name
            for file in list((maildir / "cur").iterdir()) + list((maildir / "new").iterdir())
        )
        self.assertEqual(before, after)
        client = self.session()
        self.assertEqual(client.select("INBOX")[1], [b"%d" % len(letters)])
        client.logout()

    def test_mbsync_over_tls(self) -> None:
        """From the first octet and by STARTTLS, the certificate checked."""
        require_program(self, "mbsync", "isync")
        self.start()
        client = self.session()
        client.append("INBOX", None, None, b"Subject: over tls\r\n\r\nhello\r\n")
        client.logout()
        certificate = self.sora.data / "tls" / "self-signed.pem"
        for kind, port in (("IMAPS", self.sora.imaps), ("STARTTLS", self.sora.imap)):
            mail = Path(self.directory, kind)
            mail.mkdir()
            config = Path(self.directory, f"{kind}.rc")
            config.write_text(f"""
IMAPStore remote
Host localhost
Port {port}
User {EMAIL}
Pass "{PASSWORD}"
SSLType {kind}
CertificateFile {certificate}

MaildirStore local
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Create Near
SyncState *
""")
            done = self.run_program("mbsync", "-c", str(config), "-a")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            (file,) = [*(mail / "INBOX" / "new").iterdir(), *(mail / "INBOX" / "cur").iterdir()]
            self.assertIn(b"Subject: over tls", file.read_bytes())
            self.assertTrue((mail / "Archive").is_dir())

    def test_curl_with_starttls_reads_searches_and_appends(self) -> None:
        """The certificate checked."""
        require_program(self, "curl", "curl")
        self.start()
        letter = Path(self.directory, "letter.eml")
        letter.write_bytes(b"Subject: from curl\r\n\r\nhello\r\n")
        certificate = self.sora.data / "tls" / "self-signed.pem"
        url = f"imap://localhost:{self.sora.imap}"
        common = ("curl", "-sS", "--ssl-reqd", "--cacert", str(certificate))
        login = ("--user", f"{EMAIL}:{PASSWORD}")
        for arguments, expected in (
            (("-T", str(letter), f"{url}/INBOX"), b""),
            ((f"{url}/INBOX;UID=1",), letter.read_bytes()),
            ((f"{url}/INBOX;UID=1;SECTION=TEXT",), b"hello\r\n"),
            ((f"{url}/INBOX?SUBJECT%20curl",), b"* SEARCH 1\r\n"),
            (("-X", "STATUS INBOX (MESSAGES)", url), b"* STATUS INBOX (MESSAGES 1)\r\n"),
        ):
            done = self.run_program(*common, *login, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            self.assertEqual(done.stdout, expected)
        done = self.run_program(*common, "--user", f"{EMAIL}:wrong", f"{url}/INBOX;UID=1")
        self.assertEqual(done.returncode, 67, done.stderr.decode())

    def test_what_thunderbird_says(self) -> None:
        """Its commands in their order: ID, ENABLE, LIST with special uses, LSUB, UID FETCH of
        flags and of header fields, IDLE that is woken, STORE, COPY, EXPUNGE, CLOSE."""
        self.start()
        client = imaplib.IMAP4_SSL(
            "localhost", self.sora.imaps, ssl_context=self.trusting(), timeout=60
        )
        self.addCleanup(client.shutdown)

        def ask(command: str) -> str:
            client.send(f"t {command}\r\n".encode())
            said = b""
            while not (line := client.readline()).startswith(b"t "):
                self.assertTrue(line)
                said += line
            self.assertTrue(line.startswith(b"t OK"), line)
            return said.decode()

        self.assertIn(" AUTH=PLAIN", ask("CAPABILITY"))
        client.authenticate("PLAIN", lambda _: f"\0{EMAIL}\0{PASSWORD}".encode())
        offered = ask("CAPABILITY")
        for word in ("ID", "ENABLE", "IDLE", "NAMESPACE", "SPECIAL-USE", "LIST-EXTENDED"):
            self.assertIn(f" {word}", offered)
        self.assertIn("* ID (", ask('ID ("name" "Thunderbird" "version" "128.0")'))
        self.assertIn("NAMESPACE", ask("NAMESPACE"))
        ask("ENABLE UTF8=ACCEPT CONDSTORE")
        listed = ask('LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE CHILDREN)')
        for use, name in (("Trash", "Trash"), ("Sent", "Sent"), ("Drafts", "Drafts")):
            self.assertRegex(listed, rf"\* LIST \([^)]*\\{use}[^)]*\) \"/\" \"?{name}")
        ask('LIST "" "%" RETURN (SPECIAL-USE)')
        ask('LSUB "" "*"')
        self.assertIn("UIDVALIDITY", ask("SELECT INBOX"))
        ask("UID FETCH 1:* (FLAGS)")
        client.send(b"t IDLE\r\n")
        self.assertTrue(client.readline().startswith(b"+"))
        with smtplib.LMTP("127.0.0.1", self.sora.lmtp, timeout=30) as lmtp:
            lmtp.sendmail("a@example.org", [EMAIL], b"Subject: new\r\nTo: me\r\n\r\nx\r\n")
        self.assertEqual(client.readline(), b"* 1 EXISTS\r\n")
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"t OK"):
            pass
        ask("NOOP")
        fields = "From To Cc Bcc Subject Date Message-ID Priority References Content-Type"
        self.assertIn(
            "Subject: new",
            ask(f"UID FETCH 1 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({fields})])"),
        )
        self.assertIn("x\r\n", ask("UID FETCH 1 (UID RFC822.SIZE BODY.PEEK[])"))
        self.assertIn("\\Seen", ask("UID STORE 1 +FLAGS (\\Seen)"))
        ask("UID COPY 1 Trash")
        ask("UID STORE 1 +FLAGS (\\Seen \\Deleted)")
        self.assertIn("* 1 EXPUNGE", ask("UID EXPUNGE 1"))
        self.assertIn("MESSAGES 1", ask("STATUS Trash (UIDNEXT MESSAGES UNSEEN RECENT)"))
        ask("CLOSE")
        ask("LOGOUT")

    def trusting(self) -> ssl.SSLContext:
        """Trusts this server's own certificate."""
        return ssl.create_default_context(cafile=str(self.sora.data / "tls" / "self-signed.pem"))

    def test_a_new_password_holds_at_once(self) -> None:
        """G54: the running server has the old one in its cache, and believes it no longer."""
        self.start()
        self.session().logout()
        admin(self.sora, "accounts", "update", "--email", EMAIL, "--password", "a new password")
        with self.assertRaises(imaplib.IMAP4.error):
            self.session()
        client = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        self.addCleanup(client.shutdown)
        client.login(EMAIL, "a new password")
        admin(self.sora, "accounts", "delete", "--email", EMAIL, "--yes")
        other = imaplib.IMAP4("127.0.0.1", self.sora.imap, timeout=60)
        self.addCleanup(other.shutdown)
        with self.assertRaises(imaplib.IMAP4.error):
            other.login(EMAIL, "a new password")

    def test_neomutt_opens_the_mailbox(self) -> None:
        """The index of neomutt, in a terminal, shows the subject; plain, and with STARTTLS."""
        require_program(self, "neomutt", "neomutt")
        self.start()
        client = self.session()
        client.append(
            "INBOX",
            None,
            None,
            b"From: a@example.org\r\nSubject: visible in neomutt\r\n\r\nhello\r\n",
        )
        client.logout()
        certificate = self.sora.data / "tls" / "self-signed.pem"
        for tls in (
            "set ssl_starttls=no\nset ssl_force_tls=no\n",
            f'set ssl_force_tls=yes\nset certificate_file="{certificate}"\n',
        ):
            rc = Path(self.directory, "muttrc")
            rc.write_text(
                f'set folder="imap://localhost:{self.sora.imap}/"\nset spoolfile="+INBOX"\n'
                f'set imap_user="{EMAIL}"\nset imap_pass="{PASSWORD}"\nset header_cache=""\n' + tls
            )
            screen = self.screen(["neomutt", "-n", "-F", str(rc)], b"visible in neomutt")
            self.assertIn(b"visible in neomutt", screen)


def normal(letter: bytes) -> bytes:
    """A message as both sides hold it: line ends aside, and without what mbsync adds."""
    letter = letter.replace(b"\r\n", b"\n")
    head, gap, body = letter.partition(b"\n\n")
    head = re.sub(rb"(?m)^X-TUID: .*\n?", b"", head + b"\n")
    return (head.rstrip(b"\n") + gap + body).rstrip(b"\n")
