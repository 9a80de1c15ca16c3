"""An LMTP server from its configuration."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from sora.config.limits import LimitsConfig
from sora.config.servers import ServerConfig
from sora.mailbox.spool import Spool
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.networks import PRIVATE, Networks
from sora.protocols.lmtp.protocol import LMTPFactory
from sora.protocols.lmtp.services import Deliveries, Services, Settings
from sora.tracing.commands import CommandTraces


def lmtp_factory(
    *,
    clock: IReactorTime,
    server: ServerConfig,
    limits: LimitsConfig,
    hostname: str,
    deliveries: Deliveries,
    spool: Callable[[], Spool],
    commands: CommandMetrics,
    messages: MessageMetrics,
    metrics: DeliveryMetrics,
    tls: Any = None,
    sends_reports: bool = False,
    traces: CommandTraces | None = None,
    slow_command: float = 0.0,
) -> LMTPFactory:
    """What a listener takes for a server of type `lmtp`; `sora.protocols.lmtp.protocol.refusal`
    is what it says to clients over its limits.

    `hostname` is the name of this machine; `tls` a connection creator, used for STARTTLS where
    the server does not speak TLS from the first octet. Without `trusted_networks`, loopback
    and private networks may deliver. `sends_reports`: `deliveries` tells senders of successes.
    """
    settings = Settings(
        hostname=server.hostname or hostname,
        max_message_size=limits.max_message_size,
        rejects_over_quota=limits.over_quota == "reject",
        trusted=Networks(server.trusted_networks or PRIVATE),
        slow_command=slow_command,
    )
    services = Services(
        deliveries=deliveries,
        spool=spool,
        commands=commands,
        metrics=metrics,
        messages=messages,
        tls=tls if server.starttls and not server.tls else None,
        sends_reports=sends_reports,
        traces=traces,
    )
    return LMTPFactory(clock=clock, services=services, settings=settings)
