"""`twistd sora-admin`: runs in the foreground, prints to stdout, leaves nothing behind.

The command runs while twistd makes its service, in a reactor of its own that ends with it:
so there is no daemon, no pid file and no log file, and the exit code is the command's.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from signal import SIGINT, signal
from typing import Any, Final, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.python.usage import Options as TwistedOptions

from sora.admin.command import CommandFailed, Terminal
from sora.admin.failed import ENDED, INTERRUPTED, tell
from sora.admin.main import OpenStore, parse, prepare, run

GRACE: Final = 3.0
"""seconds in which a command that is interrupted may end by itself"""


class Options(TwistedOptions):
    """Leaves the command line to `sora.admin.main`, and keeps twistd from becoming a daemon."""

    synopsis = "GROUP COMMAND [options]"
    given: Namespace

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse, and ask for what is missing. Ends the process for help and for errors."""
        _prepare_streams()
        try:
            self.given = parse(list(options or ()))
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_unread()
        try:
            prepare(self.given, Terminal(sys.stdin, sys.stderr))
        except CommandFailed as error:
            _fail(str(error))
        except (KeyboardInterrupt, EOFError):
            _fail("nothing was done", INTERRUPTED)
        if self.parent is not None:
            self.parent["nodaemon"] = True
            self.parent["pidfile"] = ""


def makeService(options: Options) -> NoReturn:
    """Do the command, and end the process with its exit code."""
    given = options.given
    try:
        # Help and the version, which end before, need none of it.
        from sora.app.admin_store import configuration_of, open_store

        loaded = configuration_of(given)
    except CommandFailed as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("nothing was done", INTERRUPTED)
    ended: list[int] = []

    async def begin(reactor: Any) -> None:
        await deferLater(reactor, 0)  # until the reactor runs nobody minds signals
        work = Deferred.fromCoroutine(_main(given, partial(open_store, loaded, reactor), ended))
        reactor.addSystemEventTrigger("before", "shutdown", _interrupted, reactor, given, work)
        await work

    def main(reactor: Any) -> "Deferred[None]":
        return Deferred.fromCoroutine(begin(reactor))

    try:
        react(main)
    finally:
        if not ended:  # the reactor was stopped by a signal
            _leave_interrupted()


def _interrupted(reactor: Any, given: Namespace, work: "Deferred[None]") -> "Deferred[None] | None":
    """The reactor is to stop: by Ctrl-C, unless the work has ended. A command that can end by
    itself gets some time for that; a second Ctrl-C is obeyed at once."""
    if work.called or not given.command.interrupt():
        return None
    signal(SIGINT, lambda number, frame: _leave_interrupted())
    ended: Deferred[None] = Deferred()
    late = reactor.callLater(GRACE, ended.callback, None)

    def in_time(_: object) -> None:
        if late.active():
            late.cancel()
            ended.callback(None)

    work.addBoth(in_time)
    return ended


async def _main(given: Namespace, open_store: OpenStore, ended: list[int]) -> None:
    try:
        code = await run(given, open_store, sys.stdout, sys.stderr)
        sys.stdout.flush()
    except OSError as error:
        ended.append(ENDED)
        if not isinstance(error, BrokenPipeError):
            tell(sys.stderr, f"what was to be printed cannot be written: {error.strerror}")
        _leave_unread()
    ended.append(code)
    if code:
        raise SystemExit(code)


def _prepare_streams() -> None:
    """What a terminal has no letters for is spelled; who has closed them wants to hear nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it ends with the process
        elif isinstance(stream, TextIOWrapper):
            with suppress(OSError):
                stream.reconfigure(errors="backslashreplace")


def _leave_unread() -> NoReturn:
    """What is printed goes nowhere: end, as if nobody had asked for more."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # for what is flushed at the end
    raise SystemExit(ENDED)


def _leave_interrupted() -> NoReturn:
    tell(sys.stderr, "it was interrupted: see what was done before you repeat it")
    os._exit(INTERRUPTED)


def _fail(message: str, code: int = ENDED) -> NoReturn:
    tell(sys.stderr, message)
    raise SystemExit(code)
