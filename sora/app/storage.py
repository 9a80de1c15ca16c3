"""`[s3]`, `[cache]` and `[upload]` made into object stores, a cache, and what uses them."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from uuid import UUID

from attrs import frozen
from prometheus_client import CollectorRegistry
from twisted.application.service import IService

from sora.app.integrity import sweeper_of
from sora.app.stores import object_stores
from sora.app.tables import Tables
from sora.app.tree import Stage
from sora.config.config import Config
from sora.mail.facts import derive
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.copies import Mirror, ObjectCopies
from sora.metrics.bodies import CacheMetrics, UploadMetrics
from sora.operations.cache import CacheOperations, LiveCache
from sora.storage.disk.cache import DiskCache
from sora.storage.stores import SECOND, ObjectStore
from sora.threads import Threads
from sora.workers.backlog import BacklogWatch
from sora.workers.cache_history import CacheRecorder, CacheSettling
from sora.workers.copier import Copier
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
    """Where bodies go and come from. `objects` are the object stores by name, the first one first,
    and `copies` makes further objects in them; `stores` start before, `workers` after the rest;
    `grew` wants to hear of messages that came into a mailbox; `cache` is what operators can do with
    the cache. `uploads` knows what waits to be stored, `copying` what waits to be copied to stores,
    by name."""

    arrivals: Arrivals
    bodies: Bodies
    copies: ObjectCopies
    objects: Mapping[str, ObjectStore]
    stores: tuple[IService, ...]
    workers: tuple[IService, ...]
    grew: Callable[[int, int, int], None]
    cache: CacheOperations
    uploads: BacklogWatch
    copying: Mapping[str, BacklogWatch]


def body_storage(
    config: Config,
    database_id: UUID,
    tables: Tables,
    *,
    node: str,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
) -> BodyStorage:
    """Build what keeps bodies on a node. Nothing of it is started."""
    threads = Threads(reactor, DISK_THREADS, "bodies")
    kept_in, store_services = object_stores(
        config.s3, database_id, reactor=reactor, random=random, registry=registry, threads=threads
    )
    by_name = {store.name: store for store in kept_in}
    cache, cache_services = _cache(config, registry, threads)
    bodies = Bodies(kept_in, tables.uploads, threads, cache)
    copies = ObjectCopies(kept_in, tables.uploads, tables.copies, bodies)
    mirror = None
    if config.s3.second.bucket and config.s3.second.mode == "sync":
        mirror = Mirror(copies, tables.uploads, SECOND)
    metrics = UploadMetrics(registry)
    indexer = Indexer(tables.indexing, threads, clock=reactor, random=random)
    worker, staged = _worker(config, kept_in[0], tables, mirror, reactor, random, metrics)
    arrivals = Arrivals(
        tables.messages,
        tables.uploads,
        kept_in[0],
        derive=derive,
        threads=threads,
        clock=reactor,
        staging_max_size=staged,
        staging_total=config.upload.staging_total,
        poke=worker.poke,
        mirror=mirror,
    )
    copier = _copier(config, copies, tables, reactor, random, metrics)
    copying = {SECOND: copier.watch} if isinstance(copier, Copier) else {}
    workers: list[IService] = [indexer, worker, copier]
    sweeper = sweeper_of(
        config.integrity,
        tables,
        by_name,
        bodies,
        copies,
        reactor=reactor,
        random=random,
        registry=registry,
    )
    if sweeper is not None:
        workers.append(sweeper)
    live = None
    if cache is not None:
        recorder = CacheRecorder(cache, tables.cache_history, node, reactor)
        live = LiveCache(cache, recorder.sample)
        workers += [recorder, CacheSettling(cache, reactor)]
    services = [threads, *store_services, *cache_services, Stage("arrivals", stop=arrivals.stop)]
    return BodyStorage(
        arrivals=arrivals,
        bodies=bodies,
        copies=copies,
        objects=by_name,
        stores=tuple(services),
        workers=tuple(workers),
        grew=indexer.grew,
        uploads=worker.watch,
        copying=copying,
        cache=CacheOperations(live, tables.cache_history, reactor.seconds),
    )


def _worker(
    config: Config,
    store: ObjectStore,
    tables: Tables,
    mirror: Mirror | None,
    reactor: Any,
    random: Random,
    metrics: UploadMetrics,
) -> tuple[Uploader | Filer, int]:
    """What moves staged bodies to the store, and up to how many octets a body is staged."""
    upload = config.upload
    if not store.is_remote:
        filer = Filer(
            tables.uploads,
            store,
            clock=reactor,
            random=random,
            warn_after=upload.warn_after,
            metrics=metrics,
        )
        return filer, min(upload.staging_max_size, STAGED_FOR_DIRECTORY)
    uploader = Uploader(
        tables.uploads,
        store,
        clock=reactor,
        random=random,
        workers=upload.workers,
        batch_size=upload.batch_size,
        warn_after=upload.warn_after,
        mirror=mirror,
        metrics=metrics,
    )
    return uploader, upload.staging_max_size


def _copier(
    config: Config,
    copies: ObjectCopies,
    tables: Tables,
    reactor: Any,
    random: Random,
    metrics: UploadMetrics,
) -> Copier | Stage:
    if not config.s3.second.bucket:
        return Stage("copies", start=lambda: tables.copies.copy_to([]))
    return Copier(
        tables.copies,
        copies,
        to=SECOND,
        clock=reactor,
        random=random,
        warn_after=config.upload.warn_after,
        metrics=metrics,
    )


def _cache(
    config: Config, registry: CollectorRegistry, threads: Threads
) -> tuple[DiskCache | None, Sequence[IService]]:
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
