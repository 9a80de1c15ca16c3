"""`sora-admin export-maildir`, on storage in memory and directories on the disk."""

from pathlib import Path
from typing import Any

from sora.addresses import parse_address
from sora.errors import Unavailable
from sora.exchange.formats.uidlist import parse_uidlist
from sora.mail.flags import DELETED, Flags
from sora.mail.numbers import NumberSet
from sora.mailbox.bodies import Bodies
from sora.storage.rows import FlagChange, NewMailbox, Operation
from trial_tests.admin.test_importing import ANN, ImportingTestCase, letter


class ExportMaildirTests(ImportingTestCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.out = Path(self.mktemp())
        self.folder(".Work.Entw&APw-rfe")
        self.put("cur/1.x:2,Sa", letter(1), at=1_400_000_000)
        self.put("cur/2.x:2,", letter(2))
        self.put("cur/3.x:2,F", letter(3), folder=".Work.Entw&APw-rfe")
        (self.root / "dovecot-keywords").write_text("0 Work\n")
        self.uidlist("3 V77 N9\n4 :1.x\n6 :2.x\n")
        self.imports("--preserve-uids")

    def exports(self, *words: str) -> dict[str, Any]:
        """The counts, which add up."""
        path = ("--path", str(self.out))
        return self.counted(*self.ran("export-maildir", "--email", ANN, *path, *words, "--json"))

    def files(self, folder: str = "") -> list[str]:
        return sorted(file.name for file in (self.out / folder / "cur").iterdir())

    def change(self, uid: int, flags: Flags) -> None:
        mailbox = self.opened().mailbox
        change = FlagChange("add", flags, None)
        uids, operation = NumberSet.of([uid]), Operation(self.account_uuid())
        self.successResultOf(self.storage.messages.store(mailbox.id, uids, change, operation))

    def account_uuid(self) -> Any:
        return self.storage.tables.new_uuid()

    def test_what_dovecot_needs(self) -> None:
        """UIDs, UIDVALIDITY, keywords, subscriptions, dates and sizes; lines end with LF."""
        found = self.exports()
        self.assertEqual((*self.counts(found), found["folders"]), (3, 3, 0, 0, 4))
        first, second = self.files()
        size = len(letter(1))
        self.assertEqual(first, f"1400000000.V77U4.sora,S={size},W={size + 4}:2,Sa")
        file = self.out / "cur" / first
        self.assertEqual(file.read_bytes(), letter(1))
        self.assertEqual(
            (file.stat().st_mtime, file.stat().st_mode & 0o777), (1_400_000_000, 0o600)
        )
        listed = parse_uidlist((self.out / "dovecot-uidlist").read_text().splitlines())
        self.assertEqual((listed.uidvalidity, listed.uidnext), (77, 9))
        self.assertEqual(list(listed.uids.values()), [4, 6])
        self.assertTrue(second.startswith(list(listed.uids)[1]))
        self.assertEqual((self.out / "dovecot-keywords").read_text(), "0 Work\n")
        self.assertEqual(
            (self.out / "subscriptions").read_bytes(),
            b"V\t2\n\nINBOX\nSent\nWork\tEntw&APw-rfe\n",
        )
        self.assertEqual(len(self.files(".Work.Entw&APw-rfe")), 1)
        self.assertEqual(self.files(".Sent"), [])

    def test_again_only_what_has_changed(self) -> None:
        self.exports()
        self.change(4, Flags(0, ("Other",)))
        self.change(6, Flags(DELETED))
        mailbox = self.opened().mailbox
        operation = Operation(self.account_uuid())
        self.successResultOf(self.storage.messages.expunge(mailbox.id, None, operation))
        self.put("cur/9.x:2,")
        self.uidlist("3 V77 N10\n4 :1.x\n6 :2.x\n9 :9.x\n")
        self.imports("--preserve-uids")
        (self.out / "tmp" / "1500000000.V77U9.sora").write_text("of an export that was killed")
        found = self.exports()
        self.assertEqual(self.counts(found), (3, 1, 2, 0))
        names = self.files()
        self.assertEqual([name.partition(":2,")[2] for name in names], ["Sab", ""])
        listed = parse_uidlist((self.out / "dovecot-uidlist").read_text().splitlines())
        self.assertEqual(list(listed.uids.values()), [4, 9])
        self.assertEqual(list((self.out / "tmp").iterdir()), [])

    def test_there_and_back(self) -> None:
        """What was exported is imported elsewhere with the same UIDs, flags and octets."""
        self.exports()
        storage = self.storage
        contents = len(storage.tables.contents)
        bob = self.successResultOf(
            storage.accounts.create(parse_address("bob@example.com"), [], [NewMailbox("INBOX")])
        )
        words = ("--email", bob.address, "--path", str(self.out), "--preserve-uids")
        self.assertEqual(self.ran("import-maildir", *words)[0], 0)
        self.assertEqual(len(storage.tables.contents), contents)
        there = self.successResultOf(storage.mailboxes.open(bob.id, "INBOX"))
        here = self.opened()
        self.assertEqual((there.states.uids, there.mailbox.uidvalidity), (here.states.uids, 77))
        self.assertEqual((there.states.masks, there.keywords), (here.states.masks, here.keywords))
        self.assertEqual(there.mailbox.uidnext, here.mailbox.uidnext)

    def new_operation(self) -> Operation:
        return Operation(self.account_uuid())

    def test_mail_of_others_is_not_touched(self) -> None:
        """Nor is written through links (G38)."""
        self.out = self.root
        found = self.exports("--mailbox", "INBOX")
        self.assertEqual(self.counts(found), (2, 0, 0, 2))
        self.assertIn("mail of its own", found["problems"][0])
        outside = Path(self.mktemp())
        outside.mkdir()
        self.out = Path(self.mktemp())
        self.out.mkdir()
        (self.out / ".Sent").symlink_to(outside.absolute())
        found = self.exports("--mailbox", "Sent")
        self.assertEqual(found["failed"], 0)
        self.assertIn("symbolic link", found["problems"][0])
        self.assertEqual(list(outside.iterdir()), [])

    def test_another_uidvalidity(self) -> None:
        self.exports("--mailbox", "INBOX")
        (self.out / "dovecot-uidlist").write_text("3 V78 N9\n")
        self.assertIn("UIDs of another mailbox", self.exports("--mailbox", "INBOX")["problems"][0])

    def test_names_for_which_there_is_no_directory(self) -> None:
        create = self.storage.mailboxes.create(self.account.id, "v1.2", None, self.new_operation())
        self.successResultOf(create)
        self.assertIn("--layout fs", self.exports()["problems"][0])
        self.out = Path(self.mktemp())
        self.assertEqual(self.exports("--layout", "fs")["problems"], [])
        self.assertEqual(self.files("v1.2"), [])
        self.assertEqual(len(self.files("Work/Entw&APw-rfe")), 1)

    def test_more_keywords_than_letters(self) -> None:
        """Those that most messages have get one; the others are named."""
        self.change(4, Flags(0, tuple(f"k{number}" for number in range(26))))
        self.change(6, Flags(0, ("k25", "Work")))
        found = self.exports()
        self.assertEqual(found["failed"], 0)
        self.assertEqual(len(found["problems"]), 1)
        self.assertIn("no letter left for the keyword k", found["problems"][0])
        self.assertTrue(self.files()[1].endswith(":2,ab"), self.files())

    def test_large_bodies_go_through_in_pieces(self) -> None:
        self.put("cur/9.x:2,", letter(9, 90_000) * 1)
        self.imports()
        self.patch(__import__("sora.exchange.exporter", fromlist=["SMALL"]), "SMALL", 1000)
        self.assertEqual(self.exports()["failed"], 0)
        self.assertEqual((self.out / "cur" / self.files()[2]).read_bytes(), letter(9, 90_000))

    def test_a_body_that_cannot_be_had(self) -> None:
        """Nothing is left of it, the others are there; again, it is written."""

        async def away(self: Bodies, places: Any) -> list[Exception]:
            return [Unavailable("The object store is away.") for _ in places]

        self.patch(Bodies, "read_many", away)
        found = self.exports("--mailbox", "INBOX")
        self.assertEqual(self.counts(found), (2, 0, 0, 2))
        self.assertEqual((self.files(), list((self.out / "tmp").iterdir())), ([], []))
        self.assertIn("INBOX, UID 4: The object store is away.", found["problems"][0])

    def test_a_mailbox_that_goes_away_meanwhile(self) -> None:
        """It is named, and the others are there."""

        async def delete(name: str) -> None:
            if name == "mailboxes.list":
                self.storage.tables.pause = None
                delete = self.storage.mailboxes.delete(
                    self.account.id, "Sent", self.new_operation()
                )
                self.successResultOf(delete)

        self.storage.tables.pause = delete
        found = self.exports()
        self.assertEqual(self.counts(found), (3, 3, 0, 0))
        self.assertIn("Sent: There is no mailbox", found["problems"][0])

    def test_a_disk_that_is_full(self) -> None:
        """It ends there, and says what is left."""

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(__import__("os"), "utime", full)
        found = self.exports("--mailbox", "INBOX")
        self.assertEqual((*self.counts(found), found["left"]), (2, 0, 0, 0, 2))
