"""Programs that copy mailboxes: mbsync both ways, OfflineIMAP, getmail, imapfilter."""

import os
from pathlib import Path

from trial_tests.support.client_case import ClientTestCase, Tap
from trial_tests.support.messages import plain_message, sample_messages
from trial_tests.support.programs import require_program
from trial_tests.support.sora_process import EMAIL, PASSWORD

MANY = int(os.environ.get("SORA_CLIENT_MESSAGES", "2000"))


def letters(count: int, seed: int) -> list[bytes]:
    """Messages that look the same with LF line ends in a Maildir."""
    return sample_messages(count, seed, wire_safe=True)


def _body(letter: bytes) -> bytes:
    return letter.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()


class SyncTests(ClientTestCase):
    def server_flags(self, mailbox: str = "INBOX") -> dict[int, str]:
        """UIDs with their flags."""
        client = self.session()
        client.select(mailbox, readonly=True)
        _, answer = client.uid("FETCH", "1:*", "(UID FLAGS)")
        client.logout()
        found = {}
        for line in answer:
            words = line.decode()
            uid = int(words.partition("UID ")[2].split()[0].rstrip(")"))
            found[uid] = words.partition("FLAGS (")[2].partition(")")[0]
        return found

    def files(self, maildir: Path) -> list[Path]:
        """The messages of a Maildir."""
        return sorted([*(maildir / "cur").iterdir(), *(maildir / "new").iterdir()])

    def test_mbsync_carries_flags_and_expunges_both_ways(self) -> None:
        """Flags set and messages expunged on either side; then nothing is left to do."""
        require_program(self, "mbsync", "isync")
        self.start()
        self.fill(letters(300, 31))
        tap = Tap(self, self.sora.imap)
        inbox = Path(self.directory, "mail", "INBOX")
        inbox.parent.mkdir()
        config = self.write(
            "mbsyncrc",
            f"""
IMAPStore remote
Host 127.0.0.1
Port {tap.port}
User {EMAIL}
Pass "{PASSWORD}"
SSLType None
AuthMechs LOGIN
DisableExtension COMPRESS=DEFLATE

MaildirStore local
Path {self.directory}/mail/
Inbox {inbox}
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
        self.succeed("mbsync", "-c", config, "-a")
        self.assertEqual(len(self.files(inbox)), 300)
        # Here: one seen and flagged, one deleted. There: one answered, one expunged.
        here = self.files(inbox)
        first = next(file for file in here if ",U=1:" in file.name)
        first.rename(inbox / "cur" / (first.name.partition(":2,")[0] + ":2,FS"))
        second = next(file for file in here if ",U=2:" in file.name)
        second.rename(inbox / "cur" / (second.name.partition(":2,")[0] + ":2,T"))
        client = self.session()
        client.select("INBOX")
        client.uid("STORE", "3", "+FLAGS", "(\\Answered)")
        client.uid("STORE", "4", "+FLAGS", "(\\Deleted)")
        client.expunge()
        client.logout()
        self.succeed("mbsync", "-c", config, "-a")
        flags = self.server_flags()
        self.assertEqual(set(flags), set(range(1, 301)) - {2, 4})
        self.assertEqual(set(flags[1].split()), {"\\Seen", "\\Flagged"})
        names = [file.name for file in self.files(inbox)]
        self.assertEqual(len(names), 298)
        self.assertTrue(any(",U=3:" in name and name.endswith("R") for name in names), names[:9])
        tap.take()
        self.succeed("mbsync", "-c", config, "-a")
        self.assertEqual(self.server_flags(), flags)
        self.assertEqual([file.name for file in self.files(inbox)], names)
        said = tap.take()
        self.assertIn("SELECT", said)
        for word in ("APPEND", "STORE", "EXPUNGE", "BODY.PEEK[]"):
            self.assertNotIn(word, said)
        wrong = self.write("wrongrc", Path(config).read_text().replace(PASSWORD, "wrong"))
        self.assertNotEqual(self.run_program("mbsync", "-c", wrong, "-a").returncode, 0)

    def test_offlineimap_syncs_a_large_mailbox(self) -> None:
        """Thousands of messages down, one up, a flag up; the second run moves nothing."""
        require_program(self, "offlineimap", "offlineimap3")
        self.start()
        self.fill(letters(MANY, 37))
        tap = Tap(self, self.sora.imap)
        mail = Path(self.directory, "mail")
        config = self.write(
            "offlineimaprc",
            f"""
[general]
accounts = sora
metadata = {self.directory}/metadata
ui = basic
[Account sora]
localrepository = local
remoterepository = remote
[Repository local]
type = Maildir
localfolders = {mail}
[Repository remote]
type = IMAP
remotehost = 127.0.0.1
remoteport = {tap.port}
remoteuser = {EMAIL}
remotepass = {PASSWORD}
ssl = no
starttls = no
auth_mechanisms = PLAIN
folderfilter = lambda name: name in ("INBOX", "Archive")
""",
        )
        self.succeed("offlineimap", "-c", config)
        inbox = mail / "INBOX"
        self.assertEqual(len(self.files(inbox)), MANY)
        (mail / "Archive" / "new" / "1.x.host").write_bytes(b"Subject: up\n\nfrom here\n")
        file = next(one for one in self.files(inbox) if ",U=1," in one.name)
        file.rename(inbox / "cur" / (file.name.partition(":2,")[0] + ":2,FS"))
        self.succeed("offlineimap", "-c", config)
        self.assertEqual(set(self.server_flags()[1].split()), {"\\Seen", "\\Flagged"})
        client = self.session()
        self.assertEqual(client.select("Archive", readonly=True)[1], [b"1"])
        client.logout()
        tap.take()
        self.succeed("offlineimap", "-c", config)
        said = tap.take()
        for word in ("APPEND", "STORE", "EXPUNGE", "BODY.PEEK[]", "RFC822)"):
            self.assertNotIn(word, said)

    def test_getmail_fetches_and_deletes(self) -> None:
        """Over TLS, the certificate checked; what is there is fetched once, then deleted."""
        require_program(self, "getmail", "getmail6")
        self.start()
        sent = [plain_message(2000, seed) for seed in range(10)]
        self.fill(sent)
        here = Path(self.directory, "here")
        here.mkdir()
        # getmail waits a minute for a child that has ended before it began to wait: hence `sleep`.
        text = f"""
[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {self.sora.imaps}
username = {EMAIL}
password = {PASSWORD}
ca_certs = {self.certificate}
mailboxes = ("INBOX",)
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat > $(mktemp {here}/XXXXXXXX); sleep 0.5")
allow_root_commands = true
[options]
read_all = false
delete = false
delivered_to = false
received = false
"""
        self.write("getmailrc", text)
        arguments = ("getmail", "--getmaildir", self.directory, "--rcfile")
        self.succeed(*arguments, "getmailrc")
        # It writes the header anew.
        bodies = {_body(file.read_bytes()) for file in here.iterdir()}
        self.assertTrue(bodies == set(map(_body, sent)), "not what was appended")
        self.append([b"Subject: later\r\n\r\nx\r\n"])
        self.write("deleting", text.replace("delete = false", "delete = true"))
        self.succeed(*arguments, "deleting")
        self.assertEqual(len(list(here.iterdir())), 11)
        client = self.session()
        self.assertEqual(client.select("INBOX")[1], [b"0"])
        client.logout()
        self.write("wrong", text.replace(PASSWORD, "wrong"))
        self.assertNotEqual(self.run_program(*arguments, "wrong").returncode, 0)

    def test_imapfilter_searches_moves_and_flags(self) -> None:
        """Searches by subject and size, in one mailbox and two; moves, copies, flags, deletes."""
        require_program(self, "imapfilter", "imapfilter")
        self.start()
        self.fill(letters(400, 43))
        self.append([b"Subject: wombat %d\r\n\r\nx\r\n" % number for number in range(5)])
        tap = Tap(self, self.sora.imap)
        config = self.write(
            "filter.lua",
            f"""
options.timeout = 60
options.starttls = false
options.subscribe = true
account = IMAP {{ server = "127.0.0.1", port = {tap.port}, username = "{EMAIL}",
                 password = "{PASSWORD}" }}
found = account.INBOX:contain_subject("wombat")
print("found " .. #found)
account:create_mailbox("Invoices")
found:move_messages(account.Invoices)
small = account.Invoices:is_smaller(1000) * account.Invoices:contain_body("x")
small:mark_flagged()
small:add_flags({{ "$Paid" }})
two = account.Invoices:match_subject("wombat [01]")
two:copy_messages(account.Archive)
two:delete_messages()
both = account.INBOX:is_unseen() + account.Invoices:has_keyword("$Paid")
print("both " .. #both)
exist, unread, unseen, uidnext = account.Invoices:check_status()
print("left " .. exist)
""",
        )
        said = self.succeed("imapfilter", "-c", config).decode()
        for line in ("found 5", "both 403", "left 3"):
            self.assertIn(line, said)
        self.assertEqual(len(self.server_flags("Archive")), 2)
        flags = self.server_flags("Invoices")
        self.assertEqual([set(one.split()) for one in flags.values()], [{"\\Flagged", "$Paid"}] * 3)
        self.assertIn(" UID COPY 401:405 ", tap.take())
