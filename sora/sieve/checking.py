"""A script while it is checked: what hooks of words and extensions are given."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from attrs import define, field

from sora.sieve.call import Call
from sora.sieve.errors import ScriptError
from sora.sieve.lexer import Source
from sora.sieve.limits import Limits
from sora.sieve.vocabulary import Dialect

MAX_WARNINGS: Final = 20


class Enough(Exception):
    """There are as many errors as can be told."""


class Wrong(Exception):
    """The call has an error, which is not told yet. `unknown`: something in it is not of this
    dialect."""

    def __init__(self, at: int, text: str, unknown: bool = False) -> None:
        super().__init__(text)
        self.at, self.text, self.unknown = at, text, unknown


@define(eq=False)
class Checking:
    """What is known at a place of a script. Places (`at`) are those of `call.at` and `call.ats`."""

    source: Source
    dialect: Dialect
    limits: Limits
    errors: list[ScriptError]
    warnings: list[ScriptError] = field(factory=list)
    requires: set[str] = field(factory=set)
    maybe: set[str] = field(factory=set)
    """What an `ihave` that stands before this place asks for."""
    around: list[Call] = field(factory=list)
    """The commands in whose blocks this place is, the outermost first."""
    notes: dict[object, object] = field(factory=dict)
    """For extensions: what they note while the script is checked (`checking.own`)."""
    _unseen: set[str] = field(factory=set)

    def error(self, at: int, text: str) -> None:
        """Tell of an error."""
        self.errors.append(self.source.error(at, text))
        if len(self.errors) >= self.limits.errors:
            raise Enough

    def warn(self, at: int, text: str) -> None:
        """Tell of what is valid, and probably not meant."""
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(self.source.error(at, text))

    def unknown(self, at: int, text: str) -> Exception:
        """An error of something that this dialect does not have, to be raised by hooks that look at
        strings: under `ihave` it is one only when the call is run."""
        return Wrong(at, text, True)

    def has(self, extension: str) -> bool:
        """Whether the extension can be used here."""
        return extension in self.requires or extension in self.maybe

    def needs(self, at: int, what: str, extension: str) -> tuple[str, ...]:
        """Hold the use of something against `require`: an error is told, or the answer is what an
        `ihave` must have found, for `call.needs`."""
        if not extension or extension in self.requires:
            return ()
        if extension in self.maybe:
            return (extension,)
        if extension not in self._unseen:
            # Once is enough: the mend is one line at the top.
            self._unseen.add(extension)
            self.error(at, f'{what} needs: require "{extension}";')
        return ()


def nearest(word: str, known: Sequence[str], before: str = "") -> str:
    """`; did you mean 'x'?` if there is something like the word, else nothing."""
    found = get_close_matches(word.lower()[:64], known, 1, 0.7)
    return f"; did you mean '{before}{found[0]}'?" if found else ""


def shown(text: str) -> str:
    """A string of a script, as an error shows it."""
    printable = "".join(one if one.isprintable() else "\ufffd" for one in text[:60])
    return f'"{printable}"' if len(text) <= 60 else f'"{printable}..."'
