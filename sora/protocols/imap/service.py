"""An IMAP server from its configuration."""

from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from sora.auth.interfaces import IAuthenticator
from sora.config.limits import LimitsConfig
from sora.config.servers import ServerConfig
from sora.metrics.imap import IdleMetrics
from sora.metrics.memory import SessionMemoryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.protocols.imap.extensions import imapsieve
from sora.protocols.imap.protocol import IMAPFactory
from sora.protocols.imap.services import Limits, MailAccess, Services
from sora.protocols.imap.spoken import DIALECT
from sora.protocols.imap.wire.write import text
from sora.tracing.commands import CommandTraces


def imap_factory(
    *,
    clock: IReactorTime,
    server: ServerConfig,
    limits: LimitsConfig,
    authenticator: IAuthenticator,
    mail: MailAccess,
    commands: CommandMetrics,
    messages: MessageMetrics,
    new_id: Callable[[], str],
    idle: IdleMetrics,
    memory: SessionMemoryMetrics,
    tls: Any = None,
    sieve_url: str = "",
    slow_command: float = 0.0,
    traces: CommandTraces | None = None,
) -> IMAPFactory:
    """What a listener takes for a server of type `imap`; `refusal` is what it says to clients
    over its limits.

    `tls` is a connection creator, used for STARTTLS where the server does not speak TLS from
    the first octet. `new_id` names sessions. `sieve_url` is where clients manage the scripts that
    run for what they do (RFC 6785), empty for none.
    """
    can_start_tls = tls is not None and server.starttls and not server.tls
    services = Services(
        authenticator=authenticator,
        mail=mail,
        metrics=commands,
        messages=messages,
        new_id=new_id,
        idle=idle,
        memory=memory,
        tls=tls if can_start_tls else None,
        insecure_auth=server.allows_insecure_auth,
        traces=traces,
    )
    bounds = evolve(
        Limits(),
        message=limits.max_message_size,
        skip=max(Limits().skip, 2 * limits.max_message_size),
        messages=limits.max_messages_per_command,
        saved=limits.max_messages_per_copy,
        memory=limits.session_memory,
        login_timeout=limits.login_timeout,
        # RFC 3501 §5.4: at least 30 minutes for those who have logged in.
        idle_timeout=limits.idle_timeout,
        slow_command=slow_command,
    )
    dialect = DIALECT.adding(imapsieve.extension(sieve_url)) if sieve_url else DIALECT
    return IMAPFactory(clock=clock, dialect=dialect, services=services, limits=bounds)


def refusal(sentence: str) -> bytes:
    """What a client over a limit is told before the connection is closed."""
    return b"* BYE [UNAVAILABLE] " + text(sentence) + b"\r\n"
