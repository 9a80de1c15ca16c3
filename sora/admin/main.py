"""`twistd sora-admin GROUP COMMAND …`: from arguments to an exit code.

Everything is printed to stdout; an error is one line on stderr, with exit code 1, or 2 for
a command line that is not understood.
"""

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, Final, NoReturn, TextIO

from sora.admin import (
    accounts,
    acl,
    aliases,
    cache,
    cleaner,
    config,
    connections,
    credentials,
    database,
    doctor,
    domains,
    exporting,
    health,
    history,
    importing,
    logins,
    mailbox,
    messages,
    migrate,
    objects,
    quota,
    relay,
    retention,
    sieve,
    sieve_filter,
    uploader,
    verify,
)
from sora.admin.command import Command, CommandFailed, Store, Terminal
from sora.admin.completion import SHELLS, script
from sora.admin.output import JSONReport, TextReport
from sora.admin.shape import Shape, shapes_of
from sora.errors import OutcomeUnknown, SoraError

COMMANDS: Final[tuple[type[Command], ...]] = (
    accounts.Create,
    accounts.Update,
    accounts.ListAccounts,
    accounts.Delete,
    accounts.Restore,
    accounts.AddCredential,
    accounts.ListCredentials,
    credentials.Show,
    credentials.Delete,
    aliases.Create,
    aliases.ListAliases,
    aliases.Show,
    aliases.Delete,
    domains.Create,
    domains.ListDomains,
    domains.Show,
    domains.Set,
    domains.Delete,
    quota.Show,
    quota.Set,
    quota.Allow,
    quota.Deny,
    mailbox.ListMailboxes,
    mailbox.Status,
    mailbox.Create,
    mailbox.Rename,
    mailbox.Delete,
    mailbox.Subscribe,
    mailbox.Unsubscribe,
    mailbox.At,
    mailbox.Restore,
    mailbox.Recount,
    messages.ListDeleted,
    messages.Restore,
    history.History,
    acl.Show,
    acl.Set,
    acl.Delete,
    acl.CreateShared,
    acl.ListShared,
    sieve.Check,
    sieve.ListScripts,
    sieve.Show,
    sieve.Put,
    sieve.Activate,
    sieve.Deactivate,
    sieve.Delete,
    sieve.Rename,
    sieve_filter.Test,
    sieve_filter.Filter,
    relay.ListMessages,
    relay.Show,
    relay.Retry,
    relay.Delete,
    relay.Stats,
    retention.Show,
    retention.Set,
    retention.Clear,
    retention.Preview,
    cleaner.Status,
    cleaner.Run,
    cleaner.Runs,
    uploader.Status,
    uploader.Retry,
    objects.Status,
    objects.Reencrypt,
    verify.Verify,
    importing.ImportMaildir,
    importing.ImportMbox,
    importing.ImportImap,
    exporting.ExportMaildir,
    exporting.ExportMbox,
    health.Health,
    doctor.Doctor,
    cache.Stats,
    cache.Metrics,
    cache.Purge,
    connections.ListConnections,
    connections.Kick,
    connections.Stats,
    logins.Stats,
    logins.ListBlocked,
    logins.Unblock,
    database.Status,
    database.Promoted,
    migrate.Status,
    migrate.Up,
    config.Check,
    config.Show,
)
GROUPS: Final = {
    "accounts": "accounts of users, and their addresses",
    "accounts credentials": "the addresses of an account",
    "credentials": "one address that logs in",
    "aliases": "addresses that only receive",
    "domains": "domains, and who receives what is nobody's in them",
    "quota": "how much accounts may have",
    "mailbox": "mailboxes by name, and what is in them as numbers",
    "messages": "messages that were deleted",
    "acl": "rights on mailboxes that are shared",
    "shared": "mailboxes that belong to a domain",
    "sieve": "Sieve scripts of users and of domains",
    "relay": "mail that is to be sent",
    "retention": "how long messages may stay in mailboxes",
    "cleaner": "what removes what is over",
    "uploader": "bodies that wait for an object store",
    "objects": "the objects that bodies are, and their keys",
    "cache": "bodies kept on local disks",
    "connections": "who is connected to a running server",
    "auth": "who is kept out of a running server",
    "stats": "counts of a running server",
    "database": "the database itself, and what to do when it was set back",
    "migrate": "the schema of the database",
    "config": "the configuration file",
}
DEFAULT_CONFIG: Final = "/etc/sora/config.toml"
PROGRAM: Final = "twistd sora-admin"

OpenStore = Callable[[Namespace], Awaitable[Store]]
"""Opens what the arguments `--config`, `--dir` and `--set` name."""


class _Parser(ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"sora-admin: {message}; see {self.prog} --help\n")
        raise SystemExit(2)


