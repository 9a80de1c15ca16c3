"""`sora-admin sieve …`"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from sora.admin.command import Command, CommandFailed, Report, Store, Terminal
from sora.admin.files import STDIN, octets_of
from sora.admin.output import Octets
from sora.admin.owners import owner_of
from sora.sieve.errors import ScriptError, ScriptErrors
from sora.storage.rows import ScriptPosition

MAX_FILE: Final = 16 * 1024 * 1024
"""octets that are read of a file; the limit of scripts is far below"""


class _OfSomebody(Command):
    """A command on the scripts of a user or of a domain."""

    def arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument("--email", metavar="ADDRESS", help="the user whose script it is")
        group.add_argument("--domain", help="instead: the domain whose script it is")


class _Placed(_OfSomebody):
    """One for which it matters where a script runs.

    `place` says whether it needs to know: for a user that is clear.
    """

    place: ClassVar[bool] = False

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument(
            "--position",
            choices=(ScriptPosition.BEFORE.value, ScriptPosition.AFTER.value),
            help="with --domain: whether it runs before or after the scripts of users",
        )

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if given.email is not None and given.position is not None:
            raise CommandFailed("--position goes with --domain: of a user, one script is active")
        if self.place and given.domain is not None and given.position is None:
            raise CommandFailed("say --position before or --position after")
        super().prepare(given, terminal)


def _position(given: Namespace) -> ScriptPosition:
    return ScriptPosition.ACTIVE if given.position is None else ScriptPosition(given.position)


def _add_name(parser: ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--name", metavar="NAME", required=required, help="the script's name")


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        default=STDIN,
        metavar="FILE",
        help="the script; without it, or for -, the standard input",
    )


def read_script(file: str, terminal: Terminal) -> bytes:
    """The octets of a script. Raises CommandFailed."""
    return octets_of(file, terminal, MAX_FILE)


def _problems(problems: Sequence[ScriptError]) -> list[dict[str, Any]]:
    return [{"line": one.line, "column": one.column, "text": one.text} for one in problems]


def invalid(file: str, errors: ScriptErrors) -> CommandFailed:
    """All errors, one on a line."""
    name = "" if file == STDIN else f"{file}, "
    return CommandFailed("\n".join(f"{name}{error}" for error in errors.errors))


class Check(Command):
    """Check a script."""

    words = ("sieve", "check")
    summary = "check a script, without a database; errors come with line and column"
    examples = ("sieve check vacation.sieve", "sieve check --json < vacation.sieve")
    needs_database = False

    def arguments(self, parser: ArgumentParser) -> None:
        _add_file(parser)

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        given.source = read_script(given.file, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        try:
            warnings = await store.sieve().check(given.source)
        except ScriptErrors as errors:
            if given.json:
                report.say("", valid=False, errors=_problems(errors.errors), warnings=[])
            raise invalid(given.file, errors) from None
        text = "\n".join(["the script is valid", *(f"warning: {one}" for one in warnings)])
        report.say(text, valid=True, errors=[], warnings=_problems(warnings))


class ListScripts(_Placed):
    """List scripts."""

    words = ("sieve", "list")
    summary = "list the scripts of a user or of a domain, and which of them run"
    examples = ("sieve list --email ann@example.com", "sieve list --domain example.com --json")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        report.table(
            ["name", "size", "runs", "changed"],
            [
                {
                    "name": row.name,
                    "size": Octets(row.size),
                    "runs": None if row.position is None else row.position.value,
                    "changed": row.changed_at,
                }
                for row in await store.sieve().list(owner_of(given))
                if given.position in (None, row.position)
            ],
        )


class Show(_Placed):
    """Print a script."""

    words = ("sieve", "show")
    summary = "print a script; without --name the one that runs"
    examples = (
        "sieve show --email ann@example.com",
        "sieve show --email ann@example.com --name vacation",
        "sieve show --domain example.com --position before",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        _add_name(parser, required=False)

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        if given.domain is not None and given.name is None and given.position is None:
            raise CommandFailed("say --name, --position before or --position after")
        super().prepare(given, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        name, source = await store.sieve().show(owner_of(given), given.name, _position(given))
        report.text(source, name=name, source=source)


class Put(_Placed):
    """Keep a script."""

    words = ("sieve", "put")
    summary = "check a script and keep it, in the place of one with the same name"
    examples = (
        "sieve put --email ann@example.com --name vacation --activate vacation.sieve",
        "sieve put --email ann@example.com --name main < main.sieve",
        "sieve put --domain example.com --position before spam.sieve",
        "sieve put --domain example.com --name library library.sieve",
    )

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        _add_name(parser, required=False)
        parser.add_argument("--activate", action="store_true", help="let it run from now on")
        _add_file(parser)

    def prepare(self, given: Namespace, terminal: Terminal) -> None:
        super().prepare(given, terminal)
        if given.name is None:
            given.name = given.position
        if given.name is None:
            raise CommandFailed("say --name: a script is kept by its name")
        if given.activate and given.domain is not None and given.position is None:
            raise CommandFailed("say --position before or --position after")
        given.source = read_script(given.file, terminal)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        runs = _position(given) if given.activate or given.position else None
        try:
            warnings = await store.sieve().put(whose, given.name, given.source, runs)
        except ScriptErrors as errors:
            raise invalid(given.file, errors) from None
        text = "\n".join(
            [f"kept {given.name} of {whose}", *(f"warning: {one}" for one in warnings)]
        )
        fields = {"name": given.name, "runs": runs, "warnings": _problems(warnings)}
        report.say(text, whose=str(whose), **fields)


class Activate(_Placed):
    """Let a script run."""

    words = ("sieve", "activate")
    summary = "let a script run, in the place of the one that does"
    examples = (
        "sieve activate --email ann@example.com --name vacation",
        "sieve activate --domain example.com --position after --name archive",
    )
    place = True

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        _add_name(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        try:
            await store.sieve().activate(whose, given.name, _position(given))
        except ScriptErrors as errors:
            raise invalid(given.name, errors) from None
        report.say(f"{given.name} of {whose} runs now", whose=str(whose), name=given.name)


class Deactivate(_Placed):
    """Let no script run."""

    words = ("sieve", "deactivate")
    summary = "let no script of a user run, or none at a position of a domain"
    examples = (
        "sieve deactivate --email ann@example.com",
        "sieve deactivate --domain example.com --position before",
    )
    place = True

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        await store.sieve().deactivate(whose, _position(given))
        report.say(f"no script of {whose} runs there now", whose=str(whose))


class Delete(_OfSomebody):
    """Remove a script."""

    words = ("sieve", "delete")
    summary = "remove a script that does not run"
    examples = ("sieve delete --email ann@example.com --name old --yes",)
    destroys = "Delete the script {name}?"

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        _add_name(parser)

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        await store.sieve().delete(whose, given.name)
        report.say(f"deleted {given.name} of {whose}", whose=str(whose), name=given.name)


class Rename(_OfSomebody):
    """Rename a script."""

    words = ("sieve", "rename")
    summary = "give a script another name; one that runs runs on"
    examples = ("sieve rename --email ann@example.com --name main --to old",)

    def arguments(self, parser: ArgumentParser) -> None:
        super().arguments(parser)
        _add_name(parser)
        parser.add_argument("--to", metavar="NAME", required=True, help="its new name")

    async def run(self, given: Namespace, store: Store, report: Report) -> None:
        whose = owner_of(given)
        await store.sieve().rename(whose, given.name, given.to)
        report.say(f"{given.name} of {whose} is {given.to} now", whose=str(whose), name=given.to)
