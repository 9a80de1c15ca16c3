"""The contract of `IMetadata`, and of what becomes of annotations when names change."""

from collections.abc import Mapping
from typing import Literal

from sora.addresses import parse_address
from sora.errors import NoSuchMailbox, NotPermitted, OverQuota, TooManyEntries, UseAttributeRefused
from sora.mail.annotations import Entry, parse_entry
from sora.mail.rights import parse_change
from sora.storage.rows import AccountRow, Annotated, NewMailbox
from trial_tests.storage.contracts.contract import EVERYTHING, Contract

OCTETS = bytes(range(256))


def entries(*names: str) -> list[Entry]:
    return [parse_entry(name.encode()) for name in names]


def shown(annotated: Annotated) -> dict[str, bytes | int]:
    """Values by name; the size of what is too long."""
    return {
        one.entry.name: one.size if one.value is None else one.value
        for one in annotated.annotations
    }


class MetadataContract(Contract):
    """ann shares Work with bob."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account(
            "ann@example.com", "Work", "Other", NewMailbox("Sent", "\\Sent")
        )
        self.bob = await self.account("bob@example.com")

    async def share(self, rights: str) -> None:
        await self.storage.rights.set(
            self.ann.id,
            "Work",
            self.ann.id,
            parse_address("bob@example.com"),
            parse_change(rights),
            self.operation(),
        )

    async def write(
        self,
        values: Mapping[str, bytes | None],
        name: str | None = "Work",
        asker: AccountRow | None = None,
        owner: AccountRow | None = None,
        most: int = 10,
        total: int = 100_000,
        special_use: str | Literal[False] | None = False,
    ) -> int | None:
        changes = {parse_entry(key.encode()): value for key, value in values.items()}
        noted = await self.storage.metadata.write(
            (owner or self.ann).id,
            name,
            (asker or self.ann).id,
            changes,
            most,
            total,
            self.operation(),
            special_use,
        )
        return None if noted is None else int(noted.mailbox_id)

    async def read(
        self,
        *names: str,
        mailbox: str | None = "Work",
        asker: AccountRow | None = None,
        owner: AccountRow | None = None,
        depth: int | None = 0,
        most: int | None = None,
    ) -> dict[str, bytes | int]:
        return shown(
            await self.storage.metadata.read(
                (owner or self.ann).id,
                mailbox,
                (asker or self.ann).id,
                entries(*names),
                depth,
                most,
            )
        )

    async def everything(self, mailbox: str | None = "Work") -> dict[str, bytes | int]:
        return await self.read("/private", "/shared", mailbox=mailbox, depth=None)

    async def test_values_are_octets_and_are_set_replaced_and_removed(self) -> None:
        work = await self.find(self.ann, "Work")
        self.assertEqual(
            await self.write({"/private/comment": OCTETS, "/shared/comment": b""}), work.id
        )
        self.assertEqual(
            await self.everything(), {"/private/comment": OCTETS, "/shared/comment": b""}
        )
        await self.write({"/PRIVATE/Comment": b"other", "/shared/comment": None})
        self.assertEqual(await self.everything(), {"/private/comment": b"other"})
        await self.write({"/private/nothing": None})
        self.assertEqual(await self.everything(), {"/private/comment": b"other"})

    async def test_they_are_a_change_of_their_mailbox(self) -> None:
        """RFC 7162 §3.2: the modseq rises, and no message has changed."""
        before = (await self.find(self.ann, "Work")).highest_modseq
        await self.write({"/private/comment": b"work"})
        after = (await self.find(self.ann, "Work")).highest_modseq
        self.assertGreater(after, before)
        work = await self.find(self.ann, "Work")
        changes = await self.storage.mailboxes.changes(work.id, before, 0)
        self.assertEqual(changes.mailbox.highest_modseq, after)
        self.assertTrue(changes.complete)
        self.assertEqual((len(changes.changed.uids), len(changes.vanished)), (0, 0))
        gone = await self.storage.mailboxes.vanished(work.id, before, EVERYTHING)
        self.assertEqual(len(gone.uids), 0)

    async def test_each_mailbox_has_its_own(self) -> None:
        await self.write({"/private/comment": b"work"})
        await self.write({"/private/comment": b"inbox"}, name="inbox")
        await self.write({"/private/comment": b"server"}, name=None)
        for name, value in (("Work", b"work"), ("INBOX", b"inbox"), (None, b"server")):
            self.assertEqual(await self.everything(name), {"/private/comment": value})
        self.assertEqual(await self.everything("Other"), {})
        self.assertEqual(
            await self.read("/private/comment", mailbox=None, owner=self.bob, asker=self.bob),
            {},
        )
        await self.refused(NoSuchMailbox, self.read("/private/comment", mailbox="Nowhere"))
        await self.refused(NoSuchMailbox, self.write({"/private/comment": b"x"}, name="Nowhere"))

    async def test_depth(self) -> None:
        """RFC 5464 §4.2.2"""
        names = ["/private/a", "/private/a/b", "/private/a/b/c", "/private/ab", "/private/_/b"]
        await self.write({name: name.encode() for name in names})
        for depth, found in ((0, names[:1]), (1, names[:2]), (None, names[:3])):
            self.assertEqual(list(await self.read("/private/a", depth=depth)), found)
        self.assertEqual(
            sorted(await self.read("/private", depth=1)), ["/private/a", "/private/ab"]
        )
        both = await self.read("/private/a", "/private/a/b", depth=1)
        self.assertEqual(list(both), names[:3])

    async def test_long_values_are_told_as_their_sizes(self) -> None:
        """RFC 5464 §4.2.1"""
        await self.write({"/private/a": b"x" * 10, "/private/b": b"\0" * 11})
        self.assertEqual(
            await self.read("/private", depth=1, most=10),
            {"/private/a": b"x" * 10, "/private/b": 11},
        )

    async def test_there_are_only_so_many(self) -> None:
        """RFC 5464 §4.3: then nothing has changed."""
        await self.write({f"/private/{n}": b"x" for n in range(3)}, most=3)
        await self.refused(
            TooManyEntries, self.write({"/private/0": b"new", "/private/3": b"x"}, most=3)
        )
        self.assertEqual((await self.everything())["/private/0"], b"x")
        await self.write({"/private/0": None, "/private/3": b"x"}, most=3)
        await self.write({f"/shared/{n}": b"x" for n in range(3)}, most=3)
        await self.write({"/private/1": None}, most=1)
        self.assertEqual(len(await self.everything()), 5)

    async def test_all_together_have_a_limit(self) -> None:
        """What is private counts for who wrote it, what is shared for the owner."""
        await self.share("lrw")
        ten = {f"/private/{n}": b"x" * 100 for n in range(10)}
        await self.refused(OverQuota, self.write(ten, total=2000))
        self.assertEqual(await self.everything(), {})
        await self.write(ten, total=2100)
        await self.refused(OverQuota, self.write({"/private/a": b""}, name="Other", total=2100))
        await self.write({"/private/0": None}, total=10)
        await self.write({"/private/a": b"x"}, name=None, total=2100)
        await self.write(ten, asker=self.bob, total=2100)
        await self.refused(
            OverQuota, self.write({"/shared/a": b"x" * 100}, asker=self.bob, total=2100)
        )

    # -------------------------------------------------------------- of others

    async def test_shared_ones_are_shared_and_private_ones_are_not(self) -> None:
        """RFC 5464 §3.3"""
        await self.share("lrw")
        await self.write({"/private/comment": b"ann's", "/shared/comment": b"ours"})
        names = ("/private/comment", "/shared/comment")
        self.assertEqual(await self.read(*names, asker=self.bob), {"/shared/comment": b"ours"})
        values = {"/private/comment": b"bob's", "/shared/comment": b"bob was here"}
        await self.write(dict(values), asker=self.bob)
        self.assertEqual(await self.read(*names, asker=self.bob), values)
        self.assertEqual(await self.read(*names), values | {"/private/comment": b"ann's"})

    async def test_rights(self) -> None:
        """RFC 5464 §3.3: l, and one of r, s, w, i, p."""
        for rights, error in (
            ("", NoSuchMailbox),
            ("r", NoSuchMailbox),
            ("l", NotPermitted),
            ("lxkta", NotPermitted),
        ):
            await self.share(rights)
            await self.refused(error, self.read("/shared/comment", asker=self.bob))
            await self.refused(error, self.write({"/private/comment": b"x"}, asker=self.bob))
        for right in "rsip":
            await self.share("l" + right)
            await self.write({"/private/comment": b"x"}, asker=self.bob)
            self.assertEqual(
                await self.read("/private/comment", asker=self.bob), {"/private/comment": b"x"}
            )
            await self.refused(NotPermitted, self.write({"/shared/comment": b"x"}, asker=self.bob))

    async def test_several_mailboxes(self) -> None:
        """RFC 9590"""
        await self.write({"/private/color": b"red", "/shared/color": b"blue"})
        await self.write({"/private/color": b"green"}, name="Other")
        boxes = [await self.find(self.ann, name) for name in ("INBOX", "Work", "Other")]
        found = await self.storage.metadata.listed(
            [box.id for box in boxes],
            self.ann.id,
            entries("/private/color", "/shared/color", "/shared/none"),
            1000,
        )
        self.assertEqual(
            {
                box.name: sorted((one.entry.name, one.value) for one in found.get(box.id, ()))
                for box in boxes
            },
            {
                "INBOX": [],
                "Work": [("/private/color", b"red"), ("/shared/color", b"blue")],
                "Other": [("/private/color", b"green")],
            },
        )

        found = await self.storage.metadata.listed(
            [box.id for box in boxes],
            self.ann.id,
            entries("/private/color", "/shared/color"),
            7,
        )
        values = [(one.size, one.value) for ones in found.values() for one in ones]
        self.assertEqual(values, [(3, b"red"), (4, b"blue"), (5, None)])

    # -------------------------------------------------------------- special use

    async def test_the_special_use(self) -> None:
        """RFC 6154 §4"""

        async def use(name: str) -> str | None:
            row = await self.storage.metadata.read(self.ann.id, name, self.ann.id, [])
            self.assertEqual(row.special_use, (await self.find(self.ann, name)).special_use)
            return row.special_use

        self.assertEqual((await use("Sent"), await use("Work")), ("\\Sent", None))
        values = {"/private/comment": b"x"}
        await self.refused(UseAttributeRefused, self.write(values, special_use="\\Sent"))
        self.assertEqual(await self.everything(), {})
        await self.write({}, name="Sent", special_use=None)
        await self.write(values, special_use="\\Sent")
        self.assertEqual((await use("Sent"), await use("Work")), (None, "\\Sent"))
        await self.write({}, special_use="\\Sent")
        await self.share("lrw")
        await self.refused(
            UseAttributeRefused, self.write({}, asker=self.bob, special_use="\\Junk")
        )

    # -------------------------------------------------------------- names

    async def test_they_follow_their_mailbox(self) -> None:
        """RFC 5464 §4.1"""
        await self.write({"/private/comment": b"x", "/shared/comment": b"y"})
        before = await self.everything()
        await self.storage.mailboxes.rename(self.ann.id, "Work", "New/Work", self.operation())
        self.assertEqual(await self.everything("New/Work"), before)
        await self.storage.mailboxes.create(self.ann.id, "Work", None, self.operation())
        self.assertEqual(await self.everything("Work"), {})

    async def test_inbox_keeps_them_and_gives_them_on(self) -> None:
        """RFC 5464 §4.1"""
        await self.write({"/private/comment": b"x", "/shared/comment": b"y"}, name="INBOX")
        before = await self.everything("INBOX")
        await self.storage.mailboxes.rename(self.ann.id, "INBOX", "Old", self.operation())
        self.assertEqual(await self.everything("Old"), before)
        self.assertEqual(await self.everything("INBOX"), before)

    async def test_a_new_mailbox_inherits_nothing(self) -> None:
        """RFC 5464 §4.1"""
        await self.write({"/private/comment": b"x"})
        await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
        await self.storage.mailboxes.create(self.ann.id, "Work", None, self.operation())
        self.assertEqual(await self.everything("Work"), {})

    async def test_who_has_named_scripts_for_what_is_done_to_mailboxes(self) -> None:
        """RFC 6785 §2.3.1"""
        asked = self.storage.metadata.accounts_with_event_scripts
        self.assertEqual(await asked(10), frozenset())
        # Neither is such an entry: it is somebody's own, or another one.
        await self.write({"/private/imapsieve/script": b"x", "/shared/comment": b"x"})
        self.assertEqual(await asked(10), frozenset())
        await self.write({"/shared/imapsieve/script": b"filter"})
        self.assertEqual(await asked(10), frozenset({self.ann.id}))
        await self.write(
            {"/private/vendor/sora/imapsieve/script": b"filter"}, None, self.bob, self.bob
        )
        self.assertEqual(await asked(10), frozenset({self.ann.id, self.bob.id}))
        self.assertIsNone(await asked(1))
        await self.write({"/shared/imapsieve/script": None})
        self.assertEqual(await asked(1), frozenset({self.bob.id}))