def parse(arguments: Sequence[str]) -> Namespace:
    """The arguments; `command` is an instance of Command, or None after help or version.

    Raises SystemExit for help and for errors.
    """
    parser, parsers = _parsers()
    if not arguments:
        parser.print_help()
        raise SystemExit(2)
    given = parser.parse_args(list(arguments))
    words = list(getattr(given, "help_words", ()))
    if getattr(given, "is_help", False):
        chosen = parsers.get(tuple(words))
        if chosen is None:
            parser.error(f"there is no command {' '.join(words)!r}")
        chosen.print_help()
        raise SystemExit(0)
    if shell := getattr(given, "completion", None):
        sys.stdout.write(script(shell, shapes()))
        raise SystemExit(0)
    if getattr(given, "is_version", False):
        sys.stdout.write(f"sora {version('sora-mail')}\n")
        raise SystemExit(0)
    return given


def shapes() -> list[Shape]:
    """All commands and groups as data."""
    examples = {command.words: command.examples for command in COMMANDS}
    return shapes_of(_parsers()[1], examples)


async def run(given: Namespace, open_store: OpenStore, stdout: TextIO, stderr: TextIO) -> int:
    """Do the command that was parsed and prepared. Gives the exit code."""
    report = JSONReport(stdout) if given.json else TextReport(stdout)
    try:
        store = await open_store(given)
        try:
            await given.command.run(given, store, report)
        finally:
            await store.close()
    except OutcomeUnknown as error:
        stderr.write(f"sora-admin: {error.text} Look before you repeat it.\n")
        return 1
    except (CommandFailed, SoraError) as error:
        for line in str(error).rstrip().splitlines():
            stderr.write(f"sora-admin: {line}\n")
        return 1
    return 0


def prepare(given: Namespace, terminal: Terminal) -> None:
    """Ask for what is missing. Raises CommandFailed."""
    given.command.prepare(given, terminal)


def _parsers() -> tuple[_Parser, dict[tuple[str, ...], _Parser]]:
    parser = _Parser(
        prog=PROGRAM,
        description="Administer a Sora mail store.",
        epilog=_all_commands(),
    )
    parsers: dict[tuple[str, ...], _Parser] = {(): parser}
    groups: dict[tuple[str, ...], Any] = {
        (): parser.add_subparsers(metavar="GROUP", required=True, parser_class=_Parser)
    }
    for command in COMMANDS:
        _add_groups(command.words[:-1], parsers, groups)
        parsers[command.words] = _add_command(command, groups[command.words[:-1]])
    version_parser = groups[()].add_parser("version", help="print the version")
    version_parser.set_defaults(is_version=True)
    completion = groups[()].add_parser(
        "completion", help="print a script that completes commands in a shell"
    )
    completion.add_argument("completion", choices=SHELLS, help="which shell")
    explain = groups[()].add_parser("help", help="explain a command: help accounts create")
    explain.add_argument("help_words", nargs="*", metavar="WORD")
    explain.set_defaults(is_help=True)
    for needs_none in (version_parser, completion, explain):
        # Who types it behind every command is not corrected for it.
        needs_none.add_argument("-c", "--config", help=SUPPRESS)
    return parser, parsers


def _add_groups(
    words: tuple[str, ...],
    parsers: dict[tuple[str, ...], _Parser],
    groups: dict[tuple[str, ...], Any],
) -> None:
    for end in range(1, len(words) + 1):
        here = words[:end]
        if here in groups:
            continue
        about = GROUPS[" ".join(here)]
        members = [command for command in COMMANDS if command.words[:end] == here]
        parsers[here] = groups[here[:-1]].add_parser(
            here[-1], help=about, description=about, epilog=_commands_text(members)
        )
        groups[here] = parsers[here].add_subparsers(
            metavar="COMMAND", required=True, parser_class=_Parser
        )


def _add_command(command: type[Command], group: Any) -> _Parser:
    examples = "\n".join(f"  {PROGRAM} {example}" for example in command.examples)
    parser: _Parser = group.add_parser(
        command.words[-1],
        help=command.summary,
        description=f"{command.summary[:1].upper()}{command.summary[1:]}.",
        epilog=f"examples:\n{examples}" if examples else None,
    )
    command().arguments(parser)
    where = parser.add_argument_group("where")
    where.add_argument(
        "-c", "--config", metavar="FILE", help=f"the configuration (default: {DEFAULT_CONFIG})"
    )
    where.add_argument(
        "--dir", metavar="DIRECTORY", help="instead: the directory of an embedded Sora (./dev run)"
    )
    where.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="override a key of the configuration",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    if command.destroys:
        parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(command=command())
    return parser


def _all_commands() -> str:
    return (
        f"commands:\n{_commands_text(COMMANDS)}\n\n`{PROGRAM} GROUP COMMAND --help` has examples."
    )


def _commands_text(commands: Sequence[type[Command]]) -> str:
    width = max(len(" ".join(command.words)) for command in commands)
    return "\n".join(
        f"  {' '.join(command.words):<{width}}  {command.summary}" for command in commands
    )
