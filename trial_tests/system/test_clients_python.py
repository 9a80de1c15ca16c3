"""Libraries of Python: imapclient, imap-tools, imaplib2."""

import contextlib
import os
import ssl
import threading
from email import policy
from email.parser import BytesParser

import imaplib2
from imap_tools import AND, MailBox, MailboxLoginError, MailMessageFlags
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from trial_tests.support.client_case import ClientTestCase, Tap
from trial_tests.support.messages import sample_messages
from trial_tests.support.sora_process import EMAIL, PASSWORD

MANY = int(os.environ.get("SORA_CLIENT_MESSAGES", "2000"))


class ImapClientTests(ClientTestCase):
    def connect(self) -> IMAPClient:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        client = IMAPClient("localhost", self.sora.imaps, ssl_context=trusting, timeout=60)
        self.addCleanup(self.hang_up, client)
        return client

    def hang_up(self, client: IMAPClient) -> None:
        with contextlib.suppress(OSError):
            client.shutdown()

    def test_a_large_mailbox(self) -> None:
        """A wrong password; thousands of messages, their structures parsed; SORT, THREAD, SEARCH
        in a charset, CHANGEDSINCE, MOVE, UID EXPUNGE, IDLE, QUOTA, ACL."""
        self.start()
        letters = sample_messages(MANY, seed=19, wire_safe=True)
        self.fill(letters)
        with self.assertRaises(LoginError):
            self.connect().login(EMAIL, "wrong")
        client = self.connect()
        client.login(EMAIL, PASSWORD)
        for word in ("MOVE", "SORT", "THREAD=REFERENCES", "CONDSTORE", "ENABLE", "ACL", "QUOTA"):
            self.assertTrue(client.has_capability(word), word)
        folders = {name: flags for flags, _, name in client.list_folders()}
        self.assertIn(b"\\Sent", folders["Sent"])
        selected = client.select_folder("INBOX")
        self.assertEqual(selected[b"EXISTS"], MANY)
        self.assertIn(b"HIGHESTMODSEQ", selected)
        uids = client.search("ALL")
        self.assertEqual(len(uids), MANY)
        for start in range(0, MANY, 1000):
            some = uids[start : start + 1000]
            items = ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE", "MODSEQ"]
            fetched = client.fetch(some, items)
            self.assertEqual(set(fetched), set(some))
            for uid, data in fetched.items():
                letter = letters[uid - uids[0]]
                self.assertEqual(data[b"RFC822.SIZE"], len(letter))
                self.assertEqual(data[b"BODYSTRUCTURE"].is_multipart, _is_multipart(letter))
        self.assertEqual(sorted(client.sort("REVERSE DATE")), uids)
        self.assertEqual(sorted(_flat(client.thread("REFERENCES"))), uids)
        found = client.search(["SUBJECT", "münchen"], charset="UTF-8")
        self.assertEqual(found, client.search(["SUBJECT", "MÜNCHEN"], charset="ISO-8859-1"))
        self.assertTrue(found)
        before = selected[b"HIGHESTMODSEQ"]
        client.add_flags(uids[:2], [b"\\Flagged", b"$Work"])
        changed = client.fetch(uids, ["FLAGS"], [f"CHANGEDSINCE {before}"])
        self.assertEqual(sorted(changed), uids[:2])
        self.assertEqual(client.search(["KEYWORD", "$Work"]), uids[:2])
        client.move(uids[:2], "Archive")
        client.copy(uids[2:4], "Archive")
        client.delete_messages(uids[4:6])
        client.uid_expunge(uids[4:5])
        self.assertEqual(client.search("ALL"), [*uids[2:4], *uids[5:]])
        self.assertEqual(client.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"], 4)
        ((user, rights),) = client.getacl("Archive")
        self.assertEqual(user, EMAIL.encode())
        self.assertLessEqual(set(b"lrswipkxtea"), set(rights))
        self.assertTrue(client.get_quota_root("INBOX"))
        client.idle()
        self.append([b"Subject: woken\r\n\r\nx\r\n"])
        self.assertIn((MANY - 2, b"EXISTS"), client.idle_check(timeout=30))
        client.idle_done()
        client.logout()


def _is_multipart(letter: bytes) -> bool:
    return (
        BytesParser(policy=policy.compat32).parsebytes(letter).get_content_maintype() == "multipart"
    )


def _flat(threads: object) -> list[int]:
    if isinstance(threads, int):
        return [threads]
    return [uid for one in threads for uid in _flat(one)]  # type: ignore[attr-defined]


class ImapToolsTests(ClientTestCase):
    def test_messages_and_folders(self) -> None:
        """A wrong password; messages parsed, flags, folders made, renamed, removed; MOVE, IDLE."""
        self.start()
        letters = sample_messages(120, seed=23, wire_safe=True)
        self.fill(letters)
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        with self.assertRaises(MailboxLoginError):
            MailBox("localhost", self.sora.imaps, ssl_context=trusting).login(EMAIL, "wrong")
        with MailBox("localhost", self.sora.imaps, ssl_context=trusting).login(
            EMAIL, PASSWORD
        ) as box:
            messages = list(box.fetch(mark_seen=False, bulk=50))
            self.assertEqual(len(messages), len(letters))
            self.assertEqual([one.size_rfc822 for one in messages], [len(one) for one in letters])
            uids = [one.uid for one in messages]
            box.flag(uids[:10], (MailMessageFlags.FLAGGED, "$Tag"), True)
            self.assertEqual(box.uids(AND(flagged=True, keyword="$Tag")), uids[:10])
            box.folder.create("Work/2026 täglich")
            box.folder.rename("Work/2026 täglich", "Work/2027 täglich")
            names = [one.name for one in box.folder.list()]
            self.assertIn("Work/2027 täglich", names)
            box.move(uids[:5], "Work/2027 täglich")
            box.copy(uids[5:8], "Work/2027 täglich")
            box.delete(uids[8:9])
            self.assertEqual(box.folder.status("Work/2027 täglich")["MESSAGES"], 8)
            self.assertEqual(len(box.uids()), len(letters) - 6)
            box.append(b"Subject: appended\r\n\r\nx\r\n", "Work/2027 täglich")
            box.folder.set("Work/2027 täglich")
            self.assertEqual([one.subject for one in box.fetch("SUBJECT appended")], ["appended"])
            box.folder.set("INBOX")
            box.folder.delete("Work/2027 täglich")
            box.idle.start()
            self.append([b"Subject: woken\r\n\r\nx\r\n"])
            self.assertIn(b"EXISTS", b" ".join(box.idle.poll(timeout=30)))
            box.idle.stop()


class Imaplib2Tests(ClientTestCase):
    def test_compressed_and_in_threads(self) -> None:
        """COMPRESS=DEFLATE; commands that wait for one another in threads; IDLE."""
        try:
            self.compressed_and_in_threads()
        except imaplib2.IMAP4.error as error:
            # A class within a class does not find its way from a process of trial to the other.
            self.fail(f"{type(error).__name__}: {error}")

    def compressed_and_in_threads(self) -> None:
        self.start()
        letters = sample_messages(300, seed=29, wire_safe=True)
        self.fill(letters)
        tap = Tap(self, self.sora.imap)
        client = imaplib2.IMAP4("127.0.0.1", tap.port, timeout=60)
        with self.assertRaises(imaplib2.IMAP4.error):
            client.login(EMAIL, "wrong")
        client.login(EMAIL, PASSWORD)
        # It asks before the login only.
        client.capabilities = tuple(client.capability()[1][0].decode().upper().split())
        client.enable_compression()
        self.assertIn(" COMPRESS DEFLATE\r\n", tap.take())
        client.select("INBOX")
        # No bodies: of more than 32 KiB at once its inflater may keep the end, and wait for more.
        _, answer = client.fetch("1:*", "(UID FLAGS)")
        self.assertEqual(len(answer), len(letters))
        woken = threading.Event()
        client.idle(timeout=60, callback=lambda _: woken.set())
        # It may begin to idle after the first one.
        sent = 0
        while not woken.wait(1) and sent < 30:
            self.append([b"Subject: woken\r\n\r\nx\r\n"])
            sent += 1
        self.assertTrue(woken.is_set())
        self.assertEqual(client.select("INBOX")[1], [b"%d" % (300 + sent)])
        client.logout()
        self.assertNotIn("FETCH", tap.take())
