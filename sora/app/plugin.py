"""`twistd sora`: its options, and the service that they make."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import IService
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from sora.app.embedded_mode import (
    DEFAULT_BASE_PORT,
    DEFAULT_DIRECTORY,
    LARGEST_BASE_PORT,
    MODE_NAME,
    EmbeddedOptions,
    configuration,
)
from sora.app.embedded_state import keep_configuration
from sora.app.logging import LogOutput
from sora.app.start import complain, explain
from sora.config.checks import check
from sora.config.load import Loaded, load, loads

if TYPE_CHECKING:
    from sora.app.supervisor import Supervisor

_EMBEDDED_ONLY: Final = ("dir", "base-port", "account", "password")


class Options(TwistedOptions):
    """The command line of `twistd sora`."""

    synopsis = "[-c FILE] [--set table.key=value ...]"
    longdesc = (
        "With -c, serve mail as the configuration says. Without it, run everything in one "
        "directory of this machine: an embedded PostgreSQL, a directory for the messages, IMAP "
        "and LMTP on 127.0.0.1."
    )
    optParameters: Sequence[Sequence[Any]] = [
        ["config", "c", None, "The configuration file."],
        [
            "dir",
            None,
            None,
            f"Without -c: where everything is kept (default: {DEFAULT_DIRECTORY}).",
        ],
        [
            "base-port",
            None,
            None,
            f"Without -c: IMAP is at this + 143, and so on (default: {DEFAULT_BASE_PORT}).",
        ],
        ["account", None, None, "Without -c: the first account (default: user@example.com)."],
        ["password", None, None, "Without -c: its password (default: made up and remembered)."],
    ]
    loaded: Loaded
    output: LogOutput | None = None

    def __init__(self) -> None:
        super().__init__()
        self.settings: list[str] = []
        self._text = ""

    def opt_set(self, setting: str) -> None:
        """Override a key of the configuration for this start: table.key=value. Repeatable."""
        self.settings.append(setting)

    @property
    def embedded(self) -> EmbeddedOptions | None:
        """The options of the embedded mode; None with a configuration."""
        if self["config"]:
            return None
        return EmbeddedOptions(
            Path(self["dir"] or DEFAULT_DIRECTORY).absolute(),
            self["base-port"],
            self["account"],
            self["password"],
        )

    def postOptions(self) -> None:
        """Load the configuration, and have the log written as it says."""
        if self["config"]:
            # twistd changes its directory when it becomes a daemon.
            self["config"] = os.path.abspath(self["config"])
            if given := [name for name in _EMBEDDED_ONLY if self[name] is not None]:
                raise UsageError(f"--{given[0]} is for the embedded mode, without --config")
        else:
            self["base-port"] = _port(self["base-port"])
        try:
            self.loaded = self.load()
            check(self.loaded.config, self.loaded.where)
            if self.embedded is not None:
                keep_configuration(self.embedded, self._text, self.settings)
            self._take_over_log()
        except Exception as error:
            _refuse(error, _supervisor())
            raise

    def load(self) -> Loaded:
        """Read the configuration. Raises ConfigError, OSError."""
        if self.embedded is None:
            return load(self["config"], os.environ, self.settings)
        try:
            self._text = configuration(self.embedded, _printer())
        except OSError as error:
            # What cannot be made may be a part; the operator named the whole.
            raise OSError(error.errno, error.strerror, str(self.embedded.directory)) from None
        return loads(self._text, MODE_NAME, os.environ, self.settings)

    def _take_over_log(self) -> None:
        """Write the log as configured, unless the operator said otherwise to twistd itself."""
        twistd = self.parent
        config = self.loaded.config.logging
        if twistd is None or any(twistd.get(name) for name in ("logger", "logfile", "syslog")):
            return
        if config.output == "stderr" and not twistd.get("nodaemon"):
            return  # a daemon has no stderr: twistd's own file is better than nothing
        self.output = LogOutput(config, sys.stderr)


def makeService(options: Options) -> IService:
    """The service tree of these options."""
    from twisted.internet import reactor

    from sora.app.assemble import assemble

    supervisor = _supervisor()
    try:
        return assemble(
            options.loaded,
            reactor,
            read=options.load,
            output=options.output,
            embedded=options.embedded,
            say=_printer(),
            supervisor=supervisor,
        )
    except Exception as error:
        _refuse(error, supervisor)
        raise


def _supervisor() -> "Supervisor":
    """Who has started this process, if it asks for words."""
    from twisted.internet import reactor

    from sora.app.supervisor import supervisor_of

    return supervisor_of(os.environ, reactor)


def _refuse(error: Exception, supervisor: "Supervisor") -> None:
    """End with code 1 for what an operator can mend, and say it; a bug is left as it is."""
    if messages := explain(error):
        complain(messages)
        supervisor.doing(messages[0])
        raise SystemExit(1) from None


def _printer() -> Callable[[str], None]:
    """Prints for the person who started us; twistd makes log lines of `print`."""
    stdout = sys.stdout

    def say(text: str) -> None:
        try:
            stdout.write(text + "\n")
            stdout.flush()
        except (OSError, ValueError):
            return  # nobody is there to read it

    return say


def _port(text: str | None) -> int:
    if text is None:
        return DEFAULT_BASE_PORT
    if not text.isdecimal() or not 0 <= int(text) <= LARGEST_BASE_PORT:
        raise UsageError(f"--base-port is a number from 0 to {LARGEST_BASE_PORT}")
    return int(text)
