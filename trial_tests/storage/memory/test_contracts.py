"""The memory storage passes the contracts that PostgreSQL passes."""

from datetime import UTC, datetime

from twisted.internet.task import Clock

from sora.storage.memory.storage import memory_storage
from sora.storage.memory.store import MemoryStore
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
from trial_tests.storage.contracts.contract import Contract, Storage


class OnMemory(Contract):
    """Gives a suite the memory storage."""

    async def new_storage(self) -> Storage:
        clock = Clock()
        clock.advance(datetime(2024, 5, 17, tzinfo=UTC).timestamp())
        memory = memory_storage(clock)
        tables = memory.tables
        return Storage(
            accounts=memory.accounts,
            credentials=memory.credentials,
            aliases=memory.aliases,
            domains=memory.domains,
            purging=memory.purging,
            mailboxes=memory.mailboxes,
            messages=memory.messages,
            past=memory.past,
            rights=memory.rights,
            quotas=memory.quotas,
            metadata=memory.metadata,
            scripts=memory.scripts,
            uploads=memory.uploads,
            copies=memory.copies,
            cleaning=memory.cleaning,
            deletions=memory.deletions,
            restoring=memory.restoring,
            history=memory.history,
            retention=memory.retention,
            importing=memory.importing,
            indexing=memory.indexing,
            membership=memory.membership,
            maildrops=memory.maildrops,
            verifying=memory.verifying,
            cache_history=memory.cache_history,
            requests=memory.requests,
            tasks=memory.tasks,
            upkeep=memory.upkeep,
            set_quota=_Operator(tables).set_quota,
            forget_history=_Operator(tables).forget_history,
        )


class _Operator:
    def __init__(self, tables: MemoryStore) -> None:
        self._tables = tables

    async def set_quota(self, account_id: int, octets: int | None, messages: int | None) -> None:
        account = self._tables.accounts[account_id]
        account.quota_storage, account.quota_messages = octets, messages

    async def forget_history(self, mailbox_id: int) -> None:
        mailbox = self._tables.mailboxes[mailbox_id]
        mailbox.events.clear()
        mailbox.horizon = mailbox.highest_modseq


class TestAccounts(OnMemory, accounts.AccountsContract):
    pass


class TestAliases(OnMemory, addresses.AliasesContract):
    pass


class TestDomains(OnMemory, addresses.DomainsContract):
    pass


class TestLastLogins(OnMemory, credentials.LastLoginsContract):
    """`ICredentials.note_logins`, and who is not among them"""


class TestCredentials(OnMemory, credentials.CredentialsContract):
    pass


class TestMailboxes(OnMemory, mailboxes.MailboxesContract):
    pass


class TestPlacing(OnMemory, placing.PlacingContract):
    pass


class TestDelivering(OnMemory, delivering.DeliveringContract):
    """Delivery after filters."""


class TestAppending(OnMemory, appending.AppendingContract):
    pass


class TestChanging(OnMemory, changing.ChangingContract):
    pass


class TestCopying(OnMemory, copying.CopyingContract):
    pass


class TestReading(OnMemory, reading.ReadingContract):
    pass


class TestChanges(OnMemory, reading.ChangesContract):
    pass


class TestSearching(OnMemory, searching.SearchingContract):
    pass


class TestSorting(OnMemory, sorting.SortingContract):
    pass


class TestImporting(OnMemory, importing.ImportingContract):
    pass


class TestIndexing(OnMemory, indexing.IndexingContract):
    pass


class TestCharsets(OnMemory, charsets.CharsetsContract):
    pass


class TestUploads(OnMemory, uploads.UploadsContract):
    pass


class TestCopies(OnMemory, copies.CopiesContract):
    pass


class TestPurging(OnMemory, purging.PurgingContract):
    """`IPurging`"""


class TestCleaning(OnMemory, cleaning.CleaningContract):
    pass


class TestMembership(OnMemory, cleaning.MembershipContract):
    pass


class TestMaildrops(OnMemory, maildrops.MaildropsContract):
    pass


class TestMetadata(OnMemory, metadata.MetadataContract):
    pass


class TestScripts(OnMemory, scripts.ScriptsContract):
    pass


class TestRights(OnMemory, rights.RightsContract):
    pass


class TestQuotas(OnMemory, quotas.QuotasContract):
    pass


class TestThreadIds(OnMemory, threading.ThreadIdsContract):
    pass


class TestTurns(OnMemory, turns.TurnsContract):
    pass


class VerifyingTests(OnMemory, verifying.VerifyingContract):
    """`IVerifying`."""


class PastTests(OnMemory, past.PastContract):
    """`IPast`"""


class PastApartTests(OnMemory, past.ApartContract):
    """`IPast`, between scopes"""


class TestHistory(OnMemory, history.HistoryContract):
    """`IHistory`"""


class TestRestoring(OnMemory, restoring.RestoringContract):
    """`IRestoring`"""


class TestRetention(OnMemory, retention.RetentionContract):
    """`IRetention`"""


class TestDeletions(OnMemory, deletions.DeletionsContract):
    pass


class TestInventory(OnMemory, inventory.InventoryContract):
    """`IUpkeep.inventory`"""


class TestCacheHistory(OnMemory, cache.CacheHistoryContract):
    """`ICacheHistory`"""


class TestRequests(OnMemory, requests.RequestsContract):
    """`IRequests`"""


class TestTasks(OnMemory, requests.TasksContract):
    """`ITasks`"""
