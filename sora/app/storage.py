"""`[s3]`, `[cache]` and `[upload]` made into object stores, a cache, and what uses them."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from uuid import UUID

from attrs import frozen
from prometheus_client import CollectorRegistry
from twisted.application.service import IService

from sora.app.integrity import sweeper_of
from sora.app.tables import Tables
from sora.app.tree import Stage
from sora.config.config import Config
from sora.config.s3 import S3Config
from sora.mail.facts import derive
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.metrics.bodies import CacheMetrics, ObjectMetrics, UploadMetrics
from sora.storage.disk.cache import DiskCache
from sora.storage.disk.objects import DiskObjects
from sora.storage.interfaces import IObjects
from sora.storage.s3.client import S3Client
from sora.storage.s3.objects import S3Objects
from sora.storage.sealed.keyring import Keyring
from sora.storage.sealed.objects import SealedObjects
from sora.storage.stores import ObjectStore
from sora.threads import Threads
from sora.workers.cleaner import Cleaner
from sora.workers.filer import Filer
from sora.workers.indexer import Indexer
from sora.workers.uploader import Uploader

DISK_THREADS = 8
"""threads that read, write and fsync bodies, and hash and parse large ones"""
STAGED_FOR_DIRECTORY = 64 * 1024
"""octets up to which a body for a directory goes through the database: beyond, what that costs is
more than a wait for the disk"""


@frozen
class BodyStorage:
    """Where bodies go and come from. `objects` are the object stores by name; `stores` start
    before, `workers` after the rest; `grew` wants to hear of messages that came into a mailbox."""

    arrivals: Arrivals
    bodies: Bodies
    objects: Mapping[str, ObjectStore]
    stores: tuple[IService, ...]
    workers: tuple[IService, ...]
    grew: Callable[[int, int, int], None]


def body_storage(
    config: Config,
    database_id: UUID,
    tables: Tables,
    *,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
) -> BodyStorage:
    """Build what keeps bodies. Nothing of it is started."""
    threads = Threads(reactor, DISK_THREADS, "bodies")
    objects, store_service = _object_store(config, database_id, reactor, random, registry, threads)
    store = _with_keys(config.s3, objects, threads)
    cache, cache_services = _cache(config, registry, threads)
    services: list[IService] = [threads, store_service, *cache_services]
    indexer = Indexer(tables.indexing, threads, clock=reactor, random=random)
    workers: list[IService] = [
        Cleaner(
            tables.cleaning,
            {store.name: store.objects},
            clock=reactor,
            random=random,
            grace=config.cleanup.grace_period,
            wake_interval=config.cleanup.wake_interval,
        ),
        indexer,
    ]
    worker: Uploader | Filer
    staged = config.upload.staging_max_size
    if store.is_remote:
        worker = Uploader(
            tables.uploads,
            store,
            clock=reactor,
            random=random,
            workers=config.upload.workers,
            batch_size=config.upload.batch_size,
            warn_after=config.upload.warn_after,
            metrics=UploadMetrics(registry),
        )
    else:
        staged = min(staged, STAGED_FOR_DIRECTORY)
        worker = Filer(
            tables.uploads,
            store,
            clock=reactor,
            random=random,
            warn_after=config.upload.warn_after,
            metrics=UploadMetrics(registry),
        )
    workers.append(worker)
    arrivals = Arrivals(
        tables.messages,
        tables.uploads,
        store,
        derive=derive,
        threads=threads,
        clock=reactor,
        staging_max_size=staged,
        staging_total=config.upload.staging_total,
        poke=worker.poke,
    )
    services.append(Stage("arrivals", stop=arrivals.stop))
    by_name = {store.name: store}
    bodies = Bodies([store], tables.uploads, threads, cache)
    sweeper = sweeper_of(
        config.integrity,
        tables,
        by_name,
        bodies,
        reactor=reactor,
        random=random,
        registry=registry,
    )
    if sweeper is not None:
        workers.append(sweeper)
    return BodyStorage(arrivals, bodies, by_name, tuple(services), tuple(workers), indexer.grew)


def _object_store(
    config: Config,
    database_id: UUID,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
    threads: Threads,
) -> tuple[IObjects, IService]:
    if config.s3.provider == "filesystem":
        directory = DiskObjects(config.s3.path, threads)
        return directory, Stage("object store", start=directory.prepare)
    objects = S3Objects(
        S3Client(config.s3, reactor, threads),
        name="s3",
        prefix=f"{database_id}/",
        clock=reactor,
        random=random,
        metrics=ObjectMetrics(registry),
    )
    return objects, Stage("object store", stop=objects.stop)


def _with_keys(config: S3Config, objects: IObjects, threads: Threads) -> ObjectStore:
    """The store, before which bodies are encrypted when there are keys."""
    is_remote = config.provider == "s3"
    if not config.encryption_keys:
        return ObjectStore(config.provider, objects, is_remote)
    keys = Keyring([(entry.id, b64decode(entry.key)) for entry in config.encryption_keys])
    return ObjectStore(
        config.provider,
        objects,
        is_remote,
        sealed=SealedObjects(objects, keys, threads),
        key_id=None if config.encryption == "off" else keys.first.id,
    )


def _cache(
    config: Config, registry: CollectorRegistry, threads: Threads
) -> tuple[DiskCache | None, list[IService]]:
    if not config.cache.path or not config.cache.capacity:
        return None, []
    cache = DiskCache(
        config.cache.path,
        capacity=config.cache.capacity,
        max_object_size=config.cache.max_object_size,
        threads=threads,
        metrics=CacheMetrics(registry),
    )
    return cache, [Stage("cache", start=cache.start, stop=cache.stop)]
