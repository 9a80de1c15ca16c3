"""Limits and last administrators on a real PostgreSQL: whoever comes at the same time."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from sora.addresses import parse_address
from sora.deferreds import gather
from sora.errors import BadArgument, OverQuota, SoraError
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL, Rights, RightsChange
from sora.storage.postgres.database import Tx
from sora.storage.postgres.quotas import Quotas
from sora.storage.postgres.rights import RightsTable
from sora.storage.rows import AccountRow, Fate, NewMailbox, Owner, QuotaLimits
from trial_tests.storage.postgres.stage import (
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)
from trial_tests.support.postgres import LoseAnswer


async def outcome(work: Any) -> SoraError | None:
    """The error of some work, None when it is done."""
    try:
        await work
    except SoraError as error:
        return error
    return None


class QuotaTests(StageTestCase):
    """RFC 9208: a limit is never passed."""

    async def test_many_appends_and_copies_at_the_same_time(self) -> None:
        stage = await self.stage()
        quotas = Quotas(stage.database)
        await stage.put_many(2)
        await quotas.set(stage.account.id, QuotaLimits(messages=12), None)

        async def append(number: int) -> int:
            placed = await stage.messages.place(
                stage.account.scope_id,
                arrival_of(bytes_of(100 + number)),
                [stage.target((stage.inbox, stage.trash)[number % 2])],
                new_operation(),
            )
            return int(placed.placed[0].fate is Fate.PLACED)

        async def copy() -> int:
            copying = stage.messages.copy(
                stage.inbox, NumberSet.of([1, 2]), stage.account.id, "Trash", new_operation()
            )
            error = await outcome(copying)
            self.assertIsInstance(error, OverQuota | None)
            return 0 if error else 2

        added = await gather(*(append(number) for number in range(20)), *(copy() for _ in range(5)))
        quota = await quotas.quota(stage.account.id)
        self.assertEqual(quota.messages, 2 + sum(added))
        self.assertLessEqual(quota.messages, 12)
        # Nothing is refused while there is room: a copy of two may have found one place.
        self.assertGreaterEqual(quota.messages, 11)
        self.assertEqual(await stage.miscounted(), [])

    async def test_octets_are_counted_after_the_wait(self) -> None:
        """The second delivery waits for the first one, and sees what it has added."""
        stage = await self.stage()
        size = len(bytes_of(1, size=500))
        limits = QuotaLimits(storage=size + size // 2)
        await Quotas(stage.database).set(stage.account.id, limits, None)
        started: list[Deferred[Any]] = []

        async def hold(tx: Tx) -> None:
            await tx.all(
                "select 1 from accounts where id = %s for no key update", (stage.account.id,)
            )
            for number in (1, 2):
                started.append(Deferred.fromCoroutine(stage.put(bytes_of(number, size=500))))
            await stage.until_blocked(2)

        await stage.database.transaction("hold", hold)
        fates = {(await one).placed[0].fate for one in started}
        self.assertEqual(fates, {Fate.PLACED, Fate.OVER_QUOTA})

    async def test_mailboxes(self) -> None:
        stage = await self.stage()
        quotas = Quotas(stage.database)
        await quotas.set(stage.account.id, QuotaLimits(mailboxes=5), None)
        create = stage.mailboxes.create
        made = await gather(
            *(outcome(create(stage.account.id, f"m{n}", None, new_operation())) for n in range(10))
        )
        self.assertEqual(made.count(None), 3)
        self.assertEqual((await quotas.quota(stage.account.id)).mailboxes, 5)


class AdministratorTests(StageTestCase):
    """Of a mailbox of the domain, one administrator stays."""

    async def two(self) -> tuple[Stage, RightsTable, Owner, list[AccountRow]]:
        stage = await self.stage()
        rights = RightsTable(stage.database, reactor)  # type: ignore[arg-type]
        owner = await rights.shared_owner(stage.account.id)
        users = [
            await stage.accounts.create(
                parse_address(f"{name}@example.org"), [], [NewMailbox("INBOX")]
            )
            for name in ("bob", "eve")
        ]
        await stage.mailboxes.create(
            owner.account_id, "Team", None, new_operation(), users[0].id, ALL
        )
        await rights.set(
            owner.account_id,
            "Team",
            None,
            parse_address("eve@example.org"),
            RightsChange("replace", ALL),
            new_operation(),
        )
        return stage, rights, owner, users

    async def test_two_who_give_it_up_at_the_same_time(self) -> None:
        stage, rights, owner, users = await self.two()
        giving_up = RightsChange("remove", Rights.ADMINISTER)
        started: list[Deferred[Any]] = []

        def give_up(user: AccountRow) -> Any:
            return outcome(
                rights.set(
                    owner.account_id,
                    "Team",
                    user.id,
                    parse_address(user.address),
                    giving_up,
                    new_operation(),
                )
            )

        async def hold(tx: Tx) -> None:
            await tx.all(
                "select 1 from mailboxes where account_id = %s for no key update",
                (owner.account_id,),
            )
            started.extend(Deferred.fromCoroutine(give_up(user)) for user in users)
            await stage.until_blocked(2)

        await stage.database.transaction("hold", hold)
        kinds = sorted([type(await one).__name__ for one in started])
        self.assertEqual(kinds, [BadArgument.__name__, "NoneType"])
        acl = await rights.acl(owner.account_id, "Team", None)
        self.assertEqual([Rights.ADMINISTER in entry.rights for entry in acl].count(True), 1)

    async def test_many_changes_of_rights_at_the_same_time(self) -> None:
        """No deadlock, and what is read with the mailbox is what the rows say."""
        stage, rights, owner, users = await self.two()

        async def change(number: int) -> None:
            user, other = users[number % 2], users[number // 2 % 2]
            letter = Rights(1 << number % 10)
            mode = "add" if number % 3 else "remove"
            await outcome(
                rights.set(
                    owner.account_id,
                    "Team",
                    user.id,
                    None if number % 5 == 0 else parse_address(other.address),
                    RightsChange(mode, letter),  # type: ignore[arg-type]
                    new_operation(),
                )
            )

        await gather(*(change(number) for number in range(40)))
        [(acl,)] = await stage.rows("select acl from mailboxes where name_key = 'Team'")
        rows = await stage.rows(
            "select string_agg(greatest(grantee, 0) || ':' || rights, ',' order by grantee)"
            " from rights"
        )
        self.assertEqual(rows, [(acl,)])


class LostAnswerTests(StageTestCase):
    """A write whose answer was lost is read back (G14): of rights, and between accounts."""

    async def shared(self, *names: str) -> tuple[Stage, LoseAnswer, RightsTable, AccountRow]:
        faults = LoseAnswer(*names)
        stage = await self.stage(faults=faults)
        rights = RightsTable(stage.database, reactor)  # type: ignore[arg-type]
        bob = await stage.accounts.create(
            parse_address("bob@example.org"), [], [NewMailbox("INBOX")]
        )
        return stage, faults, rights, bob

    async def test_rights_that_were_set(self) -> None:
        stage, faults, rights, bob = await self.shared("set_rights")
        before = await stage.mailboxes.find(stage.account.id, "INBOX")
        done = await rights.set(
            stage.account.id,
            "INBOX",
            stage.account.id,
            parse_address(bob.address),
            RightsChange("add", Rights.READ),
            new_operation(),
        )
        self.assertEqual(faults.struck, ["set_rights"])
        after = await stage.mailboxes.find(stage.account.id, "INBOX")
        self.assertEqual((done.mailbox_id, done.acl), (stage.inbox, {bob.id: Rights.READ}))
        self.assertEqual((done.before, done.modseq), (before.highest_modseq, after.highest_modseq))

    async def test_a_move_to_another_account(self) -> None:
        """No message is lost, and none is there twice."""
        stage, faults, rights, bob = await self.shared("move")
        await stage.put_many(3)
        await rights.set(
            stage.account.id,
            "INBOX",
            None,
            parse_address(bob.address),
            RightsChange("add", ALL),
            new_operation(),
        )
        moved = await stage.messages.move(
            stage.inbox, NumberSet.of([1, 3]), bob.id, "INBOX", new_operation(), bob.id
        )
        self.assertEqual(faults.struck, ["move"])
        self.assertEqual((moved.copied.sources, moved.copied.uids), ((1, 3), (1, 2)))
        self.assertEqual(moved.expunged.vanished, NumberSet.of([1, 3]))
        theirs = await stage.mailboxes.find(bob.id, "INBOX")
        ours = await stage.mailboxes.find(stage.account.id, "INBOX")
        self.assertEqual((theirs.messages, ours.messages), (2, 1))
        self.assertEqual(await stage.miscounted(), [])
