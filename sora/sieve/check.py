"""Tree -> calls: is each word known, allowed and used as it must be?

Everything that is wrong is told, not only the first thing; a command with an error becomes nothing,
and checking goes on with the next one.

With `ihave` (RFC 5463 §4) extensions may be used that `require` does not name. What this dialect
has is checked as always, and each call notes what an `ihave` must have found before it is run.
What the dialect does not have becomes a call that fails when it is run: it stands where a failed
`ihave` keeps it from running, or else it is the author's mistake."""

from collections.abc import Iterable, Sequence
from inspect import isgeneratorfunction
from typing import Final, NoReturn, TypeVar

from attrs import define

from sora.sieve.binding import bind
from sora.sieve.call import Call
from sora.sieve.checking import Checking, Enough, Wrong, nearest, shown
from sora.sieve.errors import ScriptError
from sora.sieve.extension import Command, Test, Word
from sora.sieve.lexer import Source
from sora.sieve.limits import Limits
from sora.sieve.problems import Problem
from sora.sieve.script import Script
from sora.sieve.tree import Node, Text, TextList
from sora.sieve.vocabulary import Dialect

_Kind = TypeVar("_Kind", Command, Test)
_UNCLEAR: Final = Call(Command("", lambda run, call: None), 0, 0, 0)
"""What stands before is not known, because of an error."""
_TESTS: Final = {"none": 0, "one": 1, "list": 2}


def check(
    source: Source,
    nodes: Sequence[Node],
    dialect: Dialect,
    limits: Limits,
    errors: list[ScriptError],
) -> Script:
    """Check a tree. Errors are added to `errors`; then the script is not to be used."""
    checking = Checking(source, dialect, limits, errors)
    checker = _Checker(checking)
    commands: tuple[Call, ...] = ()
    try:
        commands = checker.commands(checker.required(nodes))
    except Enough:
        assert errors
    warnings = tuple(sorted(checking.warnings))
    return Script(commands, frozenset(checking.requires), warnings, dialect)


