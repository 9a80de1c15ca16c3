"""The contracts of storage, on PostgreSQL."""

from twisted.internet import reactor

from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.addresses import Aliases, Domains
from sora.storage.postgres.cache import CacheHistory
from sora.storage.postgres.cleaning import Cleaning
from sora.storage.postgres.copies import Copies
from sora.storage.postgres.credentials import Credentials
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.deletions import Deletions
from sora.storage.postgres.history import Events
from sora.storage.postgres.importing import Importing
from sora.storage.postgres.indexing import Indexing
from sora.storage.postgres.mailboxes import Mailboxes
from sora.storage.postgres.maildrops import Maildrops
from sora.storage.postgres.membership import Membership
from sora.storage.postgres.messages import Messages
from sora.storage.postgres.metadata import Metadata
from sora.storage.postgres.past import PastMail
from sora.storage.postgres.purging import Purging
from sora.storage.postgres.quotas import Quotas
from sora.storage.postgres.requests import Requests, TaskTable
from sora.storage.postgres.restoring import Restoring
from sora.storage.postgres.retention import Retention
from sora.storage.postgres.rights import RightsTable
from sora.storage.postgres.scripts import Scripts
from sora.storage.postgres.upkeep import Upkeep
from sora.storage.postgres.uploads import Uploads
from sora.storage.postgres.verifying import Verifying
from trial_tests.storage.contracts import (
    accounts,
    addresses,
    appending,
    cache,
    changing,
    charsets,
    cleaning,
    copies,
    copying,
    credentials,
    deletions,
    delivering,
    history,
    importing,
    indexing,
    inventory,
    mailboxes,
    maildrops,
    metadata,
    past,
    placing,
    purging,
    quotas,
    reading,
    requests,
    restoring,
    retention,
    rights,
    scripts,
    searching,
    sorting,
    threading,
    turns,
    uploads,
    verifying,
)
from trial_tests.storage.contracts.contract import Storage
from trial_tests.support.plans import can_explain, watched_database
from trial_tests.support.postgres import DatabaseTestCase


class PostgresStorage(DatabaseTestCase):
    """Gives each test the adapters over a fresh database, and looks at the plans of all that it
    did there (`trial_tests.support.plans`)."""

    async def new_storage(self) -> Storage:
        """A storage without anything in it."""
        database = await self._watched_database()
        operator = Operator(database)
        return Storage(
            accounts=Accounts(database),
            credentials=Credentials(database),
            aliases=Aliases(database),
            domains=Domains(database),
            purging=Purging(database),
            mailboxes=Mailboxes(database, reactor),  # type: ignore[arg-type]
            messages=Messages(database, reactor),  # type: ignore[arg-type]
            past=PastMail(database, reactor),  # type: ignore[arg-type]
            quotas=Quotas(database),
            rights=RightsTable(database, reactor),  # type: ignore[arg-type]
            metadata=Metadata(database),
            scripts=Scripts(database),
            uploads=Uploads(database),
            copies=Copies(database),
            cleaning=Cleaning(database),
            deletions=Deletions(database),
            restoring=Restoring(database),
            history=Events(database),
            retention=Retention(database),
            importing=Importing(database),
            indexing=Indexing(database),
            membership=Membership(database),
            maildrops=Maildrops(database, reactor),  # type: ignore[arg-type]
            verifying=Verifying(database),
            cache_history=CacheHistory(database),
            requests=Requests(database),
            tasks=TaskTable(database),
            upkeep=Upkeep(database),
            set_quota=operator.set_quota,
            forget_history=operator.forget_history,
        )

    async def _watched_database(self) -> Database:
        if not can_explain():
            return await self.new_database()
        database, plans = await watched_database(self)
        self.addCleanup(lambda: self.assertEqual(plans.take(), set()))
        return database


