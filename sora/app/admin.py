"""`twistd sora-admin`: runs in the foreground, prints to stdout, leaves nothing behind.

The command runs while twistd makes its service, in a reactor of its own that ends with it:
so there is no daemon, no pid file and no log file, and the exit code is the command's.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.python.usage import Options as TwistedOptions

from sora.admin.command import CommandFailed, Terminal
from sora.admin.main import OpenStore, parse, prepare, run


class Options(TwistedOptions):
    """Leaves the command line to `sora.admin.main`, and keeps twistd from becoming a daemon."""

    synopsis = "GROUP COMMAND [options]"
    given: Namespace

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse, and ask for what is missing. Ends the process for help and for errors."""
        self.given = parse(list(options or ()))
        try:
            prepare(self.given, Terminal(sys.stdin, sys.stderr))
        except CommandFailed as error:
            _fail(str(error))
        except (KeyboardInterrupt, EOFError):
            _fail("nothing was done")
        if self.parent is not None:
            self.parent["nodaemon"] = True
            self.parent["pidfile"] = ""


def makeService(options: Options) -> NoReturn:
    """Do the command, and end the process with its exit code."""
    # Help and the version, which end before, need none of it.
    from sora.app.admin_store import configuration_of, open_store

    given = options.given
    try:
        loaded = configuration_of(given)
    except CommandFailed as error:
        _fail("\nsora-admin: ".join(str(error).splitlines()))

    def main(reactor: Any) -> "Deferred[None]":
        return Deferred.fromCoroutine(_main(given, partial(open_store, loaded, reactor)))

    react(main)
    raise SystemExit(0)


async def _main(given: Namespace, open_store: OpenStore) -> None:
    code = await run(given, open_store, sys.stdout, sys.stderr)
    sys.stdout.flush()
    if code:
        raise SystemExit(code)


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"sora-admin: {message}\n")
    raise SystemExit(1)