@define
class _Checker:
    checking: Checking

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
        if len(node.arguments) == 1 and not node.tests and node.block is None:
            argument = node.arguments[0]
            if isinstance(argument, Text):
                return (argument,)
            if isinstance(argument, TextList):
                return argument.items
        self._error(node.at, "'require' takes one argument: a string or a list of strings")
        return ()

    def _require(self, text: Text) -> None:
        dialect = self.checking.dialect
        if text.value and text.value in dialect.by_name:
            self.checking.requires.update(dialect.with_implied(text.value))
        else:
            near = nearest(text.value, dialect.names)
            self._error(text.at, f"The extension {shown(text.value)} is not supported here{near}")

    # -------------------------------------------------------------- commands

    def commands(self, nodes: Sequence[Node]) -> tuple[Call, ...]:
        """The commands of a block."""
        found: list[Call] = []
        before: Call | None = None
        ended: str | None = None
        for node in self._separated(nodes):
            if ended is not None:
                self.checking.warn(node.at, f"This is never reached: '{ended}' stands before it")
                ended = None
            call = self._command(node, before)
            word = self._known(node.word)
            follows = isinstance(word, Command) and bool(word.follows)
            if call is None:
                # An `else` after an `if` with an error is no error.
                before = before if follows else _UNCLEAR
                continue
            if not follows:
                found.append(call)
            elif before is not None:
                before.otherwise = call
            before = call
            if isinstance(call.word, Command) and call.word.ends:
                ended = call.name
        return tuple(found)

    def _separated(self, nodes: Sequence[Node]) -> Iterable[Node]:
        """Where a semicolon is missing, the next command was read as a test of the one before."""
        for node in nodes:
            while (inner := self._next_command(node)) is not None:
                text = self.checking.source.text[node.end : inner.at]
                at = inner.at if text.strip() else node.end
                self._error(at, f"A semicolon is missing after '{node.word}'")
                yield Node(node.word, node.at, node.arguments, [], end=node.end)
                inner.block, node = node.block, inner
            yield node

    def _next_command(self, node: Node) -> Node | None:
        """The test of a command, if it is no test, but the command that comes next."""
        word = self._known(node.word)
        if not node.tests or node.listed or (isinstance(word, Command) and word.test):
            return None
        inner = node.tests[0]
        is_command = isinstance(self._known(inner.word), Command) or inner.word == "require"
        return inner if is_command else None

    def _command(self, node: Node, before: Call | None) -> Call | None:
        if node.word == "require":
            self._error(node.at, "'require' must stand before all other commands")
            return None
        try:
            word = self._word(node, Command, "command", "a test, not a command")
        except Wrong as wrong:
            return self._failed(wrong, node)
        if word.follows and (
            before is None or (before is not _UNCLEAR and before.name not in word.follows)
        ):
            names = " or ".join(f"'{name}'" for name in word.follows)
            self._error(node.at, f"'{word.name}' must stand directly behind the block of {names}")
        call = self._bound(node, word)
        tests = self._tests(node, 1 if word.test else 0)
        block = self._block(node, call or Call(word, *self.checking.source.place(node.at), node.at))
        return self._finished(call, tests, block)

    def _block(self, node: Node, call: Call) -> tuple[Call, ...]:
        word = call.word
        assert isinstance(word, Command)
        if node.block is None:
            if word.block:
                self._error(node.at, f"'{word.name}' must end with a block: {{ ... }}")
            return ()
        if not word.block:
            self._error(node.at, f"'{word.name}' takes no block: it ends with a semicolon")
        self.checking.around.append(call)
        found = self.commands(node.block)
        self.checking.around.pop()
        return found

    # -------------------------------------------------------------- tests

    def _tests(self, node: Node, most: int, in_list: bool = False) -> tuple[Call, ...] | None:
        """The tests of a command or test; `most` is 0, 1, or 2 for a list. None after an error."""
        name = node.word
        if most == 0 and node.tests:
            text = "A comma is missing before this test" if in_list else f"'{name}' takes no test"
            self._error(node.tests[0].at, text)
        elif most == 1 and not node.tests:
            self._error(node.at, f"'{name}' needs a test")
        elif most == 1 and (len(node.tests) > 1 or node.listed):
            hint = "; combine several with 'anyof' or 'allof'"
            self._error(node.tests[0].at, f"'{name}' takes one test, without parentheses{hint}")
        elif most == 2 and not node.tests:
            self._error(node.at, f"'{name}' needs a list of tests in parentheses")
        elif most == 2 and not node.listed:
            self._error(node.tests[0].at, f"The tests of '{name}' must stand in parentheses")
        calls = [self._test(test, node.listed) for test in node.tests]
        found = [call for call in calls if call is not None]
        return tuple(found) if len(found) == len(calls) else None

    def _test(self, node: Node, in_list: bool = False) -> Call | None:
        try:
            word = self._word(node, Test, "test", "a command, not a test")
        except Wrong as wrong:
            for test in node.tests:
                self._test(test)
            return self._failed(wrong, node, Test)
        call = self._bound(node, word)
        return self._finished(call, self._tests(node, _TESTS[word.tests], in_list), ())

    # -------------------------------------------------------------- words

    def _known(self, name: str) -> Word | None:
        return self.checking.dialect.words.get(name, (None, ""))[0]

    def _word(self, node: Node, kind: "type[_Kind]", is_one: str, other: str) -> "_Kind":
        word = self._known(node.word)
        if isinstance(word, kind):
            return word
        if kind is Command and isinstance(word, Test) and word.acts:
            return word.command  # type: ignore[return-value]
        if word is not None:
            raise Wrong(node.at, f"'{node.word}' is {other}")
        words = self.checking.dialect.words.values()
        names: list[str] = [one.name for one, _ in words if isinstance(one, kind)]
        if kind is Command:
            names.append("require")
        near = nearest(node.word, names)
        raise Wrong(node.at, f"There is no {is_one} '{node.word}'{near}", True)

    def _failed(self, wrong: Wrong, node: Node, kind: type = Command) -> Call | None:
        """Tell of an error; under `ihave`, what is unknown becomes a call that fails."""
        if not (wrong.unknown and "ihave" in self.checking.requires):
            self._error(wrong.at, wrong.text)
            if node.block is not None:
                self.commands(node.block)
            return None
        self.checking.warn(wrong.at, wrong.text)

        def fail(run: object, call: Call) -> NoReturn:
            raise Problem(call, wrong.text)

        word: Word = Test(node.word, fail) if kind is Test else Command(node.word, fail)
        return Call(word, *self.checking.source.place(node.at), node.at)

    # -------------------------------------------------------------- calls

    def _bound(self, node: Node, word: Word) -> Call | None:
        """A call with its arguments; None after an error."""
        checking, told = self.checking, len(self.checking.errors)
        call = Call(word, *checking.source.place(node.at), node.at)
        extension = checking.dialect.words[word.name][1]
        call.needs = checking.needs(node.at, f"'{word.name}'", extension)
        try:
            bind(checking, call, node)
        except Wrong as wrong:
            return self._failed(wrong, node, type(word))
        return call if len(checking.errors) == told else None

    def _finished(
        self, call: Call | None, tests: tuple[Call, ...] | None, block: tuple[Call, ...]
    ) -> Call | None:
        """A call with all that belongs to it, looked at by its word and its tags."""
        if call is None or tests is None:
            return None
        call.tests, call.block = tests, block
        for tag in call.tags:
            if tag.run is not None:
                call.run = tag.run
        told = len(self.checking.errors)
        for look in (call.word.check, *(tag.check for tag in call.tags)):
            if look is not None:
                look(self.checking, call)
        call.asks = (
            isgeneratorfunction(call.run)
            or any(test.asks for test in tests)
            or (call.match_type is not None and call.match_type.asks)
        )
        return call if len(self.checking.errors) == told else None

    def _error(self, at: int, text: str) -> None:
        self.checking.error(at, text)
