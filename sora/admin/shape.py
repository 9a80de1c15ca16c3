"""The command line as data: what completion and manual pages are made of."""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Mapping, Sequence

from attrs import frozen

Words = tuple[str, ...]


@frozen
class Argument:
    """An option, or with no flags something that stands by itself. `value` is the name of what
    follows, empty when nothing does."""

    flags: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    text: str


@frozen
class Shape:
    """A command, or a group of them: `words` name it, `below` are the words that may follow."""

    words: Words
    summary: str
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]
    below: tuple[str, ...]


def shapes_of(
    parsers: Mapping[Words, ArgumentParser], examples: Mapping[Words, Sequence[str]]
) -> list[Shape]:
    """All commands and groups, in the order in which they were made."""
    return [_shape(words, parser, examples.get(words, ())) for words, parser in parsers.items()]


def _shape(words: Words, parser: ArgumentParser, examples: Sequence[str]) -> Shape:
    below: tuple[str, ...] = ()
    arguments = []
    # argparse has no other way to ask a parser for what it takes.
    for action in parser._actions:
        if action.nargs == "A..." and isinstance(action.choices, Mapping):
            below = tuple(action.choices)
        elif action.help != SUPPRESS:
            arguments.append(_argument(action))
    return Shape(words, parser.description or "", tuple(arguments), tuple(examples), below)


def _argument(action: Action) -> Argument:
    takes_nothing = action.nargs == 0
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return Argument(
        flags=tuple(action.option_strings),
        value="" if takes_nothing else metavar,
        choices=tuple(map(str, action.choices or ())),
        text=action.help or "",
    )
