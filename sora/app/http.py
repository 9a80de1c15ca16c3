"""What the HTTP API works on, put together."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from twisted.internet.defer import succeed
from twisted.internet.threads import deferToThread

from sora.app.accounts import accounts_on
from sora.app.cleaning import graces_of, server_retention
from sora.app.database import migration_operations
from sora.app.filtering import settings_of
from sora.app.integrity import verifier_of
from sora.app.storage import BodyStorage
from sora.app.stores import uploader_operations
from sora.app.tables import Tables
from sora.config.config import Config
from sora.health import Health
from sora.mailbox.scripts import ScriptStore
from sora.net.tracker import Session
from sora.operations.acl import AclOperations
from sora.operations.aliases import AliasOperations
from sora.operations.cleaning import CleaningOperations
from sora.operations.connections import ConnectionOperations
from sora.operations.database import DatabaseOperations
from sora.operations.domains import DomainOperations
from sora.operations.health import HealthOperations
from sora.operations.history import HistoryOperations
from sora.operations.logins import LoginOperations
from sora.operations.mailbox import MailboxOperations
from sora.operations.objects import ObjectOperations
from sora.operations.past import PastOperations
from sora.operations.relay import RelayOperations
from sora.operations.restoring import RestoringOperations
from sora.operations.retention import RetentionOperations
from sora.operations.sieve import SieveOperations
from sora.operations.sieve_filter import SieveFiltering
from sora.operations.sieve_trial import SieveTrials
from sora.operations.tasks import TaskOperations
from sora.operations.verify import VerifyOperations
from sora.protocols.http.nouns import Nouns
from sora.storage.rows import Copied, Operation
from sora.workers.cleaner import Cleaner


def nouns_on(
    config: Config,
    tables: Tables,
    storage: BodyStorage,
    scripts: ScriptStore,
    sessions: Iterable[Session],
    health: Health | None,
    logins: LoginOperations,
    cleaner: Cleaner,
    tasks: TaskOperations,
    filtering: Callable[[bool], SieveFiltering],
    told: Callable[[Copied], None],
    *,
    reactor: Any,
) -> Nouns:
    """The operations on a database and its stores, and on the connections, the health, the cache
    and the cleaner of this process. `told` hears of messages that came into a mailbox."""
    parts = accounts_on(tables)
    owners, rights = parts.owners, tables.rights
    verifier = verifier_of(tables, storage.objects, storage.bodies, storage.copies)
    key_ids = [entry.id for entry in config.s3.encryption_keys]
    return Nouns(
        accounts=parts.accounts,
        credentials=parts.credentials,
        aliases=AliasOperations(tables.aliases),
        domains=DomainOperations(tables.domains),
        mailboxes=MailboxOperations(owners, tables.mailboxes, new_operation),
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
        acl=AclOperations(owners, rights, tables.mailboxes, new_operation),
        quota=parts.quota,
        sieve=SieveOperations(owners, rights, scripts),
        trials=SieveTrials(scripts.compiler, reactor.seconds, settings_of(config.sieve)),
        relay=RelayOperations(config.relay.queue.path, deferToThread, reactor.seconds),
        connections=ConnectionOperations(lambda: sessions),
        cache=storage.cache,
        database=DatabaseOperations(tables.upkeep),
        migrations=migration_operations(config.database, reactor=reactor),
        uploader=uploader_operations(config.s3, tables),
        objects=ObjectOperations(tables.copies, storage.copies, storage.objects, key_ids),
        verify=VerifyOperations(owners, tables.verifying, verifier, storage.objects),
        retention=RetentionOperations(owners, tables.retention, server_retention(config.cleanup)),
        cleaning=CleaningOperations(
            tables.cleaning,
            graces_of(config),
            lambda: succeed(cleaner),
            tables.deletions,
            reactor.seconds,
        ),
        filtering=filtering,
        tasks=tasks,
        health=HealthOperations(lambda: health),
        logins=logins,
    )


def new_operation() -> Operation:
    """A write that an operator has asked for over HTTP."""
    return Operation(uuid4(), actor="operator", protocol="http_api")