class Operator:
    """What no interface offers yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_quota(self, account_id: int, octets: int | None, messages: int | None) -> None:
        await self._do(
            "update accounts set quota_storage = %s, quota_messages = %s where id = %s",
            octets,
            messages,
            account_id,
        )

    async def forget_history(self, mailbox_id: int) -> None:
        await self._do(
            "with gone as (delete from events where mailbox_id = %s)"
            " update sora set events_horizon = (select highest_modseq from mailboxes where id = %s)",
            mailbox_id,
            mailbox_id,
        )

    async def _do(self, sql: str, *parameters: object) -> None:
        async def work(tx: Tx) -> None:
            await tx.do(sql, parameters)

        await self._database.run("operator", work, write=True)


class AccountsTests(PostgresStorage, accounts.AccountsContract):
    """`IAccounts`"""


class AliasesTests(PostgresStorage, addresses.AliasesContract):
    """`IAliases`."""


class AppendingTests(PostgresStorage, appending.AppendingContract):
    """`IMessages.store` and `expunge`"""


class ChangingTests(PostgresStorage, changing.ChangingContract):
    """`IMessages.store` and `expunge`"""


class PurgingTests(PostgresStorage, purging.PurgingContract):
    """`IPurging`"""


class CleaningTests(PostgresStorage, cleaning.CleaningContract):
    """`ICleaning`"""


class DeletionsTests(PostgresStorage, deletions.DeletionsContract):
    """`IDeletions`"""


class PastTests(PostgresStorage, past.PastContract):
    """`IPast`"""


class PastApartTests(PostgresStorage, past.ApartContract):
    """`IPast`, between scopes"""


class HistoryTests(PostgresStorage, history.HistoryContract):
    """`IHistory`"""


class RestoringTests(PostgresStorage, restoring.RestoringContract):
    """`IRestoring`"""


class RetentionTests(PostgresStorage, retention.RetentionContract):
    """`IRetention`"""


class CopyingTests(PostgresStorage, copying.CopyingContract):
    """`IMessages.copy` and `move`"""


class LastLoginsTests(PostgresStorage, credentials.LastLoginsContract):
    """`ICredentials.note_logins`, and who is not among them"""


class CredentialsTests(PostgresStorage, credentials.CredentialsContract):
    """`ICredentials`"""


class DomainsTests(PostgresStorage, addresses.DomainsContract):
    """`IDomains`."""


class MailboxesTests(PostgresStorage, mailboxes.MailboxesContract):
    """`IMailboxes`"""


class PlacingTests(PostgresStorage, placing.PlacingContract):
    """`IMessages.place`"""


class DeliveringTests(PostgresStorage, delivering.DeliveringContract):
    """Delivery after filters."""


class ReadingTests(PostgresStorage, reading.ReadingContract):
    """`IMessages.read`"""


class ScriptsTests(PostgresStorage, scripts.ScriptsContract):
    """`IScripts`"""


class SearchingTests(PostgresStorage, searching.SearchingContract):
    """`IMessages.search`"""


class SortingTests(PostgresStorage, sorting.SortingContract):
    """`IMessages.sort`, `threads`, `relevance`"""


class ImportingTests(PostgresStorage, importing.ImportingContract):
    """`IImporting`."""


class IndexingTests(PostgresStorage, indexing.IndexingContract):
    """`IIndexing`, and searching what is indexed."""


class CharsetsTests(PostgresStorage, charsets.CharsetsContract):
    """`IMessages.search` of real messages."""


class UploadsTests(PostgresStorage, uploads.UploadsContract):
    """`IUploads`"""


class CopiesTests(PostgresStorage, copies.CopiesContract):
    """`ICopies`"""


class ChangesTests(PostgresStorage, reading.ChangesContract):
    """`IMailboxes.changes`"""


class MembershipTests(PostgresStorage, cleaning.MembershipContract):
    """`IMembership`"""


class MaildropsTests(PostgresStorage, maildrops.MaildropsContract):
    """`IMaildrops`"""


class MetadataTests(PostgresStorage, metadata.MetadataContract):
    """`IMetadata`"""


class RightsTests(PostgresStorage, rights.RightsContract):
    """`IRights`"""


class QuotasTests(PostgresStorage, quotas.QuotasContract):
    """`IQuotas`"""


class ThreadIdsTests(PostgresStorage, threading.ThreadIdsContract):
    """`thread_id`"""


class TurnsTests(PostgresStorage, turns.TurnsContract):
    """Turns of `IMailboxes`"""


class VerifyingTests(PostgresStorage, verifying.VerifyingContract):
    """`IVerifying`."""


class InventoryTests(PostgresStorage, inventory.InventoryContract):
    """`IUpkeep.inventory`"""


class CacheHistoryTests(PostgresStorage, cache.CacheHistoryContract):
    """`ICacheHistory`"""


class RequestsTests(PostgresStorage, requests.RequestsContract):
    """`IRequests`"""


class TasksTests(PostgresStorage, requests.TasksContract):
    """`ITasks`"""


class PlansTests(PostgresStorage):
    """What looks at the plans of all the tests above."""

    async def test_what_has_no_index_is_noticed(self) -> None:
        """Also inside of functions."""
        if not can_explain():
            return
        database, plans = await watched_database(self)
        function = (
            "create function pg_temp.count_by_size() returns bigint language plpgsql as"
            " 'begin return (select count(*) from messages where size > 7); end';"
        )
        for sql in ("select from mailboxes where id = 1", "select from contents where size = 3"):
            await database.run("read", lambda tx, sql=sql: tx.all(sql), write=False)  # type: ignore[misc]
        self.assertEqual(plans.take(), {"Seq Scan contents: select from contents where size = 3"})
        sql = function + "select pg_temp.count_by_size()"
        await database.run("read", lambda tx: tx.all(sql), write=False)
        (found,) = plans.take()
        self.assertTrue(found.startswith("Seq Scan messages: "), found)
