"""`[cleanup]` and `[history]` made into the cleaner."""

from collections.abc import Mapping
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry

from sora.app.tables import Tables
from sora.config.config import Config
from sora.metrics.cleaning import CleaningMetrics
from sora.storage.stores import ObjectStore
from sora.workers.cleaner import ORPHAN_GRACE, Cleaner, Graces


def graces_of(config: Config) -> Graces:
    """How long what is deleted is kept."""
    return Graces(
        deleted=config.cleanup.grace_period,
        orphans=max(ORPHAN_GRACE, config.cleanup.object_grace),
        history=config.history.retention,
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
) -> Cleaner:
    """The cleaner of a process, which is `node` among others."""
    return Cleaner(
        tables.cleaning,
        {name: store.objects for name, store in stores.items()},
        clock=reactor,
        random=random,
        graces=graces_of(config),
        wake_interval=config.cleanup.wake_interval,
        node=node,
        metrics=CleaningMetrics(registry),
    )
