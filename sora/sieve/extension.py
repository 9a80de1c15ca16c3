"""What the language is made of: words with their arguments, and extensions that bring some.

A word is a declaration and a function. `check.py` holds a use of it against the declaration and
makes a `Call`; the interpreter gives that to the function, which returns its result or, if it has
something to ask of the world, is a generator that yields questions (`effects.py`):

    def mailboxexists(run: Run, call: Call) -> Asking[bool]:
        return (yield MailboxExists(call.strings(run, "names")))

    EXTENSION = Extension(
        "mailbox", words=(Test("mailboxexists", mailboxexists, (Parameter("names",
        Kind.STRINGS),)),)
    )
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from attrs import frozen

from sora.sieve.comparators import Comparator
from sora.sieve.effects import Question

if TYPE_CHECKING:
    from sora.sieve.call import Call, Template
    from sora.sieve.checking import Checking
    from sora.sieve.run import Run

T = TypeVar("T")
Asking = Generator[Question, Any, T]
"""What asks the world, and then returns a T."""

CheckCall = Callable[["Checking", "Call"], None]
"""Looks at a call when the script is compiled, with all arguments bound; tells errors and warnings
by `checking.error(at, text)`."""

CheckText = Callable[["Checking", int, str], None]
"""Looks at a string that is known when the script is compiled; `at` is where it stands."""


class Kind(Enum):
    """What an argument is."""

    NUMBER = "a number"
    STRING = "a string"
    STRINGS = "a string or a list of strings"


@frozen
class Parameter:
    """A positional argument. `name` is what the word asks for it by, and what errors call it.

    `optional`: it can be left out; only the first (imap4flags) or the last may be that.
    `constant`: no variables in it. `check` sees each string that is known at compile time.
    """

    name: str
    kind: Kind
    optional: bool = False
    constant: bool = False
    check: CheckText | None = None


@frozen
class Tag:
    """A tagged argument, `:name`; `takes` is the argument that follows it.

    Of the tags in one `group` a call has at most one. `apply` changes the action that the word
    takes, or the value that `set` stores, those with the largest `order` first: most tags need no
    more. `run` is what the word does instead of its own when the tag is there. `check` sees calls
    that have the tag, `check_text` its constant strings."""

    name: str
    takes: Kind | None = None
    group: str = ""
    constant: bool = False
    apply: Callable[["Run", "Call", Any], Any] | None = None
    order: int = 0
    run: Callable[["Run", "Call"], Any] | None = None
    check: CheckCall | None = None
    check_text: CheckText | None = None


@frozen
class Command:
    """A command: an action, or a control command.

    `needs`: groups of tags of which one must be given. `matching`: as of a `Test`. `test`: it
    takes one. `block`: it ends with one. `follows`: it stands only behind one of these words,
    whose `call.otherwise` it becomes, and is not run by itself (`elsif`). `ends`: what stands
    behind it in its block is never reached."""

    name: str
    run: Callable[["Run", "Call"], "Asking[None] | None"]
    parameters: tuple[Parameter, ...] = ()
    tags: tuple[Tag, ...] = ()
    needs: tuple[str, ...] = ()
    matching: bool = False
    test: bool = False
    block: bool = False
    follows: tuple[str, ...] = ()
    ends: bool = False
    check: CheckCall | None = None


@frozen
class Test:
    """A test. `tests`: how many it takes. `matching`: it takes a comparator and a match type, and
    its last parameter is called `keys`. `addresses`: it takes an address part. `acts`: it is an
    action, too, whose result nobody asks for (RFC 6558 §2.2)."""

    name: str
    run: Callable[["Run", "Call"], "Asking[bool] | bool"]
    parameters: tuple[Parameter, ...] = ()
    tags: tuple[Tag, ...] = ()
    needs: tuple[str, ...] = ()
    tests: Literal["none", "one", "list"] = "none"
    matching: bool = False
    keys: Callable[["Call", tuple[str, ...]], tuple[str, ...]] | None = None
    addresses: bool = False
    acts: bool = False
    check: CheckCall | None = None

    @property
    def command(self) -> Command:
        """It as an action."""

        def run(run: "Run", call: "Call") -> "Asking[None]":
            result = self.run(run, call)
            if not isinstance(result, bool):
                yield from result

        return Command(self.name, run, self.parameters, self.tags, check=self.check)


Word = Command | Test

MATCH_TYPE: Final = "match type"
ADDRESS_PART: Final = "address part"
COMPARATOR: Final = "comparator"
"""Groups of tags that many words have."""


@frozen
class MatchType:
    """A match type, which is a tag of all matching tests.

    `match` tells whether any value matches any key; it may set match variables by
    `run.matched(...)`. With `asks` it asks the world. `substrings`: the comparator
    must be able to compare parts. `tag` is how it is written."""

    tag: Tag
    match: Callable[["Run", "Call", Sequence[str], Sequence[str]], "Asking[bool] | bool"]
    substrings: bool = False
    counts: bool = False
    asks: bool = False


@frozen
class AddressPart:
    """An address part: what of an address is compared, None if it has no such part. `part` is given
    the local part and the domain, and the address as it was written where it lacks one of them."""

    tag: Tag
    part: Callable[["Run", str, str], str | None]


@frozen
class EnvelopePart:
    """A part of the envelope, by its name in lower case. `values` are what the transport said;
    `addresses`: they are addresses, of which address parts are taken, "" being the null sender."""

    name: str
    values: Callable[["Run", "Call"], Sequence[str]]
    addresses: bool = False


@frozen
class Namespace:
    """A namespace of variables, `${name.rest}` (RFC 5229 §3).

    `get` is given the rest. `put` stores a value; None: `set` cannot. `valid` tells whether the
    rest is a name of this namespace."""

    name: str
    get: Callable[["Run", str], str]
    put: Callable[["Run", str, str], None] | None = None
    valid: Callable[[str], bool] = bool


@frozen
class Extension:
    """What `require name` adds.

    `words` are new ones; `tags` are for words that others brought, by name. `text` makes something
    of each string of the script, when it is compiled: another string, or a `Template` for run
    time; those of several extensions are applied in the order of the dialect. `implies` are
    extensions that come with it. `namespaces` are those of variables `${namespace.name}` that it
    reads (RFC 5229 §3), `environment` items of `environment`, by name."""

    name: str
    words: tuple[Word, ...] = ()
    tags: Mapping[str, tuple[Tag, ...]] = {}
    match_types: tuple[MatchType, ...] = ()
    address_parts: tuple[AddressPart, ...] = ()
    comparators: tuple[Comparator, ...] = ()
    envelope_parts: tuple[EnvelopePart, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    text: Callable[["Checking", int, "str | Template"], "str | Template"] | None = None
    implies: tuple[str, ...] = ()
