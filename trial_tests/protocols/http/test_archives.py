"""A maildir that is sent as a tar, and imported: nothing of it is unpacked anywhere."""

import os
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from sora.errors import NoSuchAccount
from sora.exchange.wishes import Wishes
from sora.mailbox.spool import Spool
from sora.protocols.http.upload import ARCHIVES
from trial_tests.protocols.http.desk import KEY, MAX_ARCHIVE, READING, Answer
from trial_tests.protocols.http.test_exchange import HERE, ExchangeTestCase

BOB = "/admin/accounts/bob@example.com"
TAR = "application/x-tar"
MESSAGE = b"Subject: %d\n\nHello\n"


class ArchiveTestCase(ExchangeTestCase):
    """Ann, who has mail, and Bob, who has none."""

    def setUp(self) -> None:
        super().setUp()
        new = {"email": "bob@example.com", "password": "correct horse", "hash": "ssha512"}
        self.assertEqual(self.ask("POST", "/admin/accounts", new).status, 201)

    def sent(self, archive: bytes, query: str = "", **how: Any) -> Answer:
        """What is said of an archive."""
        path = f"{BOB}/import/archive{query}"
        return self.ask("POST", path, raw=archive, **{"media": TAR, **how})

    def bob_has(self, mailbox: str = "INBOX") -> int:
        """Messages in a mailbox."""
        return int(self.ask("GET", f"{BOB}/mailboxes/{mailbox}").json["messages"])

    def packed(self, names: dict[str, bytes], **kinds: Any) -> bytes:
        """Files in an archive; `kinds` are entries of other kinds, by their types."""
        octets = BytesIO()
        with tarfile.open(fileobj=octets, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, data in names.items():
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(data), 1_000_000_000
                tar.addfile(info, BytesIO(data))
            for kind, (name, target) in kinds.items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = getattr(tarfile, kind), target
                tar.addfile(info)
        return octets.getvalue()


class ArchiveTests(ArchiveTestCase):
    """What is imported."""

    def test_there_and_back(self) -> None:
        """What was downloaded comes again as it was, each message once however often it is sent;
        downloaded again it is the same (G29)."""
        self.put("1.a:2,S", "2.b:2,Fa", "3.c:2,ab")
        (self.maildir / "dovecot-keywords").write_text("0 Important\n1 $Label1\n")
        (self.maildir / "dovecot-uidlist").write_text("3 V77 N31 Gabc\n9 :1.a\n12 :2.b\n30 :3.c\n")
        for folder in (".Work.&ZeVnLIqe-", f".{'a' * 120}"):
            self.put("8.y:2,S", folder=self.folder(self.maildir / folder))
        (self.maildir / "subscriptions").write_text("V\t2\n\nWork\t&ZeVnLIqe-\n")
        os.utime(self.maildir / "cur" / "1.a:2,S", (1_000_000_000, 1_000_000_000))
        self.assertEqual(self.counts(self.task(self.imports(preserve_uids=True)))[1], 5)
        archive = self.ask("GET", f"{HERE}/export/maildir").body
        tried = self.task(self.sent(archive, "?preserve_uids=true&dry_run=true"))
        self.assertEqual((tried["state"], self.counts(tried)), ("done", (5, 5, 0, 0)), tried)
        done = self.task(self.sent(archive, "?preserve_uids=true"))
        self.assertEqual((done["kind"], self.counts(done)), ("import-archive", (5, 5, 0, 0)), done)
        self.assertTrue(done["result"]["complete"], done)
        again = self.task(self.sent(archive, "?preserve_uids=true"))
        self.assertEqual(self.counts(again), (5, 0, 5, 0))
        back = self.ask("GET", f"{BOB}/export/maildir").body
        self.assertEqual(_described(back), _described(archive))
        self.assertTrue(all(spool.closed for spool in self.spools))

    def test_what_others_have_packed(self) -> None:
        """A directory with the maildir in it, in whatever order; hard links; names that are no
        mail."""
        names = {f"Maildir/cur/{number}.x:2,S": MESSAGE % number for number in range(3)}
        names |= {"Maildir/.Sent/new/9.y": MESSAGE % 9, "Maildir/dovecot.index": b"x"}
        names |= {"Maildir/dovecot-uidlist": b"3 V5 N10 Gx\n4 :1.x\n"}
        archive = self.packed(names, LNKTYPE=("Maildir/.Sent/cur/8.z:2,F", "Maildir/cur/2.x:2,S"))
        done = self.task(self.sent(archive, "?preserve_uids=true"))
        self.assertEqual(self.counts(done), (5, 5, 0, 0), done)
        self.assertEqual((self.bob_has(), self.bob_has("Sent")), (3, 2))
        inbox = self.ask("GET", f"{BOB}/mailboxes/INBOX").json
        self.assertEqual(inbox["uidvalidity"], 5)

    def test_the_other_layout_and_a_choice(self) -> None:
        """As the import of a directory is given them."""
        names = dict.fromkeys(("cur/1.a:2,", "A/B/cur/1.a:2,", "C/cur/1.a:2,"), MESSAGE % 1)
        done = self.task(self.sent(self.packed(names), "?layout=fs&mailbox=A%2FB&mailbox=C"))
        self.assertEqual(self.counts(done), (2, 2, 0, 0), done)
        self.assertEqual((self.bob_has(), self.bob_has("A%2FB")), (0, 1))

    def test_what_is_no_file(self) -> None:
        """Links to elsewhere and devices are not followed; what can be imported is (G38)."""
        names = {"cur/1.a:2,": MESSAGE % 1, "cur/2.empty:2,": b"", ".x/../y": b""}
        del names[".x/../y"]
        archive = self.packed(
            names,
            SYMTYPE=("cur/3.c:2,", "/etc/passwd"),
            LNKTYPE=("cur/4.d:2,", "etc/passwd"),
            CHRTYPE=("cur/5.e:2,", ""),
        )
        done = self.task(self.sent(archive))
        self.assertEqual(self.counts(done), (5, 1, 0, 4), done)
        named = [one["where"] for one in done["result"]["problems"]]
        for name in ("2.empty", "3.c", "4.d", "5.e"):
            self.assertTrue(any(name in one for one in named), named)

    def test_what_is_no_archive(self) -> None:
        """Nothing of it is imported."""
        sound = self.packed({"cur/1.a:2,": MESSAGE % 1, "cur/2.b:2,": MESSAGE % 2})
        for archive, why in (
            (sound[:1600], "cut off"),
            (self.packed({"cur/1.a:2,": MESSAGE % 1, "../cur/2.b:2,": b"x"}), "leads out"),
            (self.packed({"cur/1.a:2,": MESSAGE % 1, "/cur/2.b:2,": b"x"}), "leads out"),
            (b"From a@example.org\n" * 100, "no tar"),
            (self.packed({"etc/passwd": b"x"}), "not a maildir"),
        ):
            with self.subTest(why):
                task = self.task(self.sent(archive))
                self.assertEqual(task["state"], "failed", task)
                self.assertIn(why, task["error"])
        self.assertEqual(self.bob_has(), 0)
        self.assertTrue(all(spool.closed for spool in self.spools))

    def test_whoever_it_is_for_goes_away(self) -> None:
        """The archive goes, too, before the task has begun with it."""
        spool = Spool()
        spool.write(self.packed({"cur/1.a:2,": MESSAGE % 1}))
        importing = self.nouns.importing.archive("x@example.com", spool, "auto", Wishes(), print)
        self.failureResultOf(Deferred.fromCoroutine(importing), NoSuchAccount)
        self.assertTrue(spool.closed)

    def test_who_may_not(self) -> None:
        """Refused before anything is kept, or when it is too large, or no tar."""
        archive = self.packed({"cur/1.a:2,": MESSAGE % 1})
        self.has_problem(self.sent(archive, key=READING), 403, "not-permitted")
        self.has_problem(self.sent(archive, key=None), 401, "no-key")
        self.assertEqual(self.spools, [])
        self.has_problem(
            self.sent(archive, media="application/gzip"), 415, "unsupported-media-type"
        )
        wrong = self.sent(archive, media="message/rfc822")
        self.has_problem(wrong, 415, "unsupported-media-type", "application/x-tar")
        self.has_problem(self.sent(b"x" * (MAX_ARCHIVE + 1)), 413, "too-big", str(MAX_ARCHIVE))
        nobody = self.ask(
            "POST", "/admin/accounts/x@example.com/import/archive", raw=archive, media=TAR
        )
        self.has_problem(nobody, 404, "not-found")
        self.assertTrue(all(spool.closed for spool in self.spools))

    def test_not_too_many_at_once(self) -> None:
        """Those that are coming have a disk to themselves (G37)."""
        coming = []
        for _ in range(ARCHIVES):
            connection, _transport = self.connect()
            head = (
                f"POST {BOB}/import/archive HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n"
                f"Authorization: Bearer {KEY}\r\nContent-Type: {TAR}\r\n\r\nabc"
            )
            connection.dataReceived(head.encode())
            coming.append(connection)
        archive = self.packed({"cur/1.a:2,": MESSAGE % 1})
        self.has_problem(self.sent(archive), 409, "too-many", "archives")
        self.assertEqual(self.spools[-1].size, 0)
        coming.pop().connectionLost()
        self.assertEqual(self.counts(self.task(self.sent(archive))), (1, 1, 0, 0))
        for connection in coming:
            connection.connectionLost()
        self.assertTrue(all(spool.closed for spool in self.spools))


def _described(archive: bytes) -> dict[str, tuple[bytes, ...]]:
    """What is in an archive, but for what is another account's: ids, and UIDs that were new."""
    found: dict[str, tuple[bytes, ...]] = {}
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            name = Path(member.name).name
            octets = b"" if file is None else file.read()
            if name == "dovecot-uidlist":
                octets = b" ".join(octets.split()[1:3]) + b"".join(octets.splitlines()[1:])
            found[member.name] = (octets, b"%d" % (member.mtime if "/cur/" in f"/{name}" else 0))
    return found
