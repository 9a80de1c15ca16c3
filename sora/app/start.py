"""How a start fails: with a message for the operator, exit code 1, and no traceback.

What an operator can mend (no database, a wrong password, a port in use, a directory that is
not writable, a certificate that is not there) is said in a sentence. Everything else is a bug,
and shows its traceback.
"""

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from sora.app.postgres_binaries import PostgresRefused
from sora.app.tree import OrderedServices
from sora.config.problems import ConfigError
from sora.errors import SoraError
from sora.net.listener import CannotListen
from sora.storage.postgres.migrate import MigrationFailed


class StartError(Exception):
    """Sora cannot start; the text says why, and what to do."""


EXPECTED: Final = (StartError, SoraError, PostgresRefused, MigrationFailed, CannotListen)
"""what an operator can mend, said by those who raise it"""


class ExitCode:
    """The code that the process ends with when its start has failed.

    twistd gives the code 0 to every process whose reactor was stopped, so the code is set
    where Python ends, when everything else has been done.
    """

    def __init__(self) -> None:
        self.code = 0

    def install(self) -> None:
        """Be asked at the end of the process."""
        atexit.register(self._leave)

    def _leave(self) -> None:
        if self.code:
            for stream in (sys.__stdout__, sys.__stderr__):
                if stream is not None:
                    stream.flush()
            os._exit(self.code)


class Root(Service):
    """The service that twistd starts: the tree, and what happens when it fails to start."""

    log = Logger()

    def __init__(
        self,
        tree: OrderedServices,
        exit_code: ExitCode,
        reactor: object,
        observer: ILogObserver | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`observer` is what twistd is to write the log with; None leaves it as it is. `tell` is
        called with each sentence about a start that fails."""
        self.setName("sora")
        self.tree = tree
        self._observer = observer
        self._tell = tell
        self._exit_code = exit_code
        self._reactor = reactor
        self.failed: BaseException | None = None

    def setServiceParent(self, parent: Any) -> None:
        """Become a part of twistd's application, which asks its components for the log."""
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)

    def startService(self) -> None:
        """Start the tree; when it fails, say why and stop the process with code 1."""
        super().startService()
        Deferred.fromCoroutine(self._start())

    def stopService(self) -> "Deferred[object]":
        """Stop the tree; fires when all of it has stopped."""
        super().stopService()
        return maybeDeferred(self.tree.stopService)

    async def _start(self) -> None:
        try:
            await self.tree.startService()
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - the last one who can say why
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failed = error
        messages = explain(error)
        if messages:
            for message in messages:
                self.log.critical("{message}", message=message)
            complain(messages)
            self._tell(messages[0])
        else:
            self.log.failure("Sora could not start: this is a bug")
            complain([f"Sora could not start: {error!r}; the log has the traceback"])
        self._exit_code.code = 1
        stop = getattr(self._reactor, "stop", None)
        if stop is not None:
            stop()


def explain(error: BaseException) -> list[str]:
    """What to tell an operator of a failure that is expected; nothing for a bug."""
    if isinstance(error, ConfigError):
        return [str(problem) for problem in error.problems]
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return [f"{place}{error.strerror or error}"]
    # These know the operator's mend themselves, and say it in their text.
    return [str(error).strip()] if isinstance(error, EXPECTED) else []


def complain(messages: Sequence[str]) -> None:
    """Say it where an operator looks who has just started the program."""
    stderr = sys.__stderr__
    if stderr is None:
        return
    for message in messages:
        stderr.write(f"sora: {message}\n")
    stderr.flush()
