"""An HTTP server for administration, from its configuration."""

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from uuid import uuid4

from prometheus_client import CollectorRegistry
from twisted.internet.interfaces import IReactorTime

from sora.config.servers import ServerConfig
from sora.mailbox.spool import Spool
from sora.metrics.protocol import CommandMetrics
from sora.net.networks import Networks
from sora.protocols.http.endpoint import Scope
from sora.protocols.http.gate import Gate, Rates
from sora.protocols.http.keys import Key, Keys, digest_of
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.once import Once
from sora.protocols.http.openapi import document
from sora.protocols.http.pages import api_pages, monitoring_pages
from sora.protocols.http.protocol import HTTPFactory
from sora.protocols.http.site import AdminSite
from sora.protocols.http.spoken import ENDPOINTS, GROUPS
from sora.protocols.http.upload import Uploads
from sora.storage.interfaces import IRequests
from sora.tracing.commands import CommandTraces


def http_factory(
    *,
    clock: IReactorTime,
    server: ServerConfig,
    nouns: Nouns,
    requests: IRequests,
    registry: CollectorRegistry,
    commands: CommandMetrics,
    is_ready: Callable[[], Awaitable[bool]],
    new_id: Callable[[], str],
    traces: CommandTraces | None = None,
    max_message_size: int = 0,
    max_archive_size: int = 0,
) -> HTTPFactory:
    """What a listener takes for a server of type `http_api`. `new_id` names requests;
    `max_message_size` and `max_archive_size` are in octets."""
    described = document(ENDPOINTS, GROUPS, version("sora-mail"))
    keys, allowed, rates = _admitted(server)
    gate = Gate(keys, allowed, clock.seconds, rates)
    site = AdminSite(
        ENDPOINTS,
        [
            *api_pages(described),
            *monitoring_pages(registry, is_ready, Scope.READ if server.metrics_key else None),
        ],
        nouns=nouns,
        once=Once(requests, uuid4),
        gate=gate,
        seconds=clock.seconds,
        new_id=new_id,
        traces=traces,
        metrics=commands,
        uploads=Uploads(Spool, max_message_size, max_archive_size),
    )
    return HTTPFactory(
        site.resource(),
        clock,
        new_id,
        lambda entry: gate.change(*_admitted(entry)),
        site.upload,
    )


def keys_of(server: ServerConfig) -> list[Key]:
    """The keys that a server knows: `api_key`, and `[[servers.api_keys]]`."""
    keys = [
        Key(entry.name, entry.digest or digest_of(entry.key), frozenset(map(Scope, entry.scopes)))
        for entry in server.api_keys
    ]
    if server.api_key:
        keys.append(Key("api_key", digest_of(server.api_key)))
    return keys


def _admitted(server: ServerConfig) -> tuple[Keys, Networks | None, Rates]:
    allowed = Networks(server.allowed_hosts) if server.allowed_hosts else None
    return Keys(keys_of(server)), allowed, _rates(server)


def _rates(server: ServerConfig) -> Rates:
    per_second = server.requests_per_second
    return Rates(per_second=float(per_second), at_once=max(4 * per_second, 1))
