"""A domain that goes, on a real PostgreSQL: beside others that have the same octets, and while somebody
is about to make an account in it."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from twisted.internet import reactor

from sora.addresses import parse_address
from sora.deferreds import gather
from sora.errors import BadArgument, NoSuchAccount
from sora.mail.numbers import NumberSet
from sora.operations.cleaning import CleaningOperations
from sora.operations.domain_purge import DomainPurge
from sora.retry import pause
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.addresses import Domains
from sora.storage.postgres.database import Tx
from sora.storage.postgres.purging import Purging
from sora.storage.rows import AccountRow, NewMailbox, Target, Want
from sora.workers.cleaner import Graces
from trial_tests.storage.postgres.stage import (
    DAY,
    Stage,
    StageTestCase,
    arrival_of,
    bytes_of,
    new_operation,
)

NOW = timedelta(0)


class DomainTests(StageTestCase):
    """The account of the stage is of example.org, which stays."""

    def purge_on(self, stage: Stage) -> DomainPurge:
        def wait(seconds: float) -> Awaitable[Any]:
            return pause(reactor, 0.01)  # type: ignore[arg-type]

        async def no_cleaner() -> Any:
            raise NotImplementedError

        cleaning = CleaningOperations(
            stage.cleaning,
            Graces(86400.0),
            no_cleaner,
            None,
            reactor.seconds,  # type: ignore[arg-type, attr-defined]
        )
        return DomainPurge(Purging(stage.database), cleaning, wait)

    async def put_all(self, stage: Stage, account: AccountRow, count: int) -> None:
        inbox = await stage.mailboxes.find(account.id, "INBOX")
        for number in range(count):
            target = Target(account.id, inbox.id, DAY, new_operation().id)
            arrival = arrival_of(bytes_of(number))
            await stage.messages.place(account.scope_id, arrival, [target], new_operation())

    async def test_bodies_that_others_have_too_stay_for_them(self) -> None:
        """G3, with `dedup = "global"`: what only the domain had is condemned."""
        stage = await self.stage()
        accounts = Accounts(stage.database, "global")
        stays, goes = [
            await accounts.create(parse_address(email), [], [NewMailbox("INBOX")])
            for email in ("zoe@stays.example", "ann@goes.example")
        ]
        self.assertEqual(stays.scope_id, goes.scope_id)
        await self.put_all(stage, stays, 3)
        await self.put_all(stage, goes, 5)
        purge = self.purge_on(stage)
        held = await purge.holdings("goes.example")
        size = sum(len(bytes_of(number)) for number in range(5))
        self.assertEqual((held.accounts, held.messages, held.size), (1, 5, size))
        gone = await purge.purge("goes.example", _nobody)
        self.assertEqual((gone.accounts, gone.messages), (1, 5))
        condemned = 0
        while some := await stage.cleaning.condemn(NOW, 100):
            condemned += some
        self.assertEqual(condemned, 2)
        inbox = await stage.mailboxes.find(stays.id, "INBOX")
        read = await stage.messages.read(inbox.id, NumberSet.of([1, 2, 3]), frozenset({Want.BODY}))
        self.assertEqual(len(read.messages), 3)
        for number, message in enumerate(read.messages):
            self.assertEqual(
                await stage.uploads.staged(message.body.content_id, 0, 1), [bytes_of(number)]
            )
        self.assertEqual(await stage.miscounted(), [])

    async def test_two_who_remove_it_at_once(self) -> None:
        """Both end, and it is gone once."""
        stage = await self.stage()
        for number in range(7):
            address = parse_address(f"{number}@goes.example")
            await stage.accounts.create(address, [], [NewMailbox("INBOX")])
        purge = self.purge_on(stage)
        parts: list[float | None] = []
        await gather(
            *(
                purge.purge("goes.example", lambda share, messages: parts.append(share))
                for _ in range(2)
            )
        )
        self.assertEqual(set(parts), {None})
        self.assertEqual(
            [row.name for row in await Domains(stage.database).list()], ["example.org"]
        )
        self.assertEqual((await stage.accounts.list())[0].address, "a@example.org")

    async def test_who_makes_an_account_before_the_mark_is_waited_for(self) -> None:
        """So that the account is seen, and goes too."""
        stage = await self.stage()
        domains, purging = Domains(stage.database), Purging(stage.database)
        await domains.create("goes.example")
        started: list[Any] = []

        async def create(tx: Tx) -> None:
            await tx.one(
                "select create_account_v1('ann@goes.example', 'ann@goes.example', 'goes.example',"
                " 'domain', '{}', '{}', '[]',"
                " row(gen_random_uuid(), '', '', '', '')::operation_v1)"
            )
            started.append(purging.mark("goes.example"))
            await stage.until_blocked()

        await stage.database.transaction("create", create)
        await started[0]
        page = await purging.delete("goes.example", "", 10)
        self.assertEqual(page.addresses, ("ann@goes.example",))
        await self.purge_on(stage).purge("goes.example", _nobody)
        await self.assertFailure(domains.show("goes.example"), NoSuchAccount)

    async def test_who_makes_an_account_meanwhile_is_refused(self) -> None:
        stage = await self.stage()
        await Domains(stage.database).create("goes.example")
        started: list[Any] = []

        async def mark(tx: Tx) -> None:
            await tx.do("select purge_domain_v1('goes.example')")
            ann = parse_address("ann@goes.example")
            started.append(stage.accounts.create(ann, [], [NewMailbox("INBOX")]))
            started[0].addErrback(lambda failure: failure)
            await stage.until_blocked()

        await stage.database.transaction("mark", mark)
        await self.assertFailure(started[0], BadArgument)


def _nobody(share: float | None, messages: int) -> None:
    """Nobody is told."""
