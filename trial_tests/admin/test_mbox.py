"""`sora-admin import-mbox` and `export-mbox`, on storage in memory and files on the disk."""

import os
from pathlib import Path
from typing import Any

from trial_tests.admin.test_importing import ANN, LIMIT, ImportingTestCase

FROM = b"From a@example.org Sat Feb  1 04:05:06 2003\n"
ONE = b"Subject: one\nStatus: RO\nX-Status: A\nX-Keywords: Work\n\nbody\n>From x\n>>From y\n"
TWO = b"Subject: two\nX-UID: 7\n\nno end of line"
INTERNAL = b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx\n"


class MboxTests(ImportingTestCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.box = self.root / "box"

    def brings(self, *words: str) -> dict[str, Any]:
        path = () if "--path" in words else ("--path", str(self.box), "--into", "INBOX")
        return self.counted(*self.ran("import-mbox", "--email", ANN, *path, *words, "--json"))

    def bodies(self, name: str = "INBOX") -> list[bytes]:
        tables = self.storage.tables
        messages = tables.mailboxes[self.opened(name).mailbox.id].messages.values()
        return [b"".join(tables.contents[one.content_id].pieces or ()) for one in messages]

    def test_messages_once(self) -> None:
        """Without the fields for flags, and unquoted; the same message twice is two."""
        self.box.write_bytes(
            FROM + INTERNAL + b"\n" + FROM + ONE + b"\n" + FROM + TWO + b"\n\n" + FROM + TWO
        )
        self.assertEqual(self.counts(self.brings()), (3, 3, 0, 0))
        two = b"Subject: two\r\n\r\nno end of line"
        one = b"Subject: one\r\n\r\nbody\r\nFrom x\r\n>From y\r\n"
        found = self.bodies()
        self.assertEqual([found[0], found[1].rstrip(), found[2].rstrip()], [one, two, two])
        opened = self.opened()
        self.assertEqual((opened.states.masks[0], opened.keywords), (1 | 2 | 32, ((0, "Work"),)))
        [first, *_] = self.storage.tables.mailboxes[opened.mailbox.id].messages.values()
        self.assertEqual(first.internal_date.isoformat(), "2003-02-01T04:05:06+00:00")
        again = self.box.read_bytes().replace(b"Status: RO\n", b"Status: O\n") + b"\n\n" + FROM
        self.box.write_bytes(again + b"Subject: new\n\n")
        self.assertEqual(self.counts(self.brings()), (4, 1, 3, 0))

    def test_a_file_whose_name_is_not_utf_8(self) -> None:
        """It is told so, and the others come; alone it can be named."""
        self.box.mkdir()
        file = Path(os.fsdecode(bytes(self.box) + b"/caf\xe9.mbox"))
        file.write_bytes(FROM + ONE)
        self.box.joinpath("good").write_bytes(FROM + TWO)
        words = ("import-mbox", "--email", ANN, "--path")
        status, said = self.ran(*words, str(self.box))[:2]
        self.assertEqual(status, 1)
        self.assertIn("The name is not in UTF-8", said)
        self.assertEqual(len(self.bodies("good")), 1)
        self.assertEqual(self.ran(*words, str(file), "--into", "Cafe")[0], 0)
        self.assertEqual(len(self.bodies("Cafe")), 1)

    def test_content_length(self) -> None:
        """It says where a message ends, if a message or nothing follows there; else it is wrong."""
        inner = b"text\n\n" + FROM + b"not a message\n"
        right = b"Subject: a\nContent-Length: %d\n\n" % len(inner) + inner
        wrong = b"Subject: b\nContent-Length: 5\n\nlonger than five\n"
        self.box.write_bytes(FROM + right + b"\n" + FROM + wrong + b"\n" + FROM + ONE)
        self.assertEqual(self.counts(self.brings()), (3, 3, 0, 0))
        first, second, _ = self.bodies()
        self.assertEqual(first, b"Subject: a\r\n\r\n" + inner.replace(b"\n", b"\r\n"))
        self.assertEqual(second, b"Subject: b\r\n\r\nlonger than five\r\n")

    def test_a_directory(self) -> None:
        """Names by path, as programs write them; what is no mbox is named, and not silently left."""
        mail = self.root / "mail"
        (mail / "Work.sbd").mkdir(parents=True)
        for name in ("Inbox", "Work", "Work.sbd/Größe.mbox"):
            (mail / name).write_bytes(FROM + ONE)
        (mail / "Work.msf").write_text("an index")
        (mail / "notes").write_text("no mbox")
        (mail / "link").symlink_to(mail / "Work")
        found = self.brings("--path", str(mail))
        self.assertEqual(self.counts(found), (5, 3, 0, 2))
        self.assertEqual(self.names(), ["INBOX", "Sent", "Work", "Work/Größe"])

    def test_what_cannot_be_imported(self) -> None:
        self.box.write_bytes(FROM + ONE + b"\n" + FROM + b"Subject: x\n\n" + b"x" * LIMIT)
        found = self.brings()
        self.assertEqual(self.counts(found), (2, 1, 0, 1))
        self.assertIn("larger than the limit", found["problems"][0])
        for name, text in (("nowhere", "no file"), ("wrong", "not an mbox"), ("none", "No file")):
            (self.root / "wrong").write_text("text")
            (self.root / "none").mkdir(exist_ok=True)
            code, said = self.ran("import-mbox", "--email", ANN, "--path", str(self.root / name))
            self.assertEqual(code, 1)
            self.assertIn(text, said)

    def test_there_and_back(self) -> None:
        """What was exported is imported with the same octets, flags and dates."""
        self.box.write_bytes(FROM + ONE + b"\n" + FROM + TWO)
        self.brings("--into", "Work/Old")
        out = Path(self.mktemp())
        words = ("--email", ANN, "--path", str(out))
        code, said = self.ran("export-mbox", *words)
        self.assertEqual(code, 0, said)
        self.assertIn("4 mailboxes: 2 messages seen, 2 exported", said)
        written = (out / "Work" / "Old.mbox").read_bytes()
        self.assertTrue(
            written.startswith(b"From MAILER-DAEMON Sat Feb  1 04:05:06 2003\nStatus: RO\n")
        )
        self.assertIn(b"\nbody\n>From x\n>>From y\n\nFrom ", written)
        self.assertEqual((out / "Work" / "Old.mbox").stat().st_mode & 0o777, 0o600)
        self.assertEqual((out / "INBOX.mbox").read_bytes(), b"")
        self.ran("export-mbox", *words)
        self.assertEqual((out / "Work" / "Old.mbox").read_bytes(), written)
        contents = set(self.bodies("Work/Old"))
        self.assertEqual(
            self.counts(self.brings("--path", str(out), "--rename", "Work=New")), (2, 2, 0, 0)
        )
        self.assertEqual(
            {one.rstrip() for one in self.bodies("New/Old")}, {one.rstrip() for one in contents}
        )
        old, new = self.opened("Work/Old"), self.opened("New/Old")
        self.assertEqual(old.states.masks, new.states.masks)
