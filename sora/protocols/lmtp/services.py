"""What LMTP sessions are given by whoever builds the server: settings, and services."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from sora.addresses import Address
from sora.errors import SoraError
from sora.mailbox.envelope import Envelope
from sora.mailbox.spool import Spool
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.networks import Networks
from sora.storage.rows import Recipient
from sora.tracing.commands import CommandTraces


@frozen(kw_only=True)
class Settings:
    """What one LMTP server allows. Times in seconds, sizes in octets."""

    hostname: str
    max_message_size: int
    trusted: Networks
    """networks that may deliver without authentication"""
    max_recipients: int = 1000
    command_timeout: float = 300.0
    """RFC 5321 §4.5.3.2.7"""
    data_timeout: float = 180.0
    """between two pieces of a message (RFC 5321 §4.5.3.2.5)"""
    max_errors: int = 20
    """wrong commands before the connection ends"""
    separator: str = "+"
    slow_command: float = 0.0
    """from which on a message is told in the log; 0: never"""
    rejects_over_quota: bool = False
    """whether mail for somebody who is over quota goes back, instead of coming again later"""


class Deliveries(Protocol):
    """What `sora.mailbox.delivery` does for LMTP."""

    async def resolve(self, address: Address) -> Recipient | None:
        """Who receives mail for an address."""

    async def deliver(self, envelope: Envelope, message: Spool) -> Sequence[SoraError | None]:
        """Put a message into mailboxes: for each recipient, None when it is durable, or why
        it is not."""


@frozen(kw_only=True)
class Services:
    """What sessions are given by whoever builds the server."""

    deliveries: Deliveries
    spool: Callable[[], Spool]
    commands: CommandMetrics
    metrics: DeliveryMetrics
    messages: MessageMetrics
    tls: Any = field(default=None)
    """a connection creator for STARTTLS"""
    sends_reports: bool = False
    """whether senders are told of deliveries when they ask for it (DSN)"""
    traces: CommandTraces | None = None
