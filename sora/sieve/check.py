"""Tree -> calls: is each word known, allowed and used as it must be?

Everything that is wrong is told, not only the first thing; a command with an error becomes nothing,
and checking goes on with the next one.

With `ihave` (RFC 5463 §4) extensions may be used that `require` does not name. What this dialect
has is checked as always, and each call notes what an `ihave` must have found before it is run.
What the dialect does not have becomes a call that fails when it is run: it stands where a failed
`ihave` keeps it from running, or else it is the author's mistake."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from inspect import isgeneratorfunction
from typing import Final, NoReturn, TypeVar

from attrs import define, field

from sora.sieve.call import Call, Template, Value
from sora.sieve.errors import ScriptError
from sora.sieve.extension import Command, Kind, MatchType, Parameter, Tag, Test, Word
from sora.sieve.lexer import Source
from sora.sieve.limits import Limits
from sora.sieve.problems import Problem
from sora.sieve.script import Script
from sora.sieve.tree import Argument, Node, Number, TagName, Text, TextList
from sora.sieve.vocabulary import Dialect

MAX_WARNINGS: Final = 20
_Kind = TypeVar("_Kind", Command, Test)


def check(
    source: Source,
    nodes: Sequence[Node],
    dialect: Dialect,
    limits: Limits,
    errors: list[ScriptError],
) -> Script:
    """Check a tree. Errors are added to `errors`; then the script is not to be used."""
    checking = Checking(source, dialect, limits, errors)
    try:
        commands = checking.commands(checking.required(nodes))
    except _Enough:
        commands = ()
    warnings = tuple(sorted(checking.warnings))
    return Script(commands, frozenset(checking.requires), warnings, dialect)


class _Enough(Exception):
    """There are as many errors as can be told."""


class _Wrong(Exception):
    """The call has an error, which is told. `unknown`: something in it is not of this dialect."""

    def __init__(self, at: int, text: str, unknown: bool = False) -> None:
        super().__init__(text)
        self.at, self.text, self.unknown = at, text, unknown


@define(eq=False)
class Checking:
    """A script while it is checked: what `check` hooks are given."""

    source: Source
    dialect: Dialect
    limits: Limits
    errors: list[ScriptError]
    warnings: list[ScriptError] = field(factory=list)
    requires: set[str] = field(factory=set)
    maybe: set[str] = field(factory=set)
    """What an `ihave` that stands before this place asks for."""
    inside: list[Command] = field(factory=list)
    """The commands in whose blocks this place is, the outermost first."""
    notes: dict[object, object] = field(factory=dict)
    """For extensions: what they note while the script is checked (`checking.own`)."""
    _unseen: set[str] = field(factory=set)

    def error(self, at: int, text: str) -> None:
        """Tell of an error; `at` is where it is, as `call.at` and `call.ats` say."""
        self.errors.append(self.source.error(at, text))
        if len(self.errors) >= self.limits.errors:
            raise _Enough

    def warn(self, at: int, text: str) -> None:
        """Tell of what is valid, and probably not meant."""
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(self.source.error(at, text))

    def unknown(self, at: int, text: str) -> Exception:
        """An error of something that this dialect does not have, to be raised by hooks that look at
        strings: under `ihave` it is one only when the call is run."""
        return _Wrong(at, text, True)

    def has(self, extension: str) -> bool:
        """Whether the extension can be used here."""
        return extension in self.requires or extension in self.maybe

    # -------------------------------------------------------------- require

    def required(self, nodes: Sequence[Node]) -> Sequence[Node]:
        """Take note of the `require` commands that a script begins with; the commands after."""
        count = 0
        for node in nodes:
            if node.word != "require":
                break
            count += 1
            for text in self._capabilities(node):
                self._require(text)
        return nodes[count:]

    def _capabilities(self, node: Node) -> Iterable[Text]:
        if len(node.arguments) != 1 or node.tests or node.block is not None:
            self.error(node.at, "'require' takes one argument: a string or a list of strings")
            return ()
        argument = node.arguments[0]
        if isinstance(argument, Text):
            return (argument,)
        if isinstance(argument, TextList):
            return argument.items
        self.error(argument.at, "'require' takes a string or a list of strings")
        return ()

    def _require(self, text: Text) -> None:
        extension = self.dialect.by_name.get(text.value) if text.value else None
        if extension is None:
            near = nearest(text.value, self.dialect.names)
            self.error(text.at, f"The extension {shown(text.value)} is not supported here{near}")
        else:
            self.requires.update(self.dialect.with_implied(extension.name))

    # -------------------------------------------------------------- commands

    def commands(self, nodes: Sequence[Node]) -> tuple[Call, ...]:
        """The commands of a block."""
        found: list[Call] = []
        before: Call | None = None
        ended: str | None = None
        for node in self._separated(nodes):
            if ended is not None:
                self.warn(node.at, f"This is never reached: '{ended}' stands before it")
                ended = None
            call = self._command(node, before)
            if call is None:
                # An `else` after an `if` with an error is no error.
                before = before if self._follows(node) else _Unclear
                continue
            if isinstance(call.word, Command) and call.word.follows:
                if before is not None and before is not _Unclear:
                    before.otherwise = call
            else:
                found.append(call)
            before = call
            if isinstance(call.word, Command) and call.word.ends:
                ended = call.name
        return tuple(found)

    def _separated(self, nodes: Sequence[Node]) -> Iterable[Node]:
        """Where a semicolon is missing, the next command was read as a test of the one before."""
        for node in nodes:
            while True:
                word = self.dialect.words.get(node.word, (None, ""))[0]
                inner = node.tests[0] if node.tests and not node.listed else None
                known = inner and self.dialect.words.get(inner.word, (None, ""))[0]
                is_command = isinstance(known, Command) or (inner and inner.word == "require")
                takes_test = isinstance(word, Command) and word.test
                if inner is None or not is_command or takes_test:
                    break
                self.error(self._end_of(node, inner), f"A semicolon is missing after '{node.word}'")
                yield Node(node.word, node.at, node.arguments, [], end=node.end)
                inner.block, node = node.block, inner
            yield node

    def _end_of(self, node: Node, inner: Node) -> int:
        text = self.source.text[node.at : inner.at]
        return node.at + len(text.rstrip()) if "#" not in text and "/*" not in text else inner.at

    def _command(self, node: Node, before: Call | None) -> Call | None:
        if node.word == "require":
            self.error(node.at, "'require' must stand before all other commands")
            return None
        try:
            word, needs = self._word(node, Command, "a command", "a test")
        except _Wrong as wrong:
            return self._failed(wrong, node)
        if word.follows and not (before is not None and self._may_follow(word, before)):
            names = " or ".join(f"'{name}'" for name in word.follows)
            self.error(node.at, f"'{word.name}' must stand directly behind the block of {names}")
        call = self._call(node, word)
        tests = self._tests(node, 1 if word.test else 0, word.name)
        block = self._block(node, word)
        if call is None or tests is None:
            return None
        call.tests, call.block = tests, block
        return self._bound(call, needs)

    def _block(self, node: Node, word: Command) -> tuple[Call, ...]:
        if node.block is None:
            if word.block:
                self.error(node.at, f"'{word.name}' must end with a block: {{ ... }}")
            return ()
        if not word.block:
            self.error(node.at, f"'{word.name}' takes no block: it ends with a semicolon")
        self.inside.append(word)
        found = self.commands(node.block)
        self.inside.pop()
        return found

    def _follows(self, node: Node) -> bool:
        word = self.dialect.words.get(node.word, (None, ""))[0]
        return isinstance(word, Command) and bool(word.follows)

    def _may_follow(self, word: Command, before: Call) -> bool:
        return before is _Unclear or before.name in word.follows

    # -------------------------------------------------------------- tests

    def _tests(self, node: Node, most: int, name: str) -> tuple[Call, ...] | None:
        """The tests of a command or test; `most` is 0, 1, or 2 for a list."""
        found = [self._test(test) for test in node.tests]
        if most == 0 and node.tests:
            self.error(node.tests[0].at, f"'{name}' takes no test")
        elif most == 1 and not node.tests:
            self.error(node.at, f"'{name}' needs a test")
        elif most == 1 and (len(node.tests) > 1 or node.listed):
            hint = "; combine several with 'anyof' or 'allof'"
            self.error(node.tests[0].at, f"'{name}' takes one test, without parentheses{hint}")
        elif most == 2 and not node.tests:
            self.error(node.at, f"'{name}' needs a list of tests in parentheses")
        elif most == 2 and not node.listed:
            self.error(node.tests[0].at, f"The tests of '{name}' must stand in parentheses")
        if any(test is None for test in found):
            return None
        return tuple(test for test in found if test is not None)

    def _test(self, node: Node) -> Call | None:
        try:
            word, needs = self._word(node, Test, "a test", "a command")
        except _Wrong as wrong:
            for test in node.tests:
                self._test(test)
            return self._failed(wrong, node, Test)
        call = self._call(node, word)
        tests = self._tests(node, {"none": 0, "one": 1, "list": 2}[word.tests], word.name)
        if call is None or tests is None:
            return None
        call.tests = tests
        return self._bound(call, needs)

    # -------------------------------------------------------------- words

    def _word(
        self, node: Node, kind: "type[_Kind]", is_one: str, other: str
    ) -> "tuple[_Kind, tuple[str, ...]]":
        word, extension = self.dialect.words.get(node.word, (None, ""))
        if word is None:
            names = [name for name, (one, _) in self.dialect.words.items() if isinstance(one, kind)]
            if kind is Command:
                names.append("require")
            near = nearest(node.word, names)
            raise _Wrong(node.at, f"There is no {is_one[2:]} '{node.word}'{near}", True)
        if not isinstance(word, kind):
            raise _Wrong(node.at, f"'{node.word}' is {other}, not {is_one}")
        return word, self.needs(node.at, f"'{node.word}'", extension)

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

    def _failed(self, wrong: _Wrong, node: Node, kind: type = Command) -> Call | None:
        """Tell of an error; under `ihave`, what is unknown becomes a call that fails."""
        if not (wrong.unknown and self._lenient):
            self.error(wrong.at, wrong.text)
            if node.block is not None:
                self.commands(node.block)
            return None
        self.warn(wrong.at, wrong.text)

        def fail(run: object, call: Call) -> NoReturn:
            raise Problem(call, wrong.text)

        word: Word = Test(node.word, fail) if kind is Test else Command(node.word, fail)
        return Call(word, *self.source.place(node.at), node.at)

    @property
    def _lenient(self) -> bool:
        return "ihave" in self.requires

    # -------------------------------------------------------------- arguments

    def _call(self, node: Node, word: Word) -> Call | None:
        """Bind the arguments of a word to its parameters and tags."""
        call = Call(word, *self.source.place(node.at), node.at)
        told = len(self.errors)
        try:
            self._bind(call, node)
            self._matching(call, word)
        except _Wrong as wrong:
            return self._failed(wrong, node, type(word))
        return call if len(self.errors) == told else None

    def _bind(self, call: Call, node: Node) -> None:
        tags = self.dialect.tags(call.word)
        rest: list[Argument] = []
        arguments = iter(node.arguments)
        groups: dict[str, str] = {}
        for argument in arguments:
            if not isinstance(argument, TagName):
                rest.append(argument)
                continue
            if rest:
                self.error(
                    argument.at,
                    f"':{argument.name}' must stand before the other arguments of '{call.name}'",
                )
            if argument.name not in tags:
                near = nearest(argument.name, list(tags), ":")
                raise _Wrong(argument.at, f"'{call.name}' has no ':{argument.name}'{near}", True)
            tag, extension = self._chosen(tags[argument.name])
            call.needs += self.needs(argument.at, f"':{tag.name}'", extension)
            self._once(call, tag, argument, groups)
            value: Value = True
            if tag.takes is not None:
                following = next(arguments, None)
                if following is None or isinstance(following, TagName):
                    raise _Wrong(
                        argument.at, f"':{tag.name}' must be followed by {tag.takes.value}"
                    )
                value = self._value(following, tag.takes, f"':{tag.name}'")
                self._texts(following, value, tag, f"':{tag.name}'")
            call.values[tag.name] = value
            call.ats[tag.name] = argument.at
            call.tags.append(tag)
        for group in call.word.needs:
            if group not in groups:
                names = [f"':{one.name}'" for one in call.word.tags if one.group == group]
                self.error(node.at, f"'{call.name}' needs one of {' and '.join(names)}")
        self._positional(call, node, rest)

    def _chosen(self, tags: tuple[tuple[Tag, str], ...]) -> tuple[Tag, str]:
        """Of extensions that bring the same tag, one that can be used here."""
        for tag, extension in tags:
            if not extension or self.has(extension):
                return tag, extension
        return tags[0]

    def _once(self, call: Call, tag: Tag, at: TagName, groups: dict[str, str]) -> None:
        if tag.name in call.values:
            self.error(at.at, f"':{tag.name}' is given twice")
        elif tag.group and tag.group in groups:
            self.error(at.at, f"':{groups[tag.group]}' and ':{tag.name}' exclude each other")
        groups.setdefault(tag.group, tag.name)

    def _positional(self, call: Call, node: Node, rest: list[Argument]) -> None:
        parameters = call.word.parameters
        optional = [one for one in parameters if one.optional]
        required = len(parameters) - len(optional)
        if not required <= len(rest) <= len(parameters):
            raise _Wrong(node.at, _wrong_number(call.word, len(rest)))
        left_out = optional[: len(parameters) - len(rest)]
        given = [one for one in parameters if one not in left_out]
        for parameter, argument in zip(given, rest, strict=True):
            what = f"The argument '{parameter.name}' of '{call.name}'"
            value = self._value(argument, parameter.kind, what)
            self._texts(argument, value, parameter, what)
            call.values[parameter.name] = value
            call.ats[parameter.name] = argument.at

    def _value(self, argument: Argument, kind: Kind, what: str) -> Value:
        if isinstance(argument, Number):
            if kind is Kind.NUMBER:
                return argument.value
        elif isinstance(argument, Text):
            if kind is Kind.STRING:
                return self._text(argument)
            if kind is Kind.STRINGS:
                return (self._text(argument),)
        elif isinstance(argument, TextList):
            if kind is Kind.STRINGS:
                return tuple(self._text(one) for one in argument.items)
            if kind is Kind.STRING and len(argument.items) == 1:
                raise _Wrong(argument.at, f"{what} must be a string, without brackets")
        names = {Number: "a number", Text: "a string", TextList: "a list of strings"}
        given = names[type(argument)]
        raise _Wrong(argument.at, f"{what} must be {kind.value}, not {given}")

    def _text(self, text: Text) -> "str | Template":
        value: str | Template = text.value
        for extension in self.dialect.extensions:
            if extension.text is not None and extension.name in self.requires:
                value = extension.text(self, text.at, value)
        return value

    def _texts(self, argument: Argument, value: Value, what: "Parameter | Tag", name: str) -> None:
        """Look at the strings of an argument."""
        values = value if isinstance(value, tuple) else (value,)
        texts = argument.items if isinstance(argument, TextList) else (argument,)
        look = what.check if isinstance(what, Parameter) else what.check_text
        for text, one in zip(texts, values, strict=True):
            if isinstance(one, str):
                if look is not None:
                    look(self, text.at, one)
            elif what.constant and not isinstance(one, int):
                self.error(text.at, f"{name} cannot have variables in it")

    # -------------------------------------------------------------- calls

    def _bound(self, call: Call, needs: tuple[str, ...]) -> Call | None:
        """Finish a call whose arguments and tests are known."""
        told = len(self.errors)
        call.tags.sort(key=lambda tag: -tag.order)
        call.needs = tuple(dict.fromkeys(needs + call.needs))
        for tag in call.tags:
            if tag.run is not None:
                call.run = tag.run
        if len(self.errors) == told:
            for look in (call.word.check, *(tag.check for tag in call.tags)):
                if look is not None:
                    look(self, call)
        call.asks = isgeneratorfunction(call.run) or any(test.asks for test in call.tests)
        call.asks = call.asks or (call.match_type is not None and call.match_type.asks)
        return call if len(self.errors) == told else None

    def _matching(self, call: Call, word: Word) -> None:
        if word.matching:
            call.match_type = self.dialect.match_types["is"]
            for tag in call.tags:
                call.match_type = self._kind_of(tag) or call.match_type
            self._comparator(call)
            keys = call.values.get("keys", ())
            call.constant_keys = isinstance(keys, tuple) and all(isinstance(k, str) for k in keys)
        if isinstance(word, Test) and word.addresses:
            call.address_part = self.dialect.address_parts["all"]
            for tag in call.tags:
                part = self.dialect.address_parts.get(tag.name)
                if part is not None and part.tag is tag:
                    call.address_part = part

    def _kind_of(self, tag: Tag) -> "MatchType | None":
        kind = self.dialect.match_types.get(tag.name)
        return kind if kind is not None and kind.tag is tag else None

    def _comparator(self, call: Call) -> None:
        name = call.constant("comparator")
        if name is None:
            return
        at = call.ats["comparator"]
        if name not in self.dialect.comparators:
            near = nearest(name, list(self.dialect.comparators))
            raise self.unknown(at, f"There is no comparator {shown(name)}{near}")
        call.comparator, extension = self.dialect.comparators[name]
        call.needs += self.needs(at, f"The comparator {shown(name)}", extension)
        assert call.match_type is not None
        if call.match_type.substrings and not call.comparator.substrings:
            tag = call.match_type.tag.name
            self.error(at, f"The comparator {shown(name)} cannot be used with ':{tag}'")


_Unclear: Final = Call(Command("", lambda run, call: None), 0, 0, 0)
"""What stands before is not known, because of an error."""


def _wrong_number(word: Word, given: int) -> str:
    parameters = word.parameters
    if not parameters:
        return (
            f"'{word.name}' takes no arguments but tags"
            if word.tags
            else (f"'{word.name}' takes no arguments")
        )
    names = ", ".join(f"[{one.name}]" if one.optional else one.name for one in parameters)
    count = "one argument" if len(parameters) == 1 else f"{len(parameters)} arguments"
    return f"'{word.name}' takes {count} ({names}), not {given}"


def nearest(word: str, known: Sequence[str], before: str = "") -> str:
    """`; did you mean 'x'?` if there is something like the word, else nothing."""
    found = get_close_matches(word.lower()[:64], known, 1, 0.7)
    return f"; did you mean '{before}{found[0]}'?" if found else ""


def shown(text: str) -> str:
    """A string of a script, as an error shows it."""
    printable = "".join(one if one.isprintable() else "\ufffd" for one in text[:60])
    return f'"{printable}"' if len(text) <= 60 else f'"{printable}..."'
