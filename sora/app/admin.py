"""`twistd sora-admin`: runs in the foreground, prints to stdout, leaves nothing behind.

The command runs while twistd makes its service, in a reactor of its own that ends with it:
so there is no daemon, no pid file and no log file, and the exit code is the command's.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

from attrs import asdict
from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.python.usage import Options as TwistedOptions

from sora.admin.api import AdminAPI
from sora.admin.command import CommandFailed, Store, Terminal
from sora.admin.main import DEFAULT_CONFIG, OpenStore, parse, prepare, run
from sora.app.available import require_available
from sora.app.cleaning import cleaner_of
from sora.app.database import make_database
from sora.app.doctor import doctor_of
from sora.app.embedded_mode import MODE_NAME, EmbeddedOptions
from sora.app.exchange import ExchangeOpener
from sora.app.filtering import settings_of
from sora.app.filtering_stored import FilteringOpener
from sora.app.health import health_from_here
from sora.app.integrity import verifier_of
from sora.app.operations import common_operations, operations_by
from sora.app.postgres_server import PostgresServer
from sora.app.servers import BUILDERS
from sora.app.sieve import compiler_of, script_store
from sora.app.storage import BodyStorage
from sora.app.stored import StoredBodies
from sora.app.tables import tables_on
from sora.config.checks import is_placeholder
from sora.config.load import Loaded, load, loads
from sora.config.problems import ConfigError
from sora.errors import SoraError
from sora.health import Health
from sora.mailbox.scripts import Compiler
from sora.operations.cache import CacheOperations
from sora.operations.configuration import ConfigurationOperations
from sora.operations.health import HealthOperations, Overview
from sora.operations.objects import ObjectOperations
from sora.operations.owners import OwnerLookup
from sora.operations.sieve import SieveOperations
from sora.operations.sieve_trial import SieveTrials
from sora.operations.verify import VerifyOperations
from sora.storage.postgres.pool import Limits
from sora.workers.cleaner import Cleaner


class Options(TwistedOptions):
    """Leaves the command line to `sora.admin.main`, and keeps twistd from becoming a daemon."""

    synopsis = "GROUP COMMAND [options]"
    given: Namespace

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse, and ask for what is missing. Ends the process for help and for errors."""
        self.given = parse(list(options or ()))
        try:
            prepare(self.given, Terminal(sys.stdin, sys.stderr))
        except CommandFailed as error:
            _fail(str(error))
        except (KeyboardInterrupt, EOFError):
            _fail("nothing was done")
        if self.parent is not None:
            self.parent["nodaemon"] = True
            self.parent["pidfile"] = ""


def makeService(options: Options) -> NoReturn:
    """Do the command, and end the process with its exit code."""
    given = options.given
    try:
        loaded = _load(given)
        compiler = compiler_of(loaded.config, deferToThread)
    except ConfigError as error:
        _fail("\nsora-admin: ".join(str(problem) for problem in error.problems))

    def main(reactor: Any) -> "Deferred[None]":
        return Deferred.fromCoroutine(_main(given, partial(_open_store, loaded, compiler, reactor)))

    react(main)
    raise SystemExit(0)


async def _main(given: Namespace, open_store: OpenStore) -> None:
    code = await run(given, open_store, sys.stdout, sys.stderr)
    sys.stdout.flush()
    if code:
        raise SystemExit(code)


