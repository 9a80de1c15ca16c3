"""`[s3]` made into object stores: the first, and a second one; with keys, encrypted before them."""

from base64 import b64decode
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry
from twisted.application.service import IService

from sora.app.tree import Stage
from sora.config.s3 import S3Config
from sora.metrics.bodies import ObjectMetrics
from sora.storage.disk.objects import DiskObjects
from sora.storage.interfaces import IObjects
from sora.storage.s3.client import S3Client
from sora.storage.s3.objects import S3Objects
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.objects import SealedObjects
from sora.storage.stores import SECOND, ObjectStore
from sora.threads import Threads


def object_stores(
    config: S3Config,
    database_id: UUID,
    *,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
    threads: Threads,
) -> tuple[Sequence[ObjectStore], Sequence[IService]]:
    """The stores, the one that new bodies go to first, and what starts and stops them."""
    keys = None
    if config.encryption_keys:
        keys = Keyring([(entry.id, b64decode(entry.key)) for entry in config.encryption_keys])
    key_id = keys.first.id if keys is not None and config.encryption != "off" else None
    metrics = ObjectMetrics(registry)
    stores: list[ObjectStore] = []
    services: list[IService] = []

    def add(
        name: str,
        objects: IObjects,
        is_remote: bool,
        at_hand: Callable[[UUID, int], bytes | None] | None = None,
    ) -> None:
        sealed = None if keys is None else SealedObjects(objects, keys, threads)
        stores.append(ObjectStore(name, objects, is_remote, sealed, key_id, at_hand))

    def add_bucket(name: str, settings: S3Config) -> None:
        objects = S3Objects(
            S3Client(settings, reactor, threads),
            name=name,
            prefix=f"{database_id}/",
            clock=reactor,
            random=random,
            metrics=metrics,
        )
        services.append(Stage(f"object store {name}", stop=objects.stop))
        add(name, objects, is_remote=True)

    if config.provider == "filesystem":
        directory = DiskObjects(config.path, threads, metrics=metrics)
        services.append(Stage("object store", start=directory.prepare))
        add("filesystem", directory, is_remote=False, at_hand=directory.at_hand)
    else:
        add_bucket("s3", config)
    if config.second.bucket:
        add_bucket(SECOND, config.of_second)
    return stores, services
