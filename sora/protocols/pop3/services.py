"""What POP3 sessions are given by whoever builds the server: services, and bounds."""

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from sora.auth.interfaces import IAuthenticator, Identity
from sora.mailbox.maildrop import Maildrop
from sora.mailbox.reach import SessionFacts
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.storage.rows import Kept
from sora.tracing.commands import CommandTraces


@frozen(kw_only=True)
class Settings:
    """What one POP3 server allows. Times in seconds."""

    login_timeout: float = 60.0
    idle_timeout: float = 600.0
    """RFC 1939 §3: at least 10 minutes"""
    login_delay: int = 0
    """the least time between two logins, as CAPA tells it (RFC 2449 §6.5)"""
    bad_commands_before_login: int = 5
    bad_commands: int = 50
    """bad commands in a row before the connection ends"""
    failed_logins: int = 5
    """before the connection ends"""
    slow_command: float = 0.0
    """from which on a command is told in the log; 0: never"""


class KeepingAccess(Protocol):
    """Who knows for how long messages are kept: `sora.mailbox.keeping` implements it."""

    async def of(self, account_id: int) -> Kept | None:
        """See `Keeping.of`."""

    async def anybody(self) -> Kept | None:
        """See `Keeping.anybody`."""


class MaildropAccess(Protocol):
    """Where maildrops come from: `sora.mailbox.maildrops` implements it."""

    async def open(
        self,
        identity: Identity,
        facts: SessionFacts,
        *,
        is_over: Callable[[], bool],
        superseded: Callable[[], None],
    ) -> Maildrop:
        """See `Maildrops.open`."""


@frozen(kw_only=True)
class Services:
    """What sessions are given by whoever builds the server."""

    authenticator: IAuthenticator
    maildrops: MaildropAccess
    keeping: KeepingAccess
    metrics: CommandMetrics
    messages: MessageMetrics
    new_id: Callable[[], str]
    tls: Any = None
    """a connection creator for STLS; None: there is no STLS"""
    traces: CommandTraces | None = None
    insecure_auth: bool = False
    """whether passwords are taken without TLS"""