async def _open_store(loaded: Loaded, compiler: Compiler, reactor: Any, given: Namespace) -> Store:
    """The database that is meant, with the connections that the command needs. Raises
    CommandFailed, Unavailable."""
    config = loaded.config
    if given.dir and given.command.needs_database:
        _require_running(given.dir)
    database = make_database(
        config.database,
        reactor=reactor,
        random=SystemRandom(),
        registry=CollectorRegistry(),
        limits=Limits(
            minimum=0,
            maximum=connections_of(given),
            acquire_timeout=config.database.acquire_timeout,
        ),
    )
    database.start()
    tables = tables_on(database, config.s3.dedup, reactor)
    owners = OwnerLookup(tables.accounts, tables.rights)
    scripts = script_store(config, tables.scripts, compiler)
    stored = StoredBodies(config, tables, reactor)

    async def verify() -> VerifyOperations:
        opened = await stored.open()
        verifier = verifier_of(tables, opened.objects, opened.bodies, opened.copies)
        return VerifyOperations(owners, tables.verifying, verifier, opened.objects)

    async def cleaner() -> Cleaner:
        opened = await stored.open()
        return cleaner_of(
            config,
            tables,
            opened.objects,
            node="sora-admin",
            reactor=reactor,
            random=SystemRandom(),
            registry=CollectorRegistry(),
        )

    async def objects() -> ObjectOperations:
        opened = await stored.open()
        key_ids = [entry.id for entry in config.s3.encryption_keys]
        return ObjectOperations(tables.copies, opened.copies, opened.objects, key_ids)

    configuration = ConfigurationOperations(
        loaded, partial(require_available, server_types=BUILDERS)
    )
    common = common_operations(config, tables, cleaner, _new_operation, reactor=reactor)

    async def stores_if_known() -> BodyStorage | None:
        try:
            return await stored.open()
        except SoraError:  # the database says why
            return None

    async def health() -> Overview:
        opened = await stores_if_known()
        return await _looked(health_from_here(config, tables, opened, reactor=reactor))

    async def doctor() -> Overview:
        opened = await stores_if_known()
        return await _looked(
            doctor_of(config, tables, opened, configuration, common.migrations, reactor=reactor)
        )

    exchange = ExchangeOpener(config, owners, scripts, tables, reactor, stored, _new_operation)
    return Store(
        **asdict(common, recurse=False),
        sieve=SieveOperations(owners, tables.rights, scripts),
        trials=SieveTrials(compiler, reactor.seconds, settings_of(config.sieve)),
        filtering=FilteringOpener(config, compiler, tables, reactor, stored, _new_operation).open,
        verify=verify,
        objects=objects,
        cache=CacheOperations(None, tables.cache_history, reactor.seconds),
        api=AdminAPI(config.admin.api_url, config.admin.api_key, reactor),
        health=health,
        doctor=doctor,
        configuration=configuration,
        importing=exchange.open,
        exporting=exchange.open_export,
        close=stored.close,
    )


async def _looked(health: Health) -> Overview:
    await health.look()
    return HealthOperations(lambda: health).overview()


def connections_of(given: Namespace) -> int:
    """One is enough for a command, but where it has jobs that go at the same time."""
    return 2 * getattr(given, "jobs", 0) or 1


_new_operation = operations_by("sora-admin")


def _load(given: Namespace) -> Loaded:
    if given.dir:
        server = PostgresServer(EmbeddedOptions(Path(given.dir).absolute()).postgres).server()
        text = (
            f'[database]\nhost = "{server.host}"\nport = {server.port}\n'
            f'dbname = "{server.database}"\nuser = "{server.user}"\n'
            f'[s3]\nprovider = "filesystem"\npath = "{Path(given.dir).absolute() / "objects"}"\n'
            '[cache]\npath = ""\n'
            f"{_api_of(EmbeddedOptions(Path(given.dir).absolute()))}"
        )
        return loads(text, MODE_NAME, os.environ, given.set)
    needs_database = given.command.needs_database
    if not (needs_database or given.config or Path(DEFAULT_CONFIG).exists()):
        return loads("", f"{DEFAULT_CONFIG}, which is not there", os.environ, given.set)
    loaded = load(given.config or DEFAULT_CONFIG, os.environ, given.set)
    if needs_database and is_placeholder(loaded.config.database.password):
        _fail("database.password is a placeholder: write the real one, or use password_file")
    return loaded


def _api_of(options: EmbeddedOptions) -> str:
    """`[admin]` for an embedded Sora, if it has ever run."""
    try:
        url = options.url_file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    return f'[admin]\napi_url = "{url}"\napi_key_file = "{options.key_file}"\n'


def _require_running(directory: str) -> None:
    server = PostgresServer(EmbeddedOptions(Path(directory).absolute()).postgres)
    if not server.data.is_dir():
        raise CommandFailed(f"there is no embedded Sora in {directory}: ./dev run makes one")
    if server.pid is None:
        raise CommandFailed(
            f"the embedded Sora in {directory} does not run: start it with ./dev run"
        )


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"sora-admin: {message}\n")
    raise SystemExit(1)
