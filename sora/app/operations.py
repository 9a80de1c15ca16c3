"""What operators can do, put together on a database: on the command line and over HTTP alike."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from twisted.internet.threads import deferToThread

from sora.app.accounts import accounts_on
from sora.app.cleaning import graces_of, server_retention
from sora.app.database import migration_operations
from sora.app.tables import Tables
from sora.config.config import Config
from sora.config.s3 import S3Config
from sora.operations.account_details import AccountDetails
from sora.operations.acl import AclOperations
from sora.operations.aliases import AliasOperations
from sora.operations.cleaning import CleaningOperations
from sora.operations.common import CommonOperations
from sora.operations.database import DatabaseOperations
from sora.operations.domain_purge import DomainPurge
from sora.operations.domains import DomainOperations
from sora.operations.history import HistoryOperations
from sora.operations.mailbox import MailboxOperations
from sora.operations.past import PastOperations
from sora.operations.relay import RelayOperations
from sora.operations.restoring import RestoringOperations, nobody
from sora.operations.retention import RetentionOperations
from sora.operations.uploader import UploaderOperations
from sora.retry import pause
from sora.storage.rows import Copied, Operation
from sora.storage.stores import SECOND
from sora.workers.cleaner import Cleaner


def common_operations(
    config: Config,
    tables: Tables,
    cleaner: Callable[[], Awaitable[Cleaner]],
    new_operation: Callable[[], Operation],
    told: Callable[[Copied], None] = nobody,
    *,
    reactor: Any,
) -> CommonOperations:
    """`cleaner` gives the one that is told to run; `told` hears of messages that came into a
    mailbox."""
    parts = accounts_on(tables)
    owners = parts.owners
    retention = RetentionOperations(owners, tables.retention, server_retention(config.cleanup))
    cleaning = CleaningOperations(
        tables.cleaning, graces_of(config), cleaner, tables.deletions, reactor.seconds
    )
    return CommonOperations(
        accounts=parts.accounts,
        details=AccountDetails(
            parts.accounts,
            tables.credentials,
            tables.aliases,
            tables.quotas,
            tables.scripts,
            retention,
            timedelta(seconds=config.cleanup.grace_period),
        ),
        credentials=parts.credentials,
        aliases=AliasOperations(tables.aliases),
        domains=DomainOperations(tables.domains),
        domain_purge=DomainPurge(tables.purging, cleaning, partial(pause, reactor)),
        acl=AclOperations(owners, tables.rights, tables.mailboxes, new_operation),
        mailboxes=MailboxOperations(owners, tables.mailboxes, new_operation),
        quota=parts.quota,
        restoring=RestoringOperations(
            owners,
            tables.mailboxes,
            tables.restoring,
            new_operation,
            timedelta(seconds=config.cleanup.grace_period),
            told,
        ),
        history=HistoryOperations(owners, tables.mailboxes, tables.restoring, tables.history),
        past=PastOperations(
            owners,
            tables.mailboxes,
            tables.messages,
            tables.restoring,
            tables.history,
            new_operation,
            lambda: datetime.fromtimestamp(reactor.seconds(), UTC),
            told,
        ),
        retention=retention,
        cleaning=cleaning,
        relay=RelayOperations(config.relay.queue.path, deferToThread, reactor.seconds),
        uploader=_uploader(config.s3, tables),
        database=DatabaseOperations(tables.upkeep),
        migrations=migration_operations(config.database, reactor=reactor),
    )


def operations_by(protocol: str) -> Callable[[], Operation]:
    """Makes a write that an operator has asked for in this way."""
    return lambda: Operation(uuid4(), actor="operator", protocol=protocol)


def _uploader(config: S3Config, tables: Tables) -> UploaderOperations:
    copied_to = [SECOND] if config.second.bucket else []
    return UploaderOperations(tables.uploads, tables.copies, copied_to)
