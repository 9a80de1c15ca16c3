"""Every SQLSTATE that our functions raise, and the classes of PostgreSQL's own."""

from sora.errors import (
    AlreadyExists,
    BadArgument,
    ExpungeIssued,
    HasChildren,
    InUse,
    NoSuchAccount,
    NoSuchMailbox,
    OverQuota,
    SoraError,
    StorageFull,
    Unavailable,
    UseAttributeRefused,
)
from sora.storage.postgres.database import Tx
from sora.storage.postgres.errors import StatementFailed
from trial_tests.support.postgres import DatabaseTestCase

TABLE: list[tuple[str, type[Exception]]] = [
    ("SR001", NoSuchMailbox),
    ("SR002", AlreadyExists),
    ("SR003", HasChildren),
    ("SR004", UseAttributeRefused),
    ("SR005", NoSuchAccount),
    ("SR006", OverQuota),
    ("SR007", ExpungeIssued),
    ("SR008", BadArgument),
    ("SR009", InUse),
    ("23505", AlreadyExists),
    ("53100", StorageFull),
    ("53200", Unavailable),
    ("55006", Unavailable),
    ("55P03", Unavailable),
    ("58030", Unavailable),
    ("42P01", StatementFailed),
]


class TableTests(DatabaseTestCase):
    async def test_each_sqlstate_has_its_class_and_leaves_the_connection_clean(self) -> None:
        database = await self.new_database(migrated=False)
        for state, kind in TABLE:

            async def work(tx: Tx, state: str = state) -> None:
                await tx.do(
                    f"DO $$ BEGIN RAISE EXCEPTION 'the text' USING ERRCODE = '{state}'; END $$"
                )

            with self.subTest(state=state):
                raised = None
                try:
                    await database.run("raise", work, write=True)
                except (SoraError, StatementFailed) as error:
                    raised = error
                self.assertIs(type(raised), kind)
                if state.startswith("SR"):
                    self.assertEqual(str(raised), "the text")
        self.assertEqual(database.pool.size, 1)
        self.assertEqual(database.statements["raise"], len(TABLE))
