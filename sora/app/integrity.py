"""`[integrity]` made into what proves that bodies are intact."""

from collections.abc import Mapping
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry

from sora.app.tables import Tables
from sora.config.integrity import IntegrityConfig
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import ObjectCopies
from sora.mailbox.spool import Spool
from sora.mailbox.verifying import Verifier
from sora.metrics.integrity import IntegrityMetrics
from sora.storage.stores import ObjectStore
from sora.workers.sweeper import Pace, Sweeper


def verifier_of(
    tables: Tables, stores: Mapping[str, ObjectStore], bodies: Bodies, copies: ObjectCopies
) -> Verifier:
    """What looks at objects and mends them."""
    return Verifier(tables.verifying, stores, bodies, copies, Spool)


def sweeper_of(
    config: IntegrityConfig,
    tables: Tables,
    stores: Mapping[str, ObjectStore],
    bodies: Bodies,
    copies: ObjectCopies,
    *,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
) -> Sweeper | None:
    """What goes through all that is stored; None where nothing is to be read for it."""
    if not config.rate:
        return None
    return Sweeper(
        tables.verifying,
        verifier_of(tables, stores, bodies, copies),
        list(stores),
        pace=Pace(config.rate, config.objects_per_second),
        mend=config.repair,
        clock=reactor,
        random=random,
        metrics=IntegrityMetrics(registry),
    )
