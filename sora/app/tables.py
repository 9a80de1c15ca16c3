"""The adapters of one database, made once: what the parts of a process are built on."""

from typing import Any

from attrs import frozen

from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.addresses import Aliases, Domains
from sora.storage.postgres.cache import CacheHistory
from sora.storage.postgres.cleaning import Cleaning
from sora.storage.postgres.copies import Copies
from sora.storage.postgres.credentials import Credentials
from sora.storage.postgres.database import Database
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


@frozen(kw_only=True)
class Tables:
    """One adapter for each interface of `sora.storage.interfaces`."""

    database: Database
    accounts: Accounts
    credentials: Credentials
    aliases: Aliases
    domains: Domains
    purging: Purging
    quotas: Quotas
    mailboxes: Mailboxes
    rights: RightsTable
    metadata: Metadata
    scripts: Scripts
    messages: Messages
    past: PastMail
    maildrops: Maildrops
    importing: Importing
    indexing: Indexing
    uploads: Uploads
    copies: Copies
    cleaning: Cleaning
    deletions: Deletions
    restoring: Restoring
    history: Events
    retention: Retention
    membership: Membership
    verifying: Verifying
    upkeep: Upkeep
    cache_history: CacheHistory
    requests: Requests
    tasks: TaskTable


def tables_on(database: Database, dedup: Any, reactor: Any) -> Tables:
    """The adapters on `database`, whose pool need not be started yet; `dedup` as in `[s3]`."""
    return Tables(
        database=database,
        accounts=Accounts(database, dedup),
        credentials=Credentials(database),
        aliases=Aliases(database),
        domains=Domains(database),
        purging=Purging(database),
        quotas=Quotas(database),
        mailboxes=Mailboxes(database, reactor),
        rights=RightsTable(database, reactor, dedup),
        metadata=Metadata(database),
        scripts=Scripts(database),
        messages=Messages(database, reactor),
        past=PastMail(database, reactor),
        maildrops=Maildrops(database, reactor),
        importing=Importing(database),
        indexing=Indexing(database),
        uploads=Uploads(database),
        copies=Copies(database),
        cleaning=Cleaning(database),
        deletions=Deletions(database),
        restoring=Restoring(database),
        history=Events(database),
        retention=Retention(database),
        membership=Membership(database),
        verifying=Verifying(database),
        upkeep=Upkeep(database),
        cache_history=CacheHistory(database),
        requests=Requests(database),
        tasks=TaskTable(database),
    )
