"""What commands of `sora-admin` work on besides the database, loaded and opened when it is needed.

Operators type commands in loops, and each is a process of its own. What one of them needs (the
compiler of Sieve, object stores, importers, a client of HTTP, the checks of a whole server) would
cost all others up to a second of CPU. So here, and nowhere else in what the command line works on,
imports stand in the functions that need them.
"""

from collections.abc import Callable
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from twisted.internet.threads import deferToThread

from sora.admin.api import TIMEOUT
from sora.admin.failed import CommandFailed
from sora.app.tables import Tables
from sora.config.config import Config
from sora.config.load import Loaded
from sora.config.problems import ConfigError
from sora.errors import SoraError
from sora.operations.configuration import ConfigurationOperations
from sora.operations.health import HealthOperations, Overview
from sora.operations.migrations import MigrationOperations
from sora.operations.owners import OwnerLookup
from sora.storage.postgres.errors import StatementFailed
from sora.storage.rows import Operation

if TYPE_CHECKING:
    from treq.client import HTTPClient

    from sora.app.exchange import ExchangeOpener
    from sora.app.liveness import DatabaseLiveness
    from sora.app.storage import BodyStorage
    from sora.app.stored import StoredBodies
    from sora.health import Health
    from sora.mailbox.scripts import Compiler, ScriptStore
    from sora.operations.exporting import ExportOperations
    from sora.operations.importing import ImportOperations
    from sora.operations.objects import ObjectOperations
    from sora.operations.sieve import SieveOperations
    from sora.operations.sieve_filter import SieveFiltering
    from sora.operations.sieve_trial import SieveTrials
    from sora.operations.tls import TLSOperations
    from sora.operations.verify import VerifyOperations
    from sora.workers.cleaner import Cleaner


