"""`[cleanup]` and `[history]` made into the cleaner."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from attrs import asdict
from prometheus_client import CollectorRegistry

from sora.app.tables import Tables
from sora.config.cleanup import CleanupConfig, UnusualDeletionsConfig
from sora.config.config import Config
from sora.mailbox.state import Change
from sora.metrics.cleaning import CleaningMetrics
from sora.storage.rows import Expunged, ServerRetention, Unusual
from sora.storage.stores import ObjectStore
from sora.workers.cleaner import ORPHAN_GRACE, Cleaner, Graces
from sora.workers.deletions import DeletionWatch
from sora.workers.policies import Policies


def graces_of(config: Config) -> Graces:
    """How long what is deleted is kept."""
    return Graces(
        deleted=config.cleanup.grace_period,
        orphans=max(ORPHAN_GRACE, config.cleanup.object_grace),
        history=config.history.retention,
        extra=config.cleanup.unusual_deletions.extra_grace,
    )


def server_retention(config: CleanupConfig) -> ServerRetention:
    """The rules that stand in the configuration."""
    ages = asdict(config.special_use)
    uses = {f"\\{name.capitalize()}": age for name, age in ages.items() if age is not None}
    most = config.max_age_restriction
    return ServerRetention(
        None if most is None else timedelta(seconds=most),
        {use: timedelta(seconds=age) for use, age in uses.items()},
    )


def cleaner_of(
    config: Config,
    tables: Tables,
    stores: Mapping[str, ObjectStore],
    *,
    node: str,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
    told: Callable[[int, Change], None] = lambda mailbox_id, change: None,
) -> Cleaner:
    """The cleaner of a process, which is `node` among others; `told` hears of changes of mailboxes
    (`OpenMailboxes.told`)."""

    def expunged(what: Expunged) -> None:
        told(what.mailbox_id, Change(what.before, what.modseq, vanished=what.vanished))

    metrics = CleaningMetrics(registry)
    return Cleaner(
        tables.cleaning,
        {name: store.objects for name, store in stores.items()},
        clock=reactor,
        random=random,
        graces=graces_of(config),
        wake_interval=config.cleanup.wake_interval,
        node=node,
        policies=Policies(
            tables.retention,
            server_retention(config.cleanup),
            clock=reactor,
            wake_interval=config.cleanup.wake_interval,
            told=expunged,
        ),
        watch=_watch_of(config.cleanup.unusual_deletions, tables, reactor, metrics),
        metrics=metrics,
    )


def _watch_of(
    config: UnusualDeletionsConfig, tables: Tables, reactor: Any, metrics: CleaningMetrics
) -> DeletionWatch | None:
    if not config.messages:
        return None
    return DeletionWatch(
        tables.deletions,
        Unusual(config.messages, config.share / 100, config.factor),
        clock=reactor,
        extra=config.extra_grace,
        metrics=metrics,
    )
