"""The arguments of a word: which of its parameters and tags each one is (RFC 5228 §2.6)."""

from typing import Final

from attrs import define, field

from sora.sieve.call import Call, Template, Value
from sora.sieve.checking import Checking, Wrong, nearest, shown
from sora.sieve.extension import Kind, Parameter, Tag, Test, Word
from sora.sieve.tree import Argument, Node, Number, TagName, Text, TextList

_GIVEN: Final = {Number: "a number", Text: "a string", TextList: "a list of strings"}


def bind(checking: Checking, call: Call, node: Node) -> None:
    """Give a call its arguments, and what they choose: match type, comparator, address part.
    Errors are told to `checking`.

    Raises:
        Wrong: an error after which nothing more can be said of the arguments.
    """
    _Binding(checking, call).bind(node)
    _choose(checking, call)


@define
class _Binding:
    checking: Checking
    call: Call
    groups: dict[str, str] = field(factory=dict)

    def bind(self, node: Node) -> None:
        rest: list[Argument] = []
        arguments = iter(node.arguments)
        for argument in arguments:
            if not isinstance(argument, TagName):
                rest.append(argument)
                continue
            if rest:
                self.checking.error(
                    argument.at,
                    f"':{argument.name}' must stand before the other arguments "
                    f"of '{self.call.name}'",
                )
            tag = self._tag(argument)
            value: Value = True
            if tag.takes is not None:
                what = f"':{tag.name}'"
                following = next(arguments, None)
                if following is None or isinstance(following, TagName):
                    raise Wrong(argument.at, f"{what} must be followed by {tag.takes.value}")
                value = self._value(following, tag.takes, what)
                self._look(following, value, tag, what)
            self.call.values[tag.name] = value
            self.call.ats[tag.name] = argument.at
            self.call.tags.append(tag)
        self.call.tags.sort(key=lambda tag: -tag.order)
        self._needed(node)
        self._positional(node, rest)

    # -------------------------------------------------------------- tags

    def _tag(self, name: TagName) -> Tag:
        tags = self.checking.dialect.tags(self.call.word)
        if name.name not in tags:
            near = nearest(name.name, list(tags), ":")
            raise Wrong(name.at, f"'{self.call.name}' has no ':{name.name}'{near}", True)
        tag, extension = self._chosen(tags[name.name])
        self.call.needs += self.checking.needs(name.at, f"':{tag.name}'", extension)
        if tag.name in self.call.values:
            self.checking.error(name.at, f"':{tag.name}' is given twice")
        elif tag.group and tag.group in self.groups:
            other = self.groups[tag.group]
            self.checking.error(name.at, f"':{other}' and ':{tag.name}' exclude each other")
        self.groups.setdefault(tag.group, tag.name)
        return tag

    def _chosen(self, tags: tuple[tuple[Tag, str], ...]) -> tuple[Tag, str]:
        """Of extensions that bring the same tag, one that can be used here."""
        for tag, extension in tags:
            if not extension or self.checking.has(extension):
                return tag, extension
        return tags[0]

    def _needed(self, node: Node) -> None:
        word = self.call.word
        for group in word.needs:
            if group not in self.groups:
                names = [f"':{one.name}'" for one in word.tags if one.group == group]
                self.checking.error(node.at, f"'{word.name}' needs {' or '.join(names)}")

    # -------------------------------------------------------------- positional arguments

    def _positional(self, node: Node, rest: list[Argument]) -> None:
        word = self.call.word
        optional = [one for one in word.parameters if one.optional]
        most = len(word.parameters)
        if not most - len(optional) <= len(rest) <= most:
            raise Wrong(node.at, _wrong_number(word, len(rest)))
        left_out = optional[: most - len(rest)]
        given = [one for one in word.parameters if one not in left_out]
        for parameter, argument in zip(given, rest, strict=True):
            what = f"The argument '{parameter.name}' of '{word.name}'"
            value = self._value(argument, parameter.kind, what)
            self._look(argument, value, parameter, what)
            self.call.values[parameter.name] = value
            if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
                self.call.fixed.add(parameter.name)
            self.call.ats[parameter.name] = argument.at

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
                return tuple([self._text(one) for one in argument.items])
            if kind is Kind.STRING and len(argument.items) == 1:
                raise Wrong(argument.at, f"{what} must be a string, without brackets")
        given = _GIVEN[type(argument)]
        raise Wrong(argument.at, f"{what} must be {kind.value}, not {given}")

    def _text(self, text: Text) -> "str | Template":
        value: str | Template = text.value
        for extension in self.checking.dialect.extensions:
            if extension.text is not None and extension.name in self.checking.requires:
                value = extension.text(self.checking, text.at, value)
        return value

    def _look(self, argument: Argument, value: Value, what: "Parameter | Tag", name: str) -> None:
        """Show the strings of an argument to whoever wants to see them."""
        values = value if isinstance(value, tuple) else (value,)
        texts = argument.items if isinstance(argument, TextList) else (argument,)
        look = what.check if isinstance(what, Parameter) else what.check_text
        for text, one in zip(texts, values, strict=True):
            if isinstance(one, str):
                if look is not None:
                    look(self.checking, text.at, one)
            elif what.constant and not isinstance(one, int):
                self.checking.error(text.at, f"{name} cannot have variables in it")


def _choose(checking: Checking, call: Call) -> None:
    """The match type, comparator and address part of a call, by its tags or by default."""
    dialect, word = checking.dialect, call.word
    if isinstance(word, Test) and word.addresses:
        call.address_part = dialect.address_parts["all"]
    if word.matching:
        call.match_type = dialect.match_types["is"]
        keys = call.values.get("keys", ())
        call.constant_keys = isinstance(keys, tuple) and all(type(key) is str for key in keys)
    for tag in call.tags:
        part, kind = dialect.address_parts.get(tag.name), dialect.match_types.get(tag.name)
        if part is not None and part.tag is tag:
            call.address_part = part
        elif kind is not None and kind.tag is tag:
            call.match_type = kind
    name = call.constant("comparator")
    if word.matching and name is not None:
        _choose_comparator(checking, call, name)


def _choose_comparator(checking: Checking, call: Call, name: str) -> None:
    at = call.ats["comparator"]
    known = checking.dialect.comparators
    if name not in known:
        near = nearest(name, list(known))
        raise checking.unknown(at, f"There is no comparator {shown(name)}{near}")
    call.comparator, extension = known[name]
    call.needs += checking.needs(at, f"The comparator {shown(name)}", extension)
    assert call.match_type is not None
    if call.match_type.substrings and not call.comparator.substrings:
        tag = call.match_type.tag.name
        checking.error(at, f"The comparator {shown(name)} cannot be used with ':{tag}'")


def _wrong_number(word: Word, given: int) -> str:
    parameters = word.parameters
    if not parameters:
        return f"'{word.name}' takes no arguments" + (" but tags" if word.tags else "")
    names = ", ".join(f"[{one.name}]" if one.optional else one.name for one in parameters)
    count = "one argument" if len(parameters) == 1 else f"{len(parameters)} arguments"
    return f"'{word.name}' takes {count} ({names}), not {given}"
