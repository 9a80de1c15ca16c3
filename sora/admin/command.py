"""A command of `sora-admin`: its words, its arguments, its examples, and what it does."""

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from getpass import getpass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TextIO

from attrs import frozen

from sora.admin.failed import CommandFailed
from sora.operations.common import CommonOperations

if TYPE_CHECKING:
    # A command line is parsed, and a help text printed, without any of them.
    from sora.admin.api import AdminAPI
    from sora.admin.progress import Progress
    from sora.operations.cache import CacheOperations
    from sora.operations.configuration import ConfigurationOperations
    from sora.operations.exporting import ExportOperations
    from sora.operations.health import Overview
    from sora.operations.importing import ImportOperations
    from sora.operations.objects import ObjectOperations
    from sora.operations.sieve import SieveOperations
    from sora.operations.sieve_filter import SieveFiltering
    from sora.operations.sieve_trial import SieveTrials
    from sora.operations.tls import TLSOperations
    from sora.operations.verify import VerifyOperations

__all__ = ["Command", "CommandFailed", "Report", "Store", "Terminal"]


@frozen(kw_only=True)
class Store(CommonOperations):
    """What commands work on, and how it is closed. What not every command needs is loaded and
    opened when it is asked for: `sieve` and `trials` what compiles scripts, `filtering`, `verify`,
    `objects`, `importing` and `exporting` what reads bodies; `filtering` also what sends, if that
    is asked for."""

    sieve: "Callable[[], SieveOperations]"
    trials: "Callable[[], SieveTrials]"
    filtering: "Callable[[bool], Awaitable[SieveFiltering]]"
    verify: "Callable[[], Awaitable[VerifyOperations]]"
    objects: "Callable[[], Awaitable[ObjectOperations]]"
    cache: "CacheOperations"
    api: "AdminAPI"
    tls: "Callable[[], TLSOperations]"
    health: "Callable[[], Awaitable[Overview]]"
    doctor: "Callable[[], Awaitable[Overview]]"
    importing: "Callable[[], Awaitable[ImportOperations]]"
    exporting: "Callable[[], Awaitable[ExportOperations]]"
    configuration: "ConfigurationOperations"
    close: Callable[[], Awaitable[object]]


class Report(Protocol):
    """Where a command's results go."""

    def say(self, text: str, **fields: Any) -> None:
        """One sentence; with --json, its fields."""

    def text(self, text: str, **fields: Any) -> None:
        """What is printed as it is; with --json, only the fields."""

    def table(self, headings: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows with these columns; with --json, all their fields."""

    def note(self, text: str) -> None:
        """What whoever reads the results has to know of them, on stderr."""

    def progress(self) -> "Progress":
        """How far work is that takes long: `with report.progress() as progress`."""


@frozen
class Terminal:
    """Who runs the command: asked before anything is done."""

    stdin: TextIO
    stderr: TextIO
    ask_secret: Callable[[str], str] = getpass

    @property
    def is_person(self) -> bool:
        """Whether somebody can answer."""
        return self.stdin.isatty()

    def password(self) -> str:
        """A new password: typed twice, or the first line of the standard input."""
        if not self.is_person:
            line = self.stdin.readline().rstrip("\r\n")
            if not line:
                raise CommandFailed("no password: write it to stdin, or give --password-file")
            return line
        first = self.ask_secret("Password: ")
        if first != self.ask_secret("Again: "):
            raise CommandFailed("the two passwords are not the same")
        return first

    def confirm(self, question: str) -> None:
        """Ask before something is destroyed. Raises CommandFailed unless the answer is yes."""
        if not self.is_person:
            raise CommandFailed(f"{question} Say so with --yes")
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        if self.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandFailed("nothing was done")


class Command:
    """One command. Subclasses say their words and what they do.

    `destroys` is the question that is asked unless `--yes` is given, with the arguments in
    braces. Without `needs_database` it can be done where there is none, and no configuration.
    """

    words: ClassVar[tuple[str, ...]]
    summary: ClassVar[str]
    examples: ClassVar[tuple[str, ...]] = ()
    destroys: ClassVar[str] = ""
    needs_database: ClassVar[bool] = True

    def arguments(self, parser: ArgumentParser) -> None:
        """Add this command's own arguments."""

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        """Ask the operator for what is missing, before anything is done."""
        if self.destroys and not given.yes:
            terminal.confirm(self.destroys.format(**vars(given)))

    def interrupt(self) -> bool:
        """Somebody has typed Ctrl-C. Gives whether it ends by itself soon, and tells how far it has
        come; if not, the program ends now."""
        return False

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        """Do it. Raises errors of `sora.errors`, or CommandFailed."""
        raise NotImplementedError
