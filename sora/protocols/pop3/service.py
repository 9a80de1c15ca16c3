"""A POP3 server from its configuration."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from sora.auth.interfaces import IAuthenticator
from sora.config.limits import LimitsConfig
from sora.config.pop3 import POP3Config
from sora.config.servers import ServerConfig
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.protocols.pop3.protocol import POP3Factory
from sora.protocols.pop3.services import KeepingAccess, MaildropAccess, Services, Settings
from sora.tracing.commands import CommandTraces


def pop3_factory(
    *,
    clock: IReactorTime,
    server: ServerConfig,
    pop3: POP3Config,
    limits: LimitsConfig,
    authenticator: IAuthenticator,
    maildrops: MaildropAccess,
    keeping: KeepingAccess,
    commands: CommandMetrics,
    messages: MessageMetrics,
    new_id: Callable[[], str],
    tls: Any = None,
    traces: CommandTraces | None = None,
    slow_command: float = 0.0,
) -> POP3Factory:
    """What a listener takes for a server of type `pop3`; `sora.protocols.pop3.protocol.refusal`
    is what it says to clients over its limits.

    `tls` is a connection creator, used for STLS where the server does not speak TLS from the
    first octet. `new_id` names sessions.
    """
    settings = Settings(
        login_timeout=limits.login_timeout,
        idle_timeout=max(pop3.idle_timeout, Settings().idle_timeout),
        login_delay=int(pop3.login_delay),
        slow_command=slow_command,
    )
    services = Services(
        authenticator=authenticator,
        maildrops=maildrops,
        keeping=keeping,
        metrics=commands,
        messages=messages,
        new_id=new_id,
        tls=tls if server.starttls and not server.tls else None,
        insecure_auth=server.allows_insecure_auth,
        traces=traces,
    )
    return POP3Factory(clock=clock, services=services, settings=settings)
