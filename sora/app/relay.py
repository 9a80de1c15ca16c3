"""`[relay]` made into a relay, or into one that sends nothing."""

import os
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final

from attrs import frozen
from prometheus_client import CollectorRegistry
from twisted.application.service import IService

from sora.addresses import parse_address
from sora.config.relay import RelayConfig
from sora.errors import BadArgument
from sora.mailbox.delivery import Delivery
from sora.mailbox.envelope import Addressee, Body, Envelope, Origin
from sora.mailbox.spool import Spool
from sora.metrics.relay import RelayMetrics
from sora.relay.http import HTTPTransport
from sora.relay.interfaces import IRelay
from sora.relay.policy import Policy
from sora.relay.queue import RelayQueue
from sora.relay.relay import NoRelay, Relay
from sora.relay.sending import DeliverLocally
from sora.relay.smtp import SMTPTransport
from sora.relay.smtp_client import Login
from sora.relay.tls import client_tls
from sora.relay.transport import ITransport
from sora.threads import Threads

WRITING_THREADS: Final = 4
"""threads that write and fsync messages that are to be sent"""
SETTLING_THREADS: Final = 4
"""threads that read messages while they are sent, and note what has become of them"""


@frozen
class RelayParts:
    """What takes mail that is to be sent, and the services that it consists of; `is_on` is False
    when nothing is sent."""

    relay: IRelay
    is_on: bool = False
    services: tuple[IService, ...] = ()
    check: Callable[[float | None], Awaitable[str]] | None = None
    """a sentence for the health; raises Unavailable when mail is kept back. See `Relay.check`"""


def relay_of(
    config: RelayConfig,
    *,
    host: str,
    reactor: Any,
    random: Random,
    registry: CollectorRegistry,
    deliver_locally: DeliverLocally | None = None,
) -> RelayParts:
    """Build it; nothing of it is started. Raises Unavailable when a certificate cannot be used."""
    if not config.type:
        return RelayParts(NoRelay())
    threads = Threads(reactor, WRITING_THREADS, "relay queue")
    settling = Threads(reactor, SETTLING_THREADS, "relay settling")
    queue = RelayQueue(
        config.queue.path,
        threads,
        clock=reactor,
        random=random,
        max_messages=config.queue.max_messages,
        max_size=config.queue.max_size,
        settling=settling,
        suspect_pause=config.queue.retry_backoff[0] if config.queue.retry_backoff else 0.0,
    )
    host = config.helo_name or host
    relay = Relay(
        queue,
        _transport(config, host, settling, reactor),
        settling,
        clock=reactor,
        random=random,
        host=host,
        randomness=os.urandom,
        policy=Policy(config.queue.retry_backoff, config.queue.max_attempts, config.queue.max_age),
        concurrency=config.queue.concurrency,
        batch_size=config.queue.batch_size,
        worker_interval=config.queue.worker_interval,
        retention=config.queue.failed_retention,
        warn_after=config.queue.warn_after,
        breaker_failures=config.queue.circuit_breaker_threshold,
        deliver_locally=deliver_locally,
        metrics=RelayMetrics(registry),
    )
    return RelayParts(relay, True, (threads, settling, relay), relay.check)


async def probe_relay(config: RelayConfig, *, host: str, patience: float, reactor: Any) -> str:
    """Get as far with the server as mail would, once, and leave; gives its name. Raises
    Unavailable."""
    threads = Threads(reactor, 1, "relay probe")  # not started: nothing is read from disk
    transport = _transport(config, config.helo_name or host, threads, reactor)
    try:
        await transport.probe(patience)
    finally:
        await transport.stop()
    return transport.target


async def deliver_report(delivery: Delivery, address: str, octets: bytes, *, host: str) -> bool:
    """Deliver a report to an address of this house; False when it is none. Raises what a
    delivery gives as its outcome."""
    try:
        parsed = parse_address(address)
    except BadArgument:
        return False
    recipient = await delivery.resolve(parsed)
    if recipient is None:
        return False
    spool = Spool()
    try:
        spool.write(octets)
        envelope = Envelope(
            sender="",
            recipients=(Addressee(parsed, recipient),),
            origin=Origin(host="", helo=host, protocol="local", by=host),
            body=Body.SEVEN_BITS if octets.isascii() else Body.EIGHT_BITS,
        )
        for outcome in await delivery.deliver(envelope, spool):
            if outcome is not None:
                raise outcome
    finally:
        spool.close()
    return True


def _transport(config: RelayConfig, host: str, threads: Threads, reactor: Any) -> ITransport:
    tls_for = _tls(config)
    if config.type == "http":
        return HTTPTransport(config.http_url, config.auth_token, threads, reactor, tls_for=tls_for)
    name, port = config.smtp_target
    speaks_tls = config.tls or config.tls_use_starttls
    login = Login(
        helo=host,
        tls=tls_for(name) if speaks_tls else None,
        require_tls=speaks_tls,
        username=config.username,
        password=config.password,
    )
    return SMTPTransport(name, port, login, threads, reactor, implicit_tls=config.tls)


def _tls(config: RelayConfig) -> Callable[[str], Any]:
    def tls_for(name: str) -> Any:
        return client_tls(
            name,
            verify=config.tls_verify,
            ca_file=config.tls_ca_file,
            cert_file=config.tls_cert_file,
            key_file=config.tls_key_file,
        )

    return tls_for
