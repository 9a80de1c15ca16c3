"""SIGHUP: read the configuration anew and exchange what can be exchanged while Sora runs.

That is: certificates, the log, the limits of connections, and who may call the HTTP API. The new
configuration is read, checked and tried as a whole first; when anything is wrong with it nothing
is changed, and the log says why (G68). Keys that changed and take a restart are named in the log.
"""

from collections.abc import Callable, Sequence
from signal import SIGHUP, SIGUSR1, signal
from threading import current_thread, main_thread
from typing import Any, Final

from attrs import fields, frozen, has
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from sora.app.logging import LogOutput
from sora.config.checks import check
from sora.config.config import Config
from sora.config.keys import METADATA
from sora.config.load import Loaded
from sora.config.problems import ConfigError, Path, dotted
from sora.config.servers import ServerConfig
from sora.net.limits import ConnectionLimits
from sora.net.tracker import Tracker
from sora.tls.contexts import CertificateUnusable, ServerTLS

_LIMITS: Final = ("max_connections", "max_connections_per_ip")
_GATE: Final = ("allowed_hosts", "api_key", "api_keys", "requests_per_second")
"""what a server of type http_api exchanges besides"""


@frozen
class RunningServer:
    """What can be exchanged of a server: the number of its entry, its limits, and what takes the
    rest of it."""

    number: int
    limits: ConnectionLimits
    change: Callable[[ServerConfig], None] | None = None


class Reload:
    """What SIGHUP does. Called in the reactor's thread."""

    log = Logger()

    def __init__(
        self,
        current: Config,
        read: Callable[[], Loaded],
        *,
        output: LogOutput | None,
        certificates: Sequence[ServerTLS],
        servers: Sequence[RunningServer],
        trackers: Sequence[Tracker] = (),
    ) -> None:
        """`read` loads the configuration as it was loaded at start. `servers` and `trackers`
        may be filled later."""
        self.current = current
        self._read = read
        self._output = output
        self._certificates = certificates
        self._servers = servers
        self._trackers = trackers

    def __call__(self) -> bool:
        """Exchange what can be exchanged. Gives False when nothing was changed."""
        try:
            loaded = self._read()
            check(loaded.config, loaded.where)
            for one in self._certificates:
                ServerTLS(*one.files)
            if self._output is not None:
                self._output.configure(loaded.config.logging)
        except ConfigError as error:
            for problem in error.problems:
                self._refuse(str(problem))
            return False
        except (CertificateUnusable, OSError) as error:
            self._refuse(str(error))
            return False
        for warning in loaded.warnings:
            self.log.warn("{warning}", warning=str(warning))
        self._apply(loaded.config)
        return True

    def reopen(self) -> None:
        """Open the log's file anew, after it was renamed."""
        if self._output is None:
            return
        try:
            self._output.reopen()
        except OSError as error:
            self.log.error(
                "the log cannot be opened anew, and goes on as it was: {error}", error=error
            )

    def _refuse(self, why: str) -> None:
        self.log.error("the configuration was not reloaded, nothing has changed: {why}", why=why)

    def _apply(self, config: Config) -> None:
        for one in self._certificates:
            one.reload()
        for server in self._servers:
            if server.number < len(config.servers):
                entry = config.servers[server.number]
                server.limits.change(
                    total=entry.max_connections, per_address=entry.max_connections_per_ip
                )
                if server.change is not None and self._is_same(entry, server.number):
                    server.change(entry)
        for tracker in self._trackers:
            tracker.change(per_user=config.limits.max_connections_per_user)
            tracker.write_transcripts(
                config.logging.transcript_users, config.logging.transcript_path
            )
        waiting = [path for path in changes(self.current, config) if not _is_exchanged(path)]
        if waiting:
            self.log.warn(
                "changed keys that take a restart: {keys}",
                keys=", ".join(dotted(path) for path in waiting),
            )
        self.current = config
        self.log.info("the configuration was reloaded")

    def _is_same(self, entry: ServerConfig, number: int) -> bool:
        """Whether an entry is still about the server that runs: keys are for no other."""
        before = self.current.servers[number]
        return (entry.type, entry.addr) == (before.type, before.addr)


def changes(old: Any, new: Any, path: Path = ()) -> list[Path]:
    """The paths of the keys whose values differ."""
    if _is_table(old) and type(old) is type(new):
        found: list[Path] = []
        for attribute in fields(type(old)):
            name = attribute.name
            found += changes(getattr(old, name), getattr(new, name), (*path, name))
        return found
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        return [
            step
            for number, (one, other) in enumerate(zip(old, new, strict=True))
            for step in changes(one, other, (*path, number))
        ]
    return [] if old == new else [path]


def _is_table(value: Any) -> bool:
    return has(type(value)) and all(METADATA in one.metadata for one in fields(type(value)))


def _is_exchanged(path: Path) -> bool:
    return (
        path[0] == "logging"
        or path == ("limits", "max_connections_per_user")
        or (path[0] == "servers" and path[-1] in _LIMITS)
        or (path[0] == "servers" and len(path) > 2 and path[2] in _GATE)
    )


class Signals(Service):
    """SIGHUP reloads and opens the log's file anew; SIGUSR1 only opens the file anew.

    A signal comes in the middle of anything: it only puts the work on the reactor's list.
    """

    name = "signals"

    def __init__(self, reload: Reload, reactor: IReactorFromThreads) -> None:
        self._reload = reload
        self._reactor = reactor
        self._before: dict[int, Any] = {}

    def startService(self) -> None:
        """Listen for signals, if this is the main thread."""
        super().startService()
        if current_thread() is not main_thread():
            return
        for number, work in ((SIGHUP, self._hang_up), (SIGUSR1, self._reload.reopen)):
            self._before[number] = signal(number, self._later(work))

    def stopService(self) -> None:
        """Let signals do what they did before."""
        super().stopService()
        for number, before in self._before.items():
            signal(number, before)
        self._before.clear()

    def _later(self, work: Callable[[], object]) -> Callable[[int, Any], None]:
        return lambda number, frame: self._reactor.callFromThread(work)

    def _hang_up(self) -> None:
        self._reload.reopen()
        self._reload()
