"""Database on a real PostgreSQL: what each failure means."""

from sora.storage.postgres.database import Tx
from trial_tests.support.postgres import DatabaseTestCase


class StatementTests(DatabaseTestCase):
    async def test_the_last_result_of_one_message_is_returned(self) -> None:
        """The time limits travel in front of the statement, in the same round trip."""
        database = await self.new_database(migrated=False)

        async def work(tx: Tx) -> object:
            return await tx.one(
                "SELECT %s, current_setting('statement_timeout'), current_setting('lock_timeout')",
                ("x",),
            )

        got = await database.run("probe", work, write=True, timeout=2)
        self.assertEqual(got, ("x", "2s", "2s"))
        after = await database.run("probe", lambda tx: tx.value("SHOW lock_timeout"), write=False)
        self.assertEqual(after, "0")
        self.assertEqual(database.statements["probe"], 2)
