"""`sora-admin import-maildir`, on storage in memory and directories on the disk."""

import bz2
import gzip
import json
import os
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from attrs import fields_dict
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sora.addresses import parse_address
from sora.admin.command import Store, Terminal
from sora.admin.main import parse, prepare, run
from sora.errors import Unavailable
from sora.exchange.exporter import ExportRooms
from sora.exchange.importing import ImportRooms
from sora.mail.facts import derive
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.scripts import Compiler, ScriptStore
from sora.operations.exporting import ExportOperations
from sora.operations.importing import ImportOperations
from sora.operations.owners import OwnerLookup
from sora.retry import Delays
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits
from sora.storage.memory.objects import MemoryObjects
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import NewMailbox, Opened, Operation, ScriptLimits
from sora.storage.stores import ObjectStore

ANN = "ann@example.com"
LIMIT = 100_000


def letter(number: int, size: int = 10) -> bytes:
    return b"Subject: %d\nFrom: a@example.org\n\n%s\n" % (number, b"x" * size)


class Calls:
    """Threads that are none; what fails is told as threads do."""

    run = staticmethod(maybeDeferred)


class ImportingTestCase(TestCase):
    """An account, and a maildir that is still empty."""

    async def setUp(self) -> None:
        self.clock = Clock()
        self.storage = storage = memory_storage(self.clock)
        threads: Any = Calls()
        random = Random(1)
        arrivals = Arrivals(
            storage.messages,
            storage.uploads,
            ObjectStore("main", MemoryObjects(), is_remote=True),
            derive=derive,
            threads=threads,
            clock=self.clock,
        )
        rooms = ImportRooms(
            importing=storage.importing,
            mailboxes=storage.mailboxes,
            messages=storage.messages,
            arrivals=arrivals,
            new_operation=lambda: Operation(UUID(int=random.getrandbits(128))),
            new_uuid=uuid4,
            clock=self.clock,
            random=random,
            patience=Delays(1, 1, attempts=2),
        )
        scripts = ScriptStore(
            storage.scripts, Compiler(SIEVE, Limits(), threads.run), ScriptLimits(9999, 9, 99999)
        )
        owners = OwnerLookup(storage.accounts, storage.rights)
        operations = ImportOperations(owners, rooms, scripts, threads, LIMIT)

        async def importing() -> ImportOperations:
            return operations

        async def close() -> None:
            """There is nothing to close."""

        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        bodies = Bodies([ObjectStore("main", MemoryObjects())], storage.uploads, threads)
        export_rooms = ExportRooms(storage.mailboxes, storage.messages, bodies, threads)
        exports = ExportOperations(owners, export_rooms)

        async def exporting() -> ExportOperations:
            return exports

        opened = {"importing": importing, "exporting": exporting, "close": close}
        self.store = Store(**others | opened)
        self.account = await storage.accounts.create(
            parse_address(ANN), [], [NewMailbox("INBOX"), NewMailbox("Sent", "\\Sent")]
        )
        self.root = Path(self.mktemp())
        self.folder("")

    def folder(self, name: str) -> Path:
        directory = self.root / name
        for sub in ("cur", "new", "tmp"):
            (directory / sub).mkdir(parents=True)
        return directory

    def put(self, name: str, data: bytes = b"", folder: str = "", at: int = 1_500_000_000) -> Path:
        """A file of a message; `name` is in `cur` or `new`."""
        file = self.root / folder / name
        file.write_bytes(data or letter(len(name)))
        os.utime(file, (at, at))
        return file

    def uidlist(self, text: str, folder: str = "") -> None:
        (self.root / folder / "dovecot-uidlist").write_text(text)

    async def open(self, given: object) -> Store:
        return self.store

    def admin(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was printed."""
        return self.ran("import-maildir", "--email", ANN, "--path", str(self.root), *words)

    def ran(self, *words: str) -> tuple[int, str]:
        """The same of a whole command."""
        said = StringIO()
        given = parse(words)
        prepare(given, Terminal(StringIO(), said))
        running = Deferred.fromCoroutine(run(given, self.open, said, said))
        for _ in range(20):
            if not running.called:
                self.clock.advance(1)
        return self.successResultOf(running), said.getvalue()

    def imports(self, *words: str) -> dict[str, Any]:
        """The counts, which add up, of an import that may have failed."""
        return self.counted(*self.admin(*words, "--json"))

    def counted(self, code: int, said: str) -> dict[str, Any]:
        """The counts that were printed."""
        found, _ = json.JSONDecoder().raw_decode(said)
        together = found["done"] + found["skipped"] + found["failed"] + found["left"]
        self.assertEqual(found["seen"], together, said)
        is_whole = not (found["failed"] or found["left"] or found["problems"])
        self.assertEqual(code, 0 if is_whole else 1, said)
        found["problems"] = [f"{one['where']}: {one['text']}" for one in found["problems"]]
        return found

    def counts(self, found: dict[str, Any]) -> tuple[int, int, int, int]:
        return (found["seen"], found["done"], found["skipped"], found["failed"])

    def opened(self, name: str = "INBOX") -> Opened:
        return self.successResultOf(self.storage.mailboxes.open(self.account.id, name))

    def uids(self, name: str = "INBOX") -> list[int]:
        return list(self.opened(name).states.uids)

    def names(self) -> list[str]:
        listing = self.successResultOf(self.storage.mailboxes.list(self.account.id))
        return [row.name for row in listing.mailboxes]


class ImportMaildirTests(ImportingTestCase):
    def test_messages_once(self) -> None:
        """Flags, keywords, dates; again there is nothing to do, and then only what is new."""
        self.put("cur/1.a:2,FSa", at=1_400_000_000)
        self.put("new/2.b")
        (self.root / "dovecot-keywords").write_text("0 Work\n")
        found = self.imports()
        self.assertEqual(self.counts(found), (2, 2, 0, 0))
        opened = self.opened()
        self.assertEqual(list(opened.states.masks), [1 | 4 | 32, 0])
        self.assertEqual(opened.keywords, ((0, "Work"),))
        [first, _] = self.storage.tables.mailboxes[opened.mailbox.id].messages.values()
        self.assertEqual(first.internal_date.timestamp(), 1_400_000_000)
        self.put("cur/3.c:2,")
        self.assertEqual(self.counts(self.imports()), (3, 1, 2, 0))
        (self.root / "cur" / "1.a:2,FSa").rename(self.root / "cur" / "1.a:2,")
        self.assertEqual(self.counts(self.imports()), (3, 0, 3, 0))

    def test_flags_that_changed_there(self) -> None:
        """Only where it is asked for; what was expunged here stays so."""
        first, second = self.put("cur/1.a:2,S"), self.put("cur/2.b:2,")
        self.put("cur/3.c:2,F")
        self.imports()
        (self.root / "dovecot-keywords").write_text("0 Work\n")
        first.rename(self.root / "cur" / "1.a:2,")
        second.rename(self.root / "cur" / "2.b:2,FSa")
        self.assertEqual(self.imports()["changed"], 0)
        tried = self.imports("--update-flags", "--dry-run")
        self.assertEqual((tried["changed"], list(self.opened().states.masks)), (2, [1, 0, 4]))
        found = self.imports("--update-flags")
        self.assertEqual((*self.counts(found), found["changed"]), (3, 0, 3, 0, 2))
        self.assertEqual(list(self.opened().states.masks), [0, 1 | 4 | 32, 4])
        self.assertEqual(self.imports("--update-flags")["changed"], 0)

    def test_lines_end_with_crlf(self) -> None:
        self.put("cur/1.a:2,", b"Subject: x\n\nline\r\nlast")
        self.imports()
        [content] = self.storage.tables.contents.values()
        self.assertEqual(b"".join(content.pieces or ()), b"Subject: x\r\n\r\nline\r\nlast")

    def test_uids_of_dovecot(self) -> None:
        """G29: what Dovecot has given out is given to nobody else."""
        for number in (1, 2, 3):
            self.put(f"cur/{number}.x:2,S")
        self.uidlist("3 V77 N20\n9 :3.x\n12 :1.x:2,\n")
        self.assertEqual(self.counts(self.imports("--preserve-uids")), (3, 3, 0, 0))
        self.assertEqual(self.opened().mailbox.uidvalidity, 77)
        self.assertEqual(self.uids(), [9, 12, 20])
        self.uidlist("3 V77 N22\n9 :3.x\n12 :1.x\n20 :2.x\n21 :4.x\n")
        self.put("cur/4.x:2,")
        self.assertEqual(self.counts(self.imports("--preserve-uids")), (4, 1, 3, 0))
        self.assertEqual(self.uids(), [9, 12, 20, 21])

    def test_a_mailbox_that_has_messages_keeps_its_uids(self) -> None:
        """It is said, counted, and mended by leaving the UIDs."""
        self.put("cur/1.x:2,")
        self.imports()
        self.uidlist("3 V77 N20\n9 :1.x\n")
        self.put("cur/2.x:2,")
        found = self.imports("--preserve-uids")
        self.assertEqual(self.counts(found), (2, 0, 0, 2))
        self.assertIn("UIDs of its own", found["problems"][0])
        self.assertEqual(self.counts(self.imports("--preserve-uids", "--dry-run")), (2, 0, 0, 2))
        self.assertEqual(self.counts(self.imports()), (2, 1, 1, 0))

    def test_a_uid_that_is_taken(self) -> None:
        self.uidlist("3 V77 N2\n")
        self.imports("--preserve-uids")
        self.put("new/1.x")
        self.imports("--preserve-uids")  # Dovecot has not looked yet
        self.put("cur/2.x:2,")
        self.uidlist("3 V77 N4\n2 :2.x\n3 :1.x\n")
        found = self.imports("--preserve-uids")
        self.assertEqual(self.counts(found), (2, 0, 1, 1))
        self.assertIn("cur/2.x:2,: its UID 2 is that of another message", found["problems"][0])
        self.assertEqual(self.counts(self.imports()), (2, 1, 1, 0))

    def test_folders_of_maildirpp(self) -> None:
        """Names in UTF-7 and UTF-8; those above are made; one is a special use by its name."""
        for name in (".Work.Entw&APw-rfe", ".Größe", ".Spam", ".Sent Items"):
            self.folder(name)
            self.put("cur/1.x:2,", folder=name)
        (self.root / ".no-folder").mkdir()
        found = self.imports()
        self.assertEqual(self.counts(found), (4, 4, 0, 0))
        self.assertEqual(
            self.names(),
            ["Größe", "INBOX", "Sent", "Sent Items", "Spam", "Work", "Work/Entwürfe"],
        )
        self.assertEqual(self.opened("Spam").mailbox.special_use, "\\Junk")
        self.assertIsNone(self.opened("Sent Items").mailbox.special_use)

    def test_folders_of_the_layout_fs(self) -> None:
        self.folder("Work/v1.2")
        self.folder("Old")
        self.put("cur/1.x:2,", folder="Work/v1.2")
        self.assertEqual(self.counts(self.imports()), (1, 1, 0, 0))
        self.assertEqual(self.names(), ["INBOX", "Old", "Sent", "Work", "Work/v1.2"])

    def test_some_mailboxes_under_other_names(self) -> None:
        for name in (".Sent Items", ".Sent Items.2001", ".Other"):
            self.folder(name)
            self.put("cur/1.x:2,", folder=name)
        words = ("--mailbox", "Sent Items", "--mailbox", "Sent Items/2001")
        self.imports("--rename", "Sent Items=Sent", *words)
        self.assertEqual(self.names(), ["INBOX", "Sent", "Sent/2001"])

    def test_subscriptions(self) -> None:
        """Those of the file; without one, all that there is."""
        self.folder(".A")
        self.folder(".B")
        self.imports()
        account = self.storage.tables.accounts[self.account.id]
        self.assertEqual(set(account.subscriptions), {"INBOX", "Sent", "A", "B"})
        account.subscriptions.clear()
        (self.root / "subscriptions").write_text("V\t2\n\nB\nGone\tName\n")
        self.imports()
        self.assertEqual(set(account.subscriptions), {"B", "Gone/Name"})

    def test_compressed_messages(self) -> None:
        """As Dovecot's plugin zlib keeps them; one that is cut off is named."""
        whole = letter(1, 5000)
        self.put("cur/1.x,S=5040:2,S", gzip.compress(whole))
        self.put("cur/2.x:2,S", gzip.compress(whole[:2000]) + gzip.compress(whole[2000:]))
        self.put("cur/3.x:2,S", bz2.compress(whole))
        self.put("cur/4.x:2,S", gzip.compress(whole)[:-20])
        self.put("cur/5.x:2,S", b"\x28\xb5\x2f\xfd" + bytes(50))
        found = self.imports()
        self.assertEqual(self.counts(found), (5, 3, 0, 2))
        self.assertEqual(len(self.storage.tables.contents), 1)
        self.assertIn("4.x:2,S: It is compressed, and its end is missing", found["problems"][0])
        self.assertIn("zstd", found["problems"][1])

    def test_what_is_too_large(self) -> None:
        """Also what becomes so when it is inflated: no more of it is read."""
        self.put("cur/1.x:2,", letter(1, LIMIT))
        self.put("cur/2.x:2,", gzip.compress(b"Subject: x\n\n" + bytes(50 * LIMIT)))
        self.put("cur/3.x:2,")
        found = self.imports()
        self.assertEqual(self.counts(found), (3, 1, 0, 2))
        for problem in found["problems"]:
            self.assertIn("larger than the limit", problem)

    def test_what_is_no_message(self) -> None:
        """Links, directories and pipes are named and not followed; the rest is imported."""
        outside = Path(self.mktemp())
        outside.write_bytes(b"secret")
        (self.root / "cur" / "1.link").symlink_to(outside.absolute())
        (self.root / "cur" / "2.directory").mkdir()
        os.mkfifo(self.root / "cur" / "3.pipe")
        (self.root / "cur" / "4.empty").touch()
        (self.root / "cur" / ".hidden").touch()
        (self.root / ".Loop").symlink_to(self.root.absolute())
        self.put("cur/5.x:2,")
        found = self.imports()
        self.assertEqual(self.counts(found), (6, 1, 0, 5))
        self.assertEqual(self.uids(), [1])

    def test_messages_behind_a_link(self) -> None:
        """A `cur` that is elsewhere is not followed, and not passed over in silence."""
        outside = Path(self.mktemp())
        outside.mkdir()
        self.folder(".Linked")
        (self.root / ".Linked" / "cur").rmdir()
        (self.root / ".Linked" / "cur").symlink_to(outside.absolute())
        self.put("cur/1.x:2,")
        found = self.imports()
        self.assertEqual(self.counts(found), (2, 1, 0, 1))
        self.assertIn(".Linked/cur: is a symbolic link", found["problems"][0])

    def test_names_that_cannot_be(self) -> None:
        """Nothing below a name that no mailbox can have is imported, and it is counted."""
        for name in (".a..b", ".ctl\x01"):
            self.folder(name)
            self.put("cur/1.x:2,", folder=name)
        found = self.imports()
        self.assertEqual(self.counts(found), (2, 0, 0, 2))

    def test_a_file_that_is_renamed_meanwhile(self) -> None:
        """Found under its new name, with its new flags; what is gone is skipped and told."""
        file = self.put("cur/1.x:2,")
        gone = self.put("cur/2.x:2,")

        async def rename(name: str) -> None:
            if name == "importing.known" and gone.exists():
                file.rename(self.root / "cur" / "1.x:2,S")
                gone.unlink()

        self.storage.tables.pause = rename
        found = self.imports()
        self.assertEqual((*self.counts(found), found["gone"]), (2, 1, 1, 0, 1))
        self.assertEqual(list(self.opened().states.masks), [1])

    def test_a_directory_that_cannot_be_read(self) -> None:
        """It is named, and the other mailboxes are imported."""
        self.put("cur/1.x:2,")
        broken = self.folder(".Broken")
        (broken / "cur").rmdir()
        (broken / "cur").write_text("no directory")
        found = self.imports()
        self.assertEqual(self.counts(found), (1, 1, 0, 0))
        self.assertIn("cur cannot be read: Not a directory", found["problems"][0])

    def test_a_dry_run_writes_nothing(self) -> None:
        self.folder(".New")
        self.put("cur/1.x:2,", folder=".New")
        self.put("cur/1.x:2,")
        code, said = self.admin("--dry-run")
        self.assertEqual(code, 0)
        self.assertIn("2 messages seen, 2 would be imported", said)
        self.assertEqual((self.names(), self.uids()), (["INBOX", "Sent"], []))

    def test_many_messages_go_in_batches(self) -> None:
        for number in range(450):
            self.put(f"cur/{number}.x:2,", letter(number))
        self.storage.tables.statements.clear()
        self.assertEqual(self.counts(self.imports()), (450, 450, 0, 0))
        self.assertEqual(self.storage.tables.statements["importing.put"], 5)

    def test_a_database_that_is_away(self) -> None:
        """It is asked again; when it stays away, what is left is told, and a second run does it."""
        for number in range(150):
            self.put(f"cur/{number}.x:2,", letter(number))
        failures = [0, 1, 1, 1, 1, 1]
        put = self.storage.importing.put
        self.patch(
            type(self.storage.importing),
            "put",
            lambda _, *args: put(*args) if not failures or not failures.pop(0) else self.away(),
        )
        found = self.imports()
        self.assertEqual((*self.counts(found), found["left"]), (150, 100, 0, 0, 50))
        failures.clear()
        self.assertEqual(self.counts(self.imports()), (150, 50, 100, 0))

    async def away(self) -> None:
        raise Unavailable("The database is away.")

    def test_quota(self) -> None:
        self.put("cur/1.x:2,")
        self.put("cur/2.x:2,")
        self.storage.tables.accounts[self.account.id].quota_messages = 1
        found = self.imports()
        self.assertEqual((*self.counts(found), found["left"]), (2, 0, 0, 0, 2))

    def test_no_maildir(self) -> None:
        for name, text in (("nowhere", "no directory"), ("empty", "not a maildir")):
            (self.root / "empty").mkdir(exist_ok=True)
            code, said = self.admin("--path", str(self.root / name))
            self.assertEqual(code, 1)
            self.assertIn(text, said)
        (self.root / "empty" / "mdbox").mkdir()
        self.assertIn("dbox", self.admin("--path", str(self.root / "empty"))[1])

    def test_an_account_that_is_not_there(self) -> None:
        code, said = self.admin("--email", "bob@example.com")
        self.assertEqual(code, 1, said)


class SieveTests(ImportingTestCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.sieve = self.root / "sieve"
        self.sieve.mkdir()
        (self.sieve / "main.sieve").write_text("keep;")
        (self.sieve / "broken.sieve").write_text("keep; foo;")
        (self.sieve / "main.svbin").write_text("binary")
        (self.root / ".dovecot.sieve").symlink_to("sieve/main.sieve")

    def scripts(self) -> dict[str, bool]:
        rows = self.successResultOf(self.storage.scripts.list(self.account.id))
        return {row.name: row.position is not None for row in rows}

    def test_a_directory_of_scripts(self) -> None:
        """All that compile; the one that the link leads to is active. What does not is named."""
        code, said = self.admin("--sieve-path", str(self.sieve))
        self.assertEqual((code, self.scripts()), (1, {"main": True}))
        self.assertIn("broken.sieve: line 1, column 7", said)
        self.assertIn("2 Sieve scripts seen, 1 imported, 0 skipped, 1 failed, main is active", said)
        (self.sieve / "broken.sieve").unlink()
        code, said = self.admin("--sieve-path", str(self.sieve))
        self.assertEqual(code, 0)
        self.assertIn("1 Sieve scripts seen, 0 imported, 1 skipped, 0 failed", said)

    def test_the_active_script(self) -> None:
        self.admin("--sieve-path", str(self.root / ".dovecot.sieve"))
        self.assertEqual(self.scripts(), {"main": True})

    def test_what_is_here_stays(self) -> None:
        self.admin("--sieve-path", str(self.root / ".dovecot.sieve"))
        (self.sieve / "main.sieve").write_text("discard;")
        code, said = self.admin("--sieve-path", str(self.root / ".dovecot.sieve"))
        self.assertEqual(code, 1)
        self.assertIn("another script is here under the name main", said)

    def test_a_dry_run_compiles(self) -> None:
        code, said = self.admin("--dry-run", "--sieve-path", str(self.sieve))
        self.assertEqual((code, self.scripts()), (1, {}))
        self.assertIn("1 would be imported, 0 skipped, 1 failed", said)
