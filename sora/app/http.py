"""What the HTTP API works on, put together."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import asdict, frozen
from twisted.internet.defer import succeed

from sora.app.certificates import tls_served
from sora.app.exchange import exchange_here
from sora.app.filtering import settings_of
from sora.app.integrity import verifier_of
from sora.app.operations import common_operations, operations_by
from sora.app.storage import BodyStorage
from sora.app.tables import Tables
from sora.config.config import Config
from sora.health import Health
from sora.mailbox.scripts import ScriptStore
from sora.net.tracker import Session
from sora.operations.connections import ConnectionOperations
from sora.operations.delivering import DeliveryOperations
from sora.operations.health import HealthOperations
from sora.operations.logins import LoginOperations
from sora.operations.objects import ObjectOperations
from sora.operations.owners import OwnerLookup
from sora.operations.sieve import SieveOperations
from sora.operations.sieve_filter import SieveFiltering
from sora.operations.sieve_trial import SieveTrials
from sora.operations.tasks import TaskOperations
from sora.operations.verify import VerifyOperations
from sora.protocols.http.nouns import Nouns
from sora.storage.rows import Copied
from sora.threads import Threads
from sora.tls.contexts import ServerTLS
from sora.workers.cleaner import Cleaner


@frozen(kw_only=True)
class Running:
    """What a process that serves mail brings, beside the database and its stores: threads for
    `files`, the `sessions` that there are when it is asked, `certificates` by the numbers of their
    servers' entries in the configuration, what looks at its health (None where nothing does).
    `filtering` is told whether it may send; `told` hears of messages that came into a mailbox."""

    files: Threads
    scripts: ScriptStore
    sessions: Iterable[Session]
    health: Health | None
    certificates: Mapping[int, ServerTLS]
    logins: LoginOperations
    cleaner: Cleaner
    tasks: TaskOperations
    filtering: Callable[[bool], SieveFiltering]
    told: Callable[[Copied], None]
    delivering: DeliveryOperations


def nouns_on(
    config: Config,
    tables: Tables,
    storage: BodyStorage,
    running: Running,
    *,
    reactor: Any,
) -> Nouns:
    """The operations on a database and its stores, and on what runs in this process."""
    owners = OwnerLookup(tables.accounts, tables.rights)
    exchange = exchange_here(
        config,
        owners,
        running.scripts,
        tables,
        storage,
        running.files,
        reactor=reactor,
        new_operation=new_operation,
    )
    verifier = verifier_of(tables, storage.objects, storage.bodies, storage.copies)
    key_ids = [entry.id for entry in config.s3.encryption_keys]
    common = common_operations(
        config,
        tables,
        lambda: succeed(running.cleaner),
        new_operation,
        running.told,
        reactor=reactor,
    )
    return Nouns(
        **asdict(common, recurse=False),
        sieve=SieveOperations(owners, tables.rights, running.scripts),
        trials=SieveTrials(running.scripts.compiler, reactor.seconds, settings_of(config.sieve)),
        connections=ConnectionOperations(lambda: running.sessions),
        cache=storage.cache,
        objects=ObjectOperations(tables.copies, storage.copies, storage.objects, key_ids),
        verify=VerifyOperations(owners, tables.verifying, verifier, storage.objects),
        filtering=running.filtering,
        importing=exchange.importing,
        exporting=exchange.exporting,
        downloading=exchange.downloading,
        places=exchange.places,
        delivering=running.delivering,
        tasks=running.tasks,
        health=HealthOperations(lambda: running.health),
        tls=tls_served(config, running.certificates, reactor),
        logins=running.logins,
    )


new_operation = operations_by("http_api")
"""a write that an operator has asked for over HTTP"""
