"""`twistd sora-admin GROUP COMMAND …`: from arguments to an exit code.

Everything is printed to stdout; an error is one line on stderr, with exit code 1, or 2 for
a command line that is not understood.
"""

import sys
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, Final, NoReturn, TextIO

from sora.admin.command import Command, CommandFailed, Store, Terminal
from sora.admin.commands import GROUPS, all_commands, all_words, command_of
from sora.admin.completion import SHELLS, script
from sora.admin.failed import ENDED, MISUNDERSTOOD, tell, unexpected
from sora.admin.older import named_here
from sora.admin.reports import JSONReport, TextReport
from sora.admin.shape import Shape, Words, shapes_of
from sora.errors import OutcomeUnknown, SoraError

DEFAULT_CONFIG: Final = "/etc/sora/config.toml"
PROGRAM: Final = "twistd sora-admin"
NEED_NONE: Final = (("version",), ("completion",), ("help",))
"""words that are parsed without the commands"""

OpenStore = Callable[[Namespace], Awaitable[Store]]
"""Opens what the arguments `--config`, `--dir` and `--set` name."""


class _Parser(ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=RawDescriptionHelpFormatter, **options)
        self.register("type", int, _whole_number)

    def error(self, message: str) -> NoReturn:
        tell(sys.stderr, " ".join(f"{message}; see {self.prog} --help".splitlines()))
        raise SystemExit(MISUNDERSTOOD)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a whole number") from None


def parse(arguments: Sequence[str]) -> Namespace:
    """The arguments; `command` is an instance of Command, or None after help or version.

    Raises SystemExit for help and for errors.
    """
    parser, _ = _parsers(_meant(arguments))
    if name := named_here(arguments):
        parser.error(f"{' '.join(arguments[:2])} is called `{name}` here")
    if not arguments:
        parser.print_help()
        raise SystemExit(MISUNDERSTOOD)
    given = parser.parse_args(list(arguments))
    if getattr(given, "is_help", False):
        return parse([*given.help_words, "--help"])
    if shell := getattr(given, "completion", None):
        sys.stdout.write(script(shell, shapes()))
        raise SystemExit(0)
    if getattr(given, "is_version", False):
        sys.stdout.write(f"sora {version('sora-mail')}\n")
        raise SystemExit(0)
    return given


def shapes() -> list[Shape]:
    """All commands and groups as data."""
    examples = {command.words: command.examples for command in all_commands()}
    return shapes_of(_parsers(all_commands())[1], examples)


async def run(given: Namespace, open_store: OpenStore, stdout: TextIO, stderr: TextIO) -> int:
    """Do the command that was parsed and prepared. Gives the exit code."""
    report = (JSONReport if given.json else TextReport)(stdout, stderr)
    try:
        store = await open_store(given)
        try:
            await given.command.run(given, store, report)
        finally:
            await store.close()
    except OutcomeUnknown as error:
        tell(stderr, f"{error.text} Look before you repeat it.")
        return ENDED
    except (CommandFailed, SoraError) as error:
        tell(stderr, str(error))
        return error.code if isinstance(error, CommandFailed) else ENDED
    except BrokenPipeError:
        raise  # who reads wants no more
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in one line
        tell(stderr, unexpected(error))
        return ENDED
    return 0


def prepare(given: Namespace, terminal: Terminal) -> None:
    """Ask for what is missing. Raises CommandFailed."""
    given.command.prepare(given, terminal)


def _meant(arguments: Sequence[str]) -> list[type[Command]]:
    """The commands that may be meant, by the first word: nothing of the others is loaded."""
    first = tuple(arguments[:1])
    if first in NEED_NONE:
        return []
    meant = [words for words in all_words() if words[:1] == first]
    return [command_of(words) for words in meant] or all_commands()


def _parsers(commands: Sequence[type[Command]]) -> tuple[_Parser, dict[Words, _Parser]]:
    parser = _Parser(
        prog=PROGRAM,
        description="Administer a Sora mail store.",
        epilog=_epilog(commands),
    )
    parsers: dict[Words, _Parser] = {(): parser}
    groups: dict[Words, Any] = {
        (): parser.add_subparsers(metavar="GROUP", required=True, parser_class=_Parser)
    }
    for command in commands:
        _add_groups(command.words[:-1], commands, parsers, groups)
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
    words: Words,
    commands: Sequence[type[Command]],
    parsers: dict[Words, _Parser],
    groups: dict[Words, Any],
) -> None:
    for end in range(1, len(words) + 1):
        here = words[:end]
        if here in groups:
            continue
        about = GROUPS[" ".join(here)]
        members = [command for command in commands if command.words[:end] == here]
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


def _epilog(commands: Sequence[type[Command]]) -> str:
    text = _commands_text(commands)
    return f"commands:\n{text}\n\n`{PROGRAM} GROUP COMMAND --help` has examples."


def _commands_text(commands: Sequence[type[Command]]) -> str:
    width = max((len(" ".join(command.words)) for command in commands), default=0)
    return "\n".join(
        f"  {' '.join(command.words):<{width}}  {command.summary}" for command in commands
    )
