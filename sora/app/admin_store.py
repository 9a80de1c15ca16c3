"""The configuration and the database that a command line names, and what commands do with them."""

import os
from argparse import Namespace
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

from attrs import asdict
from prometheus_client import CollectorRegistry

from sora.admin.api import AdminAPI
from sora.admin.command import Store
from sora.admin.failed import CommandFailed
from sora.admin.main import DEFAULT_CONFIG
from sora.app.database import make_database
from sora.app.embedded_mode import EmbeddedOptions
from sora.app.embedded_state import kept_configuration, least_configuration
from sora.app.opening import Opening
from sora.app.operations import common_operations, operations_by
from sora.app.postgres_server import PostgresServer
from sora.app.tables import tables_on
from sora.config.checks import is_placeholder
from sora.config.load import Loaded, load, loads
from sora.config.problems import ConfigError
from sora.operations.cache import CacheOperations
from sora.retry import pause
from sora.storage.postgres.pool import Limits


def configuration_of(given: Namespace) -> Loaded:
    """What `--config` or `--dir`, and `--set`, come to. Raises CommandFailed."""
    try:
        return _load(given)
    except ConfigError as error:
        raise CommandFailed(str(error)) from None


async def open_store(loaded: Loaded, reactor: Any, given: Namespace) -> Store:
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
    new_operation = operations_by("sora-admin")
    opening = Opening(loaded, tables, new_operation, reactor)
    common = common_operations(config, tables, opening.cleaner, new_operation, reactor=reactor)
    return Store(
        **asdict(common, recurse=False),
        sieve=opening.sieve,
        trials=opening.trials,
        filtering=opening.filtering,
        verify=opening.verify,
        objects=opening.objects,
        cache=CacheOperations(None, tables.cache_history, reactor.seconds),
        api=AdminAPI(
            config.admin.api_url,
            config.admin.api_key,
            opening.http_client,
            partial(pause, reactor),
            is_configured=any(one.type == "http_api" and one.start for one in config.servers),
        ),
        health=opening.health,
        tls=opening.tls,
        doctor=partial(opening.doctor, common.migrations),
        configuration=opening.configuration,
        importing=opening.importing,
        exporting=opening.exporting,
        close=opening.close,
    )


def connections_of(given: Namespace) -> int:
    """One is enough for a command, but where it has jobs that go at the same time."""
    return 2 * getattr(given, "jobs", 0) or 1


def _load(given: Namespace) -> Loaded:
    if given.dir:
        directory = Path(given.dir).absolute()
        kept = kept_configuration(directory, os.environ, given.set)
        return kept or least_configuration(directory, os.environ, given.set)
    needs_database = given.command.needs_database
    if not (needs_database or given.config or Path(DEFAULT_CONFIG).exists()):
        return loads("", f"{DEFAULT_CONFIG}, which is not there", os.environ, given.set)
    loaded = load(given.config or DEFAULT_CONFIG, os.environ, given.set)
    if needs_database and is_placeholder(loaded.config.database.password):
        raise CommandFailed(
            "database.password is a placeholder: write the real one, or use password_file"
        )
    return loaded


def _require_running(directory: str) -> None:
    server = PostgresServer(EmbeddedOptions(Path(directory).absolute()).postgres)
    if not server.data.is_dir():
        raise CommandFailed(f"there is no embedded Sora in {directory}: ./dev run makes one")
    if server.pid is None:
        raise CommandFailed(
            f"the embedded Sora in {directory} does not run: start it with ./dev run"
        )
