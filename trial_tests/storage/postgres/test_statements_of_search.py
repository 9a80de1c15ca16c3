"""Where keys of SORT and THREAD come from, and the limits of searches."""

from datetime import timedelta
from typing import Any

from sora.mail.criteria import All, And, BodyHas, Criterion, Not, UidIn
from sora.storage.postgres import search
from sora.storage.postgres import statements_of_search as statements
from sora.storage.postgres.database import Timing, Tx
from sora.storage.postgres.indexing import Indexing
from sora.storage.rows import SortBy, SortKey
from trial_tests.storage.contracts import sorting
from trial_tests.storage.contracts.contract import sets
from trial_tests.storage.contracts.indexing import Indexed
from trial_tests.storage.postgres.stage import StageTestCase
from trial_tests.storage.postgres.test_contracts import PostgresStorage


class KeysTests(PostgresStorage, Indexed):
    async def setUp(self) -> None:
        await super().setUp()
        for message, day in sorting.MESSAGES:
            await self.put(self.ann, self.inbox, message, internal_date=sorting.noon(day))

    async def rows(self, statement: statements.Statement) -> list[tuple[Any, ...]]:
        sql, parameters = statement

        async def work(tx: Tx) -> list[tuple[Any, ...]]:
            return await tx.all(sql, parameters)

        return await self.storage.messages._database.run("search", work, write=False)

    async def answers(
        self, criterion: Criterion, few: int, gone_since: int | None = None
    ) -> list[Any]:
        """All orders and the threads, read from segments when there are more than `few`."""
        inbox = self.inbox.id
        orders = [
            await self.rows(statements.sort(inbox, criterion, [SortKey(by)], gone_since, few))
            for by in SortBy
        ]
        rows = await self.rows(statements.threads(inbox, criterion, gone_since, few))
        return [orders, [search.thread_row(row) for row in rows]]

    async def test_they_are_the_same_wherever_the_index_ends(self) -> None:
        some = And((UidIn(sets(1, 2, 4, 5)), Not(BodyHas("two"))))
        for after, upto in ((0, 2), (2, 3), (3, 5)):
            self.assertTrue(await self.index(self.inbox, upto, after))
            for criterion in (All(), some, BodyHas("nothing")):
                from_contents = await self.answers(criterion, few=1000)
                self.assertEqual(await self.answers(criterion, few=0), from_contents, upto)

    async def test_what_is_gone_has_its_keys_also_without_its_segment(self) -> None:
        self.assertTrue(await self.index(self.inbox, 2, 0))
        self.assertTrue(await self.index(self.inbox, 4, 2))
        expected = await self.answers(All(), few=1000)
        before = await self.store(self.inbox, sets(1, 2, 3, 5), "add", "\\Deleted")
        await self.storage.messages.expunge(self.inbox.id, None, self.operation())
        for pruned in (1, 0):
            for few in (0, 1000):
                self.assertEqual(await self.answers(All(), few, before.modseq), expected, few)
            self.assertEqual(await self.storage.indexing.prune(1000), pruned)


class _Heard:
    """Statements, by operation; none of them fails."""

    def __init__(self) -> None:
        self.statements: dict[str, str] = {}

    def before(self, name: str, sql: str) -> bool:
        self.statements[name] = sql
        return False

    def after(self, name: str, sql: str) -> bool:
        return False


class LimitsTests(StageTestCase):
    async def test_searches_and_indexing_have_limits_of_their_own(self) -> None:
        """`[database] search_timeout` and `bulk_timeout`"""
        heard = _Heard()
        timing = Timing(statement=11, search=22, bulk=33)
        stage = await self.stage(timing=timing, faults=heard)
        await stage.messages.search(stage.inbox, All())
        await stage.messages.sort(stage.inbox, All(), [SortKey(SortBy.DATE)])
        await Indexing(stage.database).claim(1, 1, timedelta(minutes=1))
        await stage.messages.read(stage.inbox, sets(1), frozenset())
        for name, seconds in (("search", 22), ("sort", 22), ("claim_indexing", 33), ("read", 11)):
            self.assertIn(f"statement_timeout = {seconds}000;", heard.statements[name], name)
