"""All adapters of one memory storage."""

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from sora.storage.memory.accounts import MemoryAccounts, MemoryCredentials
from sora.storage.memory.addresses import MemoryAliases, MemoryDomains
from sora.storage.memory.cache import MemoryCacheHistory
from sora.storage.memory.cleaning import MemoryCleaning
from sora.storage.memory.copies import MemoryCopies
from sora.storage.memory.deletions import MemoryDeletions
from sora.storage.memory.history import MemoryHistory
from sora.storage.memory.importing import MemoryImporting
from sora.storage.memory.indexing import MemoryIndexing
from sora.storage.memory.mailboxes import MemoryMailboxes
from sora.storage.memory.maildrops import MemoryMaildrops
from sora.storage.memory.messages import MemoryMessages
from sora.storage.memory.metadata import MemoryMetadata
from sora.storage.memory.past import MemoryPast
from sora.storage.memory.purging import MemoryPurging
from sora.storage.memory.quotas import MemoryQuotas
from sora.storage.memory.requests import MemoryRequests, MemoryTasks
from sora.storage.memory.restoring import MemoryRestoring
from sora.storage.memory.retention import MemoryRetention
from sora.storage.memory.rights import MemoryRights
from sora.storage.memory.scripts import MemoryScripts
from sora.storage.memory.store import Dedup, MemoryStore
from sora.storage.memory.upkeep import MemoryUpkeep
from sora.storage.memory.uploads import MemoryMembership, MemoryUploads
from sora.storage.memory.verifying import MemoryVerifying


@frozen
class MemoryStorage:
    """The adapters, and the tables that they share."""

    tables: MemoryStore
    accounts: MemoryAccounts
    credentials: MemoryCredentials
    aliases: MemoryAliases
    domains: MemoryDomains
    purging: MemoryPurging
    mailboxes: MemoryMailboxes
    messages: MemoryMessages
    past: MemoryPast
    rights: MemoryRights
    importing: MemoryImporting
    indexing: MemoryIndexing
    quotas: MemoryQuotas
    metadata: MemoryMetadata
    scripts: MemoryScripts
    uploads: MemoryUploads
    copies: MemoryCopies
    cleaning: MemoryCleaning
    deletions: MemoryDeletions
    restoring: MemoryRestoring
    history: MemoryHistory
    retention: MemoryRetention
    membership: MemoryMembership
    upkeep: MemoryUpkeep
    maildrops: MemoryMaildrops
    verifying: MemoryVerifying
    cache_history: MemoryCacheHistory
    requests: MemoryRequests
    tasks: MemoryTasks


def memory_storage(clock: IReactorTime, dedup: Dedup = "domain") -> MemoryStorage:
    """An empty storage, which lives as long as somebody holds it."""
    tables = MemoryStore(clock, dedup)
    return MemoryStorage(
        tables=tables,
        accounts=MemoryAccounts(tables),
        credentials=MemoryCredentials(tables),
        aliases=MemoryAliases(tables),
        domains=MemoryDomains(tables),
        purging=MemoryPurging(tables),
        mailboxes=MemoryMailboxes(tables),
        messages=MemoryMessages(tables),
        past=MemoryPast(tables),
        rights=MemoryRights(tables),
        importing=MemoryImporting(tables),
        indexing=MemoryIndexing(tables),
        quotas=MemoryQuotas(tables),
        metadata=MemoryMetadata(tables),
        scripts=MemoryScripts(tables),
        uploads=MemoryUploads(tables),
        copies=MemoryCopies(tables),
        cleaning=MemoryCleaning(tables),
        deletions=MemoryDeletions(tables),
        restoring=MemoryRestoring(tables),
        history=MemoryHistory(tables),
        retention=MemoryRetention(tables),
        membership=MemoryMembership(tables),
        upkeep=MemoryUpkeep(tables),
        maildrops=MemoryMaildrops(tables),
        verifying=MemoryVerifying(tables),
        cache_history=MemoryCacheHistory(tables),
        requests=MemoryRequests(tables),
        tasks=MemoryTasks(tables),
    )
