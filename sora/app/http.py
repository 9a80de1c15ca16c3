"""What the HTTP API works on, put together."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import asdict
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


def nouns_on(
    config: Config,
    tables: Tables,
    storage: BodyStorage,
    files: Threads,
    scripts: ScriptStore,
    sessions: Iterable[Session],
    health: Health | None,
    certificates: Mapping[int, ServerTLS],
    logins: LoginOperations,
    cleaner: Cleaner,
    tasks: TaskOperations,
    filtering: Callable[[bool], SieveFiltering],
    told: Callable[[Copied], None],
    delivering: DeliveryOperations,
    *,
    reactor: Any,
) -> Nouns:
    """The operations on a database and its stores, and on the connections, the health, the cache
    and the cleaner of this process. `told` hears of messages that came into a mailbox."""
    owners = OwnerLookup(tables.accounts, tables.rights)
    exchange = exchange_here(
        config,
        owners,
        scripts,
        tables,
        storage,
        files,
        reactor=reactor,
        new_operation=new_operation,
    )
    verifier = verifier_of(tables, storage.objects, storage.bodies, storage.copies)
    key_ids = [entry.id for entry in config.s3.encryption_keys]
    common = common_operations(
        config, tables, lambda: succeed(cleaner), new_operation, told, reactor=reactor
    )
    return Nouns(
        **asdict(common, recurse=False),
        sieve=SieveOperations(owners, tables.rights, scripts),
        trials=SieveTrials(scripts.compiler, reactor.seconds, settings_of(config.sieve)),
        connections=ConnectionOperations(lambda: sessions),
        cache=storage.cache,
        objects=ObjectOperations(tables.copies, storage.copies, storage.objects, key_ids),
        verify=VerifyOperations(owners, tables.verifying, verifier, storage.objects),
        filtering=filtering,
        importing=exchange.importing,
        exporting=exchange.exporting,
        places=exchange.places,
        delivering=delivering,
        tasks=tasks,
        health=HealthOperations(lambda: health),
        tls=tls_served(config, certificates, reactor),
        logins=logins,
    )


new_operation = operations_by("http_api")
"""a write that an operator has asked for over HTTP"""
