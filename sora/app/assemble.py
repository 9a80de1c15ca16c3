"""From a configuration to the tree of services: the one place that sees all of Sora.

Started in this order, stopped in reverse:

    signs of life for what supervises this process
    the embedded PostgreSQL, if there is one
    the log
    the database: migrations, then the pool
    object store, cache, threads
    the change poll, the doorbell and the workers
    the listeners
    `ready`
"""

import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.logger import Logger

from sora.app.authorities import require_authorities
from sora.app.available import require_available
from sora.app.database import database_id
from sora.app.embedded import EmbeddedPostgres
from sora.app.embedded_mode import (
    EmbeddedOptions,
    choose_login,
    welcome,
)
from sora.app.house import PATIENCE, House
from sora.app.logging import LogOutput
from sora.app.reload import Reload, Signals
from sora.app.servers import certificates_of
from sora.app.start import ExitCode, Root
from sora.app.supervisor import Supervisor
from sora.app.tree import Later, OrderedServices, Stage
from sora.config.load import Loaded

log = Logger()


def assemble(
    loaded: Loaded,
    reactor: Any,
    *,
    read: Callable[[], Loaded],
    output: LogOutput | None,
    embedded: EmbeddedOptions | None,
    say: Callable[[str], None],
    supervisor: Supervisor,
) -> IService:
    """The service that twistd starts.

    `read` loads the configuration again for a reload; `say` speaks to the person who
    started us, and `supervisor` is the program that did. Raises ConfigError, CertificateUnusable.
    """
    config = loaded.config
    require_authorities(config)
    for sentence in [*map(str, loaded.warnings), *require_available(config)]:
        log.warn("{sentence}", sentence=sentence)
    certificates = certificates_of(config)
    for one in dict.fromkeys(certificates.values()):
        log.info(
            "the TLS certificate {file} was loaded; it ends {end}",
            file=str(one.files[0]),
            end=one.certificate.not_valid_after_utc.isoformat(),
        )
    tree = OrderedServices(reactor, config.limits.shutdown_timeout + PATIENCE)
    tree.addService(supervisor)
    login = choose_login(embedded, os.urandom) if embedded is not None else None
    if embedded is not None:
        postgres = EmbeddedPostgres(embedded.postgres, say=say)
        tree.addService(Stage("embedded PostgreSQL", postgres.start, postgres.stop))
    house = House(config, reactor)

    def tell(text: str) -> None:
        say(text)
        supervisor.doing(text)

    tree.addService(Stage("database", lambda: house.open_database(tell), house.close_database))

    async def build() -> IService:
        return house.build(await database_id(house.database), certificates)

    reload = Reload(
        config,
        read,
        output=output,
        certificates=list(dict.fromkeys(certificates.values())),
        servers=house.running,
        trackers=house.trackers,
    )
    if embedded is not None and login is not None:
        tree.addService(Stage("first account", lambda: house.first_account(embedded, login)))
    tree.addService(Later("mail", build))
    tree.addService(Signals(reload, reactor))

    async def ready() -> None:
        if embedded is not None and login is not None:
            say(welcome(embedded, config, login))
        else:
            say("ready")
        log.info("ready")
        supervisor.ready(f"{sum(server.start for server in config.servers)} servers serve")

    async def ending() -> None:
        supervisor.ending()

    tree.addService(Stage("ready", ready, ending))
    exit_code = ExitCode()
    exit_code.install()
    return Root(tree, exit_code, reactor, output, supervisor.doing)
