"""The contract of `IRights`, and of what rights do to names."""

from attrs import evolve

from sora.addresses import parse_address
from sora.errors import BadArgument, NoSuchAccount, NoSuchMailbox, NotPermitted, OverQuota
from sora.mail.rights import ALL, Rights, RightsChange, letters, parse_change, parse_rights
from sora.storage.rows import (
    ANYONE,
    AccountRow,
    AclEntry,
    Fate,
    FlagChange,
    MailboxRow,
    Owner,
    RightsSet,
    Target,
)
from trial_tests.storage.contracts.contract import Contract, flags, letter, sets


class RightsContract(Contract):
    """ann shares, bob and eve are of her domain, dan is a stranger."""

    async def setUp(self) -> None:
        await super().setUp()
        self.ann = await self.account("ann@example.com", "Work", "Private")
        self.bob = await self.account("Bob@example.com")
        self.eve = await self.account("eve@example.com")
        self.dan = await self.account("dan@example.org")

    async def set(
        self,
        who: str | None,
        rights: str,
        name: str = "Work",
        asker: AccountRow | None = None,
        owner: int = 0,
    ) -> RightsSet:
        """SETACL, by the owner unless `asker` is another one."""
        return await self.storage.rights.set(
            owner or self.ann.id,
            name,
            (asker or self.ann).id,
            None if who is None else parse_address(who),
            parse_change(rights),
            self.operation(),
        )

    async def acl(self, asker: AccountRow | None = None, name: str = "Work") -> list[AclEntry]:
        return list(await self.storage.rights.acl(self.ann.id, name, (asker or self.ann).id))

    async def seen_by(self, account: AccountRow) -> list[tuple[str | None, str, str]]:
        """What others let somebody see: owner, name, rights."""
        listing = await self.storage.mailboxes.list(account.id, True)
        return [
            (one.owner.address, one.mailbox.name, _text(one.mailbox.rights))
            for one in listing.shared
        ]

    async def version(self, account: AccountRow) -> int:
        version: int = (await self.storage.mailboxes.list(account.id)).version
        return version

    # -------------------------------------------------------------- whose they are

    async def test_the_owner_is_found_by_any_address_in_the_domain(self) -> None:
        await self.storage.credentials.add(
            parse_address("ann@example.com"), parse_address("sales@example.net"), []
        )
        await self.storage.aliases.add(
            parse_address("ann@example.com"), parse_address("team@example.com"), 1
        )
        owner = Owner(self.ann.id, self.ann.scope_id, "ann@example.com")
        for text in ("ANN@example.com", "sales@example.net", "team@example.com"):
            found = await self.storage.rights.owner(self.bob.id, parse_address(text))
            self.assertEqual(found, owner, text)
        for asker, text in ((self.dan, "ann@example.com"), (self.bob, "dan@example.org")):
            self.assertIsNone(await self.storage.rights.owner(asker.id, parse_address(text)))
        self.assertIsNone(
            await self.storage.rights.owner(self.bob.id, parse_address("no@example.com"))
        )
        await self.storage.accounts.delete(parse_address("ann@example.com"))
        self.assertIsNone(
            await self.storage.rights.owner(self.bob.id, parse_address("ann@example.com"))
        )

    async def test_a_domain_owns_what_belongs_to_nobody(self) -> None:
        self.assertIsNone(await self.storage.rights.owner(self.ann.id, None))
        made = await self.storage.rights.shared_owner(self.ann.id)
        self.assertIsNone(made.address)
        self.assertEqual(made.scope_id, self.ann.scope_id)
        self.assertEqual(await self.storage.rights.shared_owner(self.bob.id), made)
        self.assertEqual(await self.storage.rights.owner(self.eve.id, None), made)
        self.assertIsNone(await self.storage.rights.owner(self.dan.id, None))
        by_name = self.storage.rights.domain_owner
        self.assertEqual(await by_name("example.com"), made)
        self.assertIsNone(await by_name("example.org"))
        other = await by_name("example.org", True)
        self.assertEqual(await self.storage.rights.owner(self.dan.id, None), other)
        await self.refused(NoSuchAccount, by_name("example.net", True))
        listed = await self.storage.accounts.list()
        self.assertNotIn(made.account_id, [row.id for row in listed])

    # -------------------------------------------------------------- setting

    async def test_rights_are_set_added_and_taken(self) -> None:
        """RFC 4314 §3.1"""
        before = await self.find(self.ann, "Work")
        answer = await self.set("bob@example.com", "rl")
        self.assertEqual((answer.mailbox_id, answer.before), (before.id, before.highest_modseq))
        self.assertGreater(answer.modseq, answer.before)
        self.assertEqual(answer.acl, {self.bob.id: parse_rights("lr")})
        self.assertEqual(await self.acl(), [AclEntry("Bob@example.com", parse_rights("lr"))])
        await self.set("bob@example.com", "+sw")
        await self.set(None, "l")
        await self.set("bob@example.com", "-r")
        last = await self.set("bob@example.com", "-x")
        self.assertEqual(last.modseq, last.before)
        self.assertEqual(
            await self.acl(),
            [AclEntry(None, Rights.LOOKUP), AclEntry("Bob@example.com", parse_rights("lsw"))],
        )
        self.assertEqual(last.acl, {self.bob.id: parse_rights("lsw"), ANYONE: Rights.LOOKUP})
        await self.set("bob@example.com", "")
        gone = await self.set(None, "-l")
        self.assertEqual((gone.acl, await self.acl()), ({}, []))

    async def test_a_change_is_a_change_of_the_mailbox(self) -> None:
        """Whoever has it open learns of it as of others."""
        since = (await self.find(self.ann, "Work")).highest_modseq
        versions = [await self.version(one) for one in (self.ann, self.bob, self.eve)]
        answer = await self.set("bob@example.com", "lr")
        opened = await self.opened(self.ann, "Work")
        self.assertEqual(opened.acl, answer.acl)
        self.assertEqual(opened.mailbox.highest_modseq, answer.modseq)
        changes = await self.storage.mailboxes.changes(answer.mailbox_id, since, 0)
        self.assertEqual((changes.acl, changes.complete), (answer.acl, True))
        self.assertEqual((len(changes.changed.uids), len(changes.vanished)), (0, 0))
        now = [await self.version(one) for one in (self.ann, self.bob, self.eve)]
        self.assertGreater(now[:2], versions[:2])
        self.assertEqual(now[2], versions[2])

    async def test_only_who_may_administer_changes_and_reads(self) -> None:
        """RFC 4314 §6: of what may not be seen, nothing is told."""
        await self.set("bob@example.com", "lr")
        for asker, error in ((self.bob, NotPermitted), (self.eve, NoSuchMailbox)):
            await self.refused(error, self.set("bob@example.com", "+a", asker=asker))
            await self.refused(error, self.acl(asker))
        await self.set("bob@example.com", "+a")
        await self.set("eve@example.com", "lr", asker=self.bob)
        self.assertEqual(len(await self.acl(self.bob)), 2)
        await self.refused(NoSuchMailbox, self.set(None, "l", "Nowhere"))
        await self.refused(NoSuchMailbox, self.acl(name="Nowhere"))

    async def test_everybody_is_everybody_of_the_domain(self) -> None:
        await self.set(None, "alr")
        await self.refused(NoSuchMailbox, self.set(None, "l", asker=self.dan))
        self.assertEqual(await self.seen_by(self.dan), [])
        self.assertEqual(await self.seen_by(self.eve), [("ann@example.com", "Work", "lra")])

    async def test_rights_are_given_within_the_domain(self) -> None:
        for text in ("dan@example.org", "nobody@example.com"):
            await self.refused(NoSuchAccount, self.set(text, "lr"))
        await self.refused(BadArgument, self.set("ann@example.com", "lr"))
        await self.set("bob@example.com", "lr")
        await self.storage.accounts.delete(parse_address("bob@example.com"))
        await self.refused(NoSuchAccount, self.set("bob@example.com", "+s"))
        self.assertEqual((await self.set("bob@example.com", "")).acl, {})

    async def test_of_what_a_domain_owns_an_administrator_stays(self) -> None:
        owner = await self.storage.rights.shared_owner(self.ann.id)
        await self.create_shared(owner, self.bob)
        for rights in ("-a", "", "lr"):
            await self.refused(
                BadArgument,
                self.set("bob@example.com", rights, "Team", self.bob, owner.account_id),
            )
        await self.set("eve@example.com", "+a", "Team", self.bob, owner.account_id)
        await self.set("bob@example.com", "-a", "Team", self.bob, owner.account_id)
        operator = self.storage.rights.set(
            owner.account_id,
            "Team",
            None,
            parse_address("eve@example.com"),
            RightsChange("replace", Rights.NONE),
            self.operation(),
        )
        self.assertEqual((await operator).acl, {self.bob.id: ALL & ~Rights.ADMINISTER})

    # -------------------------------------------------------------- names

    async def create_shared(
        self, owner: Owner, creator: AccountRow, name: str = "Team"
    ) -> MailboxRow:
        row: MailboxRow = await self.storage.mailboxes.create(
            owner.account_id, name, None, self.operation(), creator.id, ALL
        )
        return row

    async def test_who_makes_a_mailbox_of_the_domain_has_rights_on_it(self) -> None:
        owner = await self.storage.rights.shared_owner(self.ann.id)
        await self.create_shared(owner, self.bob, "Team/2026")
        self.assertEqual(
            await self.seen_by(self.bob),
            [(None, "Team", "lrswipkxtea"), (None, "Team/2026", "lrswipkxtea")],
        )
        self.assertEqual(await self.seen_by(self.eve), [])

    async def test_a_new_mailbox_inherits(self) -> None:
        """RFC 4314 §4"""
        await self.set("bob@example.com", "lrk")
        await self.storage.mailboxes.create(
            self.ann.id, "Work/a/b", None, self.operation(), self.bob.id, ALL
        )
        self.assertEqual(
            await self.seen_by(self.bob),
            [("ann@example.com", name, "lrk") for name in ("Work", "Work/a", "Work/a/b")],
        )
        await self.set("bob@example.com", "", "Work/a")
        self.assertEqual((await self.opened(self.ann, "Work/a/b")).acl, {self.bob.id: 67})

    async def test_others_see_what_they_may_look_up(self) -> None:
        await self.set("bob@example.com", "r")
        self.assertEqual(await self.seen_by(self.bob), [])
        await self.set(None, "l")
        self.assertEqual(await self.seen_by(self.bob), [("ann@example.com", "Work", "lr")])
        self.assertEqual(await self.seen_by(self.eve), [("ann@example.com", "Work", "l")])
        own = await self.storage.mailboxes.list(self.ann.id, True)
        self.assertEqual(own.shared, ())
        self.assertEqual(
            [row.name for row in own.mailboxes],
            [row.name for row in (await self.storage.mailboxes.list(self.ann.id)).mailboxes],
        )
        self.assertEqual({row.rights for row in own.mailboxes}, {ALL})
        await self.storage.accounts.delete(parse_address("ann@example.com"))
        self.assertEqual(await self.seen_by(self.bob), [])

    async def test_rights_come_with_what_is_found(self) -> None:
        await self.set("bob@example.com", "lrs")
        for asker, rights in ((self.bob, "lrs"), (self.eve, ""), (self.ann, "lrswipkxtea")):
            row = await self.storage.mailboxes.find(self.ann.id, "Work", asker.id)
            self.assertEqual(_text(row.rights), rights)

    async def test_rights_stay_with_a_mailbox_that_is_renamed(self) -> None:
        await self.set("bob@example.com", "lr")
        await self.storage.mailboxes.rename(self.ann.id, "Work", "Old/Work", self.operation())
        self.assertEqual(await self.seen_by(self.bob), [("ann@example.com", "Old/Work", "lr")])

    async def test_rights_go_with_a_mailbox_that_is_deleted(self) -> None:
        """RFC 4314 §4"""
        await self.set("bob@example.com", "lr")
        await self.storage.mailboxes.delete(self.ann.id, "Work", self.operation())
        await self.storage.mailboxes.create(self.ann.id, "Work", None, self.operation())
        self.assertEqual((await self.seen_by(self.bob), await self.acl()), ([], []))

    # -------------------------------------------------------------- messages

    async def test_who_may_insert_places_by_name_the_flags_that_he_may_set(self) -> None:
        """RFC 4314 §4"""
        for rights, fate, expected in (
            ("lr", Fate.NO_MAILBOX, None),
            ("lrsi", Fate.PLACED, ["\\Seen"]),
            ("rti", Fate.PLACED, ["\\Deleted"]),
            ("wi", Fate.PLACED, ["$Work", "\\Flagged"]),
            ("i", Fate.PLACED, []),
        ):
            await self.set("bob@example.com", rights)
            work = await self.find(self.ann, "Work")
            target = self.target(work, "\\Seen", "\\Deleted", "\\Flagged", "$Work")
            named = _named(target, "Work", self.bob.id)
            placed = (await self.place(self.ann, letter(rights), named)).placed[0]
            self.assertEqual(placed.fate, fate, rights)
            if expected is not None:
                contents = await self.contents(self.ann, "Work")
                self.assertEqual(contents[placed.uid], expected)
        await self.check(self.ann, "Work")

    async def filled(self) -> MailboxRow:
        """Work, with three messages of different flags."""
        work = await self.find(self.ann, "Work")
        await self.fill(
            self.ann,
            work,
            ["\\Draft", "\\Deleted"],
            ["\\Answered"],
            ["$Forwarded", "\\Seen"],
        )
        return work

    async def test_who_may_insert_copies_the_flags_that_he_may_set(self) -> None:
        """RFC 4314 §4, the examples of COPY."""
        work = await self.filled()
        inbox = await self.find(self.ann)
        for rights, expected in (
            ("rwis", [["\\Draft"], ["\\Answered"], ["$Forwarded", "\\Seen"]]),
            ("rsti", [["\\Deleted"], [], ["\\Seen"]]),
        ):
            await self.set("bob@example.com", rights, "INBOX")
            copied = await self.storage.messages.copy(
                work.id, sets(1, 2, 3), self.ann.id, "INBOX", self.operation(), self.bob.id
            )
            opened = await self.check(self.ann)
            found = await self.contents(self.ann)
            self.assertEqual([found[uid] for uid in copied.uids], expected)
            masks = dict(zip(opened.states.uids, opened.states.masks, strict=True))
            self.assertEqual([masks[uid] for uid in copied.uids], list(copied.masks))
            self.assertEqual(opened.mailbox.highest_modseq, copied.modseq)
        self.assertEqual(inbox.messages, 0)
        self.assertEqual(len(await self.contents(self.ann, "Work")), 3)

    async def test_a_move_out_of_anothers_mailbox(self) -> None:
        """To one's own all flags go along (G39), and the counters of both are right (G16)."""
        work = await self.filled()
        before = (await self.check(self.ann, "Work")).mailbox
        moved = await self.storage.messages.move(
            work.id, sets(1, 3), self.bob.id, "INBOX", self.operation(), self.bob.id
        )
        self.assertEqual(list(moved.expunged.vanished), [1, 3])
        self.assertEqual(
            await self.contents(self.bob),
            {1: ["\\Deleted", "\\Draft"], 2: ["$Forwarded", "\\Seen"]},
        )
        self.assertEqual((await self.check(self.bob)).mailbox.messages, 2)
        after = (await self.check(self.ann, "Work")).mailbox
        self.assertEqual((before.messages, after.messages), (3, 1))

    async def test_a_move_that_takes_flags_off_counts_right(self) -> None:
        """G16"""
        work = await self.filled()
        await self.set("bob@example.com", "i", "INBOX")
        await self.storage.messages.move(
            work.id, sets(1, 2, 3), self.ann.id, "INBOX", self.operation(), self.bob.id
        )
        self.assertEqual(await self.contents(self.ann), {1: [], 2: [], 3: []})
        await self.check(self.ann)
        self.assertEqual((await self.check(self.ann, "Work")).mailbox.messages, 0)

    async def test_who_may_not_insert_copies_nothing(self) -> None:
        work = await self.filled()
        for rights, error in (("lr", NotPermitted), ("r", NoSuchMailbox), ("", NoSuchMailbox)):
            await self.set("bob@example.com", rights, "INBOX")
            for what in (self.storage.messages.copy, self.storage.messages.move):
                await self.refused(
                    error,
                    what(work.id, sets(1), self.ann.id, "INBOX", self.operation(), self.bob.id),
                )
        self.assertEqual((await self.find(self.ann)).messages, 0)
        self.assertEqual((await self.check(self.ann, "Work")).mailbox.messages, 3)

    async def test_quota_is_the_owners(self) -> None:
        work = await self.filled()
        await self.set("bob@example.com", "i", "INBOX")
        await self.storage.set_quota(self.ann.id, None, 4)
        copy = self.storage.messages.copy
        await self.refused(
            OverQuota,
            copy(work.id, sets(1, 2), self.ann.id, "INBOX", self.operation(), self.bob.id),
        )
        await copy(work.id, sets(1), self.ann.id, "INBOX", self.operation(), self.bob.id)
        await copy(work.id, sets(1, 2), self.bob.id, "INBOX", self.operation(), self.bob.id)

    async def test_a_replacement_leaves_alone_what_may_not_be_changed(self) -> None:
        """RFC 4314 §4"""
        work = await self.filled()
        for rights, names, expected in (
            ("s", ["\\Seen"], [["\\Deleted", "\\Draft", "\\Seen"], ["$Forwarded", "\\Seen"]]),
            ("t", [], [["\\Draft", "\\Seen"], ["$Forwarded", "\\Seen"]]),
            ("w", ["$New"], [["$New", "\\Seen"], ["$New", "\\Seen"]]),
            ("swt", ["\\Flagged"], [["\\Flagged"], ["\\Flagged"]]),
        ):
            change = FlagChange("replace", flags(*names), rights=parse_rights(rights))
            stored = await self.storage.messages.store(
                work.id, sets(1, 3), change, self.operation()
            )
            found = await self.contents(self.ann, "Work")
            self.assertEqual([found[1], found[3]], expected, rights)
            opened = await self.check(self.ann, "Work")
            self.assertEqual(opened.mailbox.highest_modseq, stored.modseq)


def _text(rights: Rights) -> str:
    return letters(rights)


def _named(target: Target, name: str, asker: int) -> Target:
    return evolve(target, mailbox_id=0, name=name, asker=asker)
