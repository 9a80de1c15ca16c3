"""A ManageSieve server from its configuration."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from sora.auth.interfaces import IAuthenticator
from sora.config.limits import LimitsConfig
from sora.config.servers import ServerConfig
from sora.config.sieve import SieveConfig
from sora.metrics.managesieve import ScriptMetrics
from sora.metrics.protocol import CommandMetrics
from sora.protocols.managesieve.protocol import ManageSieveFactory
from sora.protocols.managesieve.services import Limits, Scripts, Services
from sora.tracing.commands import CommandTraces


def managesieve_factory(
    *,
    clock: IReactorTime,
    server: ServerConfig,
    limits: LimitsConfig,
    sieve: SieveConfig,
    authenticator: IAuthenticator,
    scripts: Scripts,
    commands: CommandMetrics,
    uploads: ScriptMetrics,
    new_id: Callable[[], str],
    tls: Any = None,
    traces: CommandTraces | None = None,
    slow_command: float = 0.0,
) -> ManageSieveFactory:
    """What a listener takes for a server of type `managesieve`;
    `sora.protocols.managesieve.protocol.refusal` is what it says to clients over its limits.

    `tls` is a connection creator, used for STARTTLS where the server does not speak TLS from the
    first octet. `new_id` names sessions.
    """
    services = Services(
        authenticator=authenticator,
        scripts=scripts,
        metrics=commands,
        uploads=uploads,
        new_id=new_id,
        tls=tls if server.starttls and not server.tls else None,
        insecure_auth=server.allows_insecure_auth,
        traces=traces,
    )
    bounds = Limits(
        script=sieve.max_script_size,
        skip=max(Limits().skip, 2 * sieve.max_script_size),
        login_timeout=limits.login_timeout,
        idle_timeout=limits.idle_timeout,
        slow_command=slow_command,
    )
    return ManageSieveFactory(clock=clock, services=services, limits=bounds)
