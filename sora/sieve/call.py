"""A word as a script uses it: checked, with its arguments bound to their names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

from sora.sieve.comparators import CASEMAP, Comparator
from sora.sieve.extension import AddressPart, MatchType, Tag, Word

if TYPE_CHECKING:
    from sora.sieve.run import Run


class Template(Protocol):
    """A string that is known only at run time."""

    @property
    def source(self) -> str:
        """The string as the script has it, variables not expanded."""

    def expand(self, run: "Run") -> str:
        """The string, now."""


Value = str | int | bool | Template | tuple["str | Template", ...]


@define(eq=False)
class Call:
    """One use of a word.

    `needs` are extensions that `require` does not name: an `ihave` must have found them before the
    call is run (RFC 5463 §4). `values` are its arguments, by the name of the parameter or tag; a
    tag without an argument is True. `ats` says where each stands. `tags` are those that were
    given, with what they do. `otherwise` is what follows it (`elsif`, `else`). `asks`: it, or a
    test in it, asks the world."""

    word: Word
    line: int
    column: int
    at: int
    values: dict[str, Value] = field(factory=dict)
    ats: dict[str, int] = field(factory=dict)
    tags: list[Tag] = field(factory=list)
    fixed: set[str] = field(factory=set)
    """Lists of strings without variables."""
    tests: tuple["Call", ...] = ()
    block: "tuple[Call, ...]" = ()
    otherwise: "Call | None" = None
    run: Callable[["Run", "Call"], Any] = field(init=False)
    asks: bool = False
    needs: tuple[str, ...] = ()
    comparator: Comparator = CASEMAP
    match_type: MatchType | None = None
    address_part: AddressPart | None = None
    constant_keys: bool = False
    prepared: Any = None
    """What a match type made of keys that never change."""

    def __attrs_post_init__(self) -> None:
        self.run = self.word.run

    @property
    def name(self) -> str:
        """The word."""
        return self.word.name

    @property
    def counts(self) -> bool:
        """Whether the values of a matching test are counted, not compared (RFC 5231 §4.2)."""
        return self.match_type is not None and self.match_type.counts

    def has(self, name: str) -> bool:
        """Whether the argument was given."""
        return name in self.values

    def string(self, run: "Run", name: str) -> str:
        """A string argument, with variables expanded."""
        value = self.values[name]
        return value if isinstance(value, str) else run.expand(value)  # type: ignore[arg-type]

    def strings(self, run: "Run", name: str) -> tuple[str, ...]:
        """A list of strings, with variables expanded. One string is a list, too."""
        value = self.values[name]
        if name in self.fixed:
            return value  # type: ignore[return-value]
        if not isinstance(value, tuple):
            value = (value,)  # type: ignore[assignment]
        return run.expand_all(value)  # type: ignore[arg-type]

    def source(self, name: str) -> str | None:
        """A string argument as it stands in the script, None if it was not given."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        assert not isinstance(value, int | tuple)
        return value.source

    def number(self, name: str) -> int:
        """A number."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def constant(self, name: str) -> str | None:
        """A string argument if it was given and is known at compile time."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def constants(self, name: str) -> tuple[str, ...]:
        """The strings of an argument that are known at compile time."""
        value = self.values.get(name, ())
        items = value if isinstance(value, tuple) else (value,)
        return tuple(one for one in items if isinstance(one, str))