class Opening:
    """Opens what reads bodies at most once, for all that need it, and closes it."""

    def __init__(
        self,
        loaded: Loaded,
        tables: Tables,
        new_operation: Callable[[], Operation],
        reactor: Any,
    ) -> None:
        self.configuration = ConfigurationOperations(loaded, _require)
        self._config = loaded.config
        self._tables = tables
        self._owners = OwnerLookup(tables.accounts, tables.rights)
        self._new_operation = new_operation
        self._reactor = reactor
        self._stored: StoredBodies | None = None
        self._liveness: DatabaseLiveness | None = None

    async def close(self) -> None:
        """Stop what was started, and close the connections to the database."""
        if self._stored is not None:
            await self._stored.close()
        await self._tables.database.close()

    def http_client(self) -> "HTTPClient":
        """What asks running servers."""
        from treq.client import HTTPClient
        from twisted.web.client import Agent

        return HTTPClient(Agent(self._reactor, connectTimeout=TIMEOUT))

    # ------------------------------------------------------------ scripts

    def sieve(self) -> "SieveOperations":
        """Scripts of accounts and domains. Raises CommandFailed."""
        from sora.operations.sieve import SieveOperations

        return SieveOperations(self._owners, self._tables.rights, self._scripts())

    def trials(self) -> "SieveTrials":
        """What tries scripts. Raises CommandFailed."""
        from sora.app.filtering import settings_of
        from sora.operations.sieve_trial import SieveTrials

        settings = settings_of(self._config.sieve)
        return SieveTrials(self._compiler(), self._reactor.seconds, settings)

    async def filtering(self, sends: bool) -> "SieveFiltering":
        """What filters stored mail. Raises CommandFailed, Unavailable, RelayOff."""
        from sora.app.filtering_stored import FilteringOpener

        opener = FilteringOpener(
            self._config,
            self._compiler(),
            self._tables,
            self._reactor,
            self._bodies(),
            self._new_operation,
        )
        return await opener.open(sends)

    def _scripts(self) -> "ScriptStore":
        from sora.app.sieve import script_store

        return script_store(self._config, self._tables.scripts, self._compiler())

    def _compiler(self) -> "Compiler":
        from sora.app.sieve import compiler_of

        try:
            return compiler_of(self._config, deferToThread)
        except ConfigError as error:
            raise CommandFailed(str(error)) from None

    # ------------------------------------------------------------ bodies

    async def verify(self) -> "VerifyOperations":
        """What compares bodies and the database. Raises Unavailable."""
        from sora.app.integrity import verifier_of
        from sora.operations.verify import VerifyOperations

        opened = await self._bodies().open()
        verifier = verifier_of(self._tables, opened.objects, opened.bodies, opened.copies)
        return VerifyOperations(self._owners, self._tables.verifying, verifier, opened.objects)

    async def cleaner(self) -> "Cleaner":
        """What removes what is over. Raises Unavailable."""
        from sora.app.cleaning import cleaner_of

        opened = await self._bodies().open()
        return cleaner_of(
            self._config,
            self._tables,
            opened.objects,
            node="sora-admin",
            reactor=self._reactor,
            random=SystemRandom(),
            registry=CollectorRegistry(),
        )

    async def objects(self) -> "ObjectOperations":
        """Objects and their keys. Raises Unavailable."""
        from sora.operations.objects import ObjectOperations

        opened = await self._bodies().open()
        key_ids = [entry.id for entry in self._config.s3.encryption_keys]
        return ObjectOperations(self._tables.copies, opened.copies, opened.objects, key_ids)

    async def importing(self) -> "ImportOperations":
        """What imports. Raises CommandFailed, Unavailable."""
        return await self._exchange().open()

    async def exporting(self) -> "ExportOperations":
        """What exports. Raises CommandFailed, Unavailable."""
        return await self._exchange().open_export()

    def _exchange(self) -> "ExchangeOpener":
        from sora.app.exchange import ExchangeOpener

        return ExchangeOpener(
            self._config,
            self._owners,
            self._scripts(),
            self._tables,
            self._reactor,
            self._bodies(),
            self._new_operation,
        )

    def _bodies(self) -> "StoredBodies":
        from sora.app.stored import StoredBodies

        if self._stored is None:
            self._stored = StoredBodies(self._config, self._tables, self._reactor)
        return self._stored

    # ------------------------------------------------------------ health

    async def health(self) -> Overview:
        """What the parts that servers stand on say."""
        from sora.app.health import health_from_here

        opened = await self._bodies_if_known()
        health = health_from_here(
            self._config, self._tables, opened, self._asked_once(), reactor=self._reactor
        )
        return await _looked(health)

    async def doctor(self, migrations: MigrationOperations) -> Overview:
        """What everything says that can be looked at."""
        from sora.app.doctor import doctor_of

        opened = await self._bodies_if_known()
        doctor = doctor_of(
            self._config,
            self._tables,
            opened,
            self._asked_once(),
            self.configuration,
            migrations,
            reactor=self._reactor,
        )
        return await _looked(doctor)

    def tls(self) -> "TLSOperations":
        """The certificates of servers."""
        from sora.app.certificates import tls_in_files

        return tls_in_files(self._config, self._reactor)

    def _asked_once(self) -> "DatabaseLiveness":
        from sora.app.liveness import DatabaseLiveness

        if self._liveness is None:
            patience = self._config.health.database_timeout
            self._liveness = DatabaseLiveness(
                self._tables.database, self._reactor, patience, for_a_command=True
            )
        return self._liveness

    async def _bodies_if_known(self) -> "BodyStorage | None":
        if not await self._asked_once().is_ready():
            return None
        try:
            return await self._bodies().open()
        except (SoraError, StatementFailed):  # the database and its schema say why
            return None


async def _looked(health: "Health") -> Overview:
    await health.look()
    return HealthOperations(lambda: health).overview()


def _require(config: Config) -> list[str]:
    """What would keep a server from its start: as `require_available`."""
    from sora.app.authorities import require_authorities
    from sora.app.available import require_available
    from sora.app.sieve import dialect_of

    require_authorities(config)
    warnings = require_available(config)
    dialect_of(config.sieve)
    return warnings
