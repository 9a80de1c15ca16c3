"""The words and extensions of a dialect, as the checker looks them up."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import frozen

from sora.errors import BadArgument
from sora.sieve.comparators import Comparator
from sora.sieve.extension import (
    COMPARATOR,
    AddressPart,
    EnvelopePart,
    Extension,
    Kind,
    MatchType,
    Namespace,
    Tag,
    Test,
    Word,
)

COMPARATOR_TAG: Final = Tag("comparator", Kind.STRING, COMPARATOR, constant=True)


@frozen
class Dialect:
    """A base that is always there, and extensions, in the order in which `text` hooks are applied.

    The base is an extension without a name.
    """

    base: Extension
    extensions: tuple[Extension, ...]

    def only(self, names: Collection[str]) -> "Dialect":
        """With only these extensions; none named means all of them.

        Raises:
            BadArgument: there is no such extension.
        """
        if not names:
            return self
        for name in names:
            if name not in self.by_name:
                raise BadArgument(f"There is no Sieve extension {name!r}")
        return Dialect(self.base, tuple(one for one in self.extensions if one.name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """What `require` can name, in the order of the alphabet."""
        return tuple(sorted(one.name for one in self.extensions))

    @property
    def capabilities(self) -> str:
        """ManageSieve's SIEVE capability (RFC 5804 §1.7)."""
        return " ".join(self.names)

    @cached_property
    def by_name(self) -> Mapping[str, Extension]:
        """The extensions by their names; "" is the base."""
        return {one.name: one for one in self._all}

    def with_implied(self, name: str) -> Iterable[str]:
        """An extension of the dialect, and those that come with it."""
        found = [name]
        for one in found:
            implied = self.by_name[one].implies
            found += [more for more in implied if more in self.by_name and more not in found]
        return found

    @cached_property
    def words(self) -> Mapping[str, tuple[Word, str]]:
        """Each word, and the extension that brings it."""
        return {word.name: (word, one.name) for one in self._all for word in one.words}

    @cached_property
    def match_types(self) -> Mapping[str, MatchType]:
        """Match types by the names of their tags."""
        return {kind.tag.name: kind for one in self._all for kind in one.match_types}

    @cached_property
    def address_parts(self) -> Mapping[str, AddressPart]:
        """Address parts by the names of their tags."""
        return {part.tag.name: part for one in self._all for part in one.address_parts}

    @cached_property
    def comparators(self) -> Mapping[str, tuple[Comparator, str]]:
        """Comparators by name, and the extension that brings each."""
        return {it.name: (it, one.name) for one in self._all for it in one.comparators}

    @cached_property
    def envelope_parts(self) -> Mapping[str, tuple[EnvelopePart, str]]:
        """Envelope parts by name, and the extension that brings each."""
        return {part.name: (part, one.name) for one in self._all for part in one.envelope_parts}

    @cached_property
    def namespaces(self) -> Mapping[str, tuple[Namespace, str]]:
        """Namespaces of variables by name, and the extension that brings each."""
        return {space.name: (space, one.name) for one in self._all for space in one.namespaces}

    def tags(self, word: Word) -> Mapping[str, tuple[tuple[Tag, str], ...]]:
        """The tags that a word can have. Several extensions may bring the same tag."""
        return self._tags[word.name]

    @cached_property
    def _tags(self) -> Mapping[str, Mapping[str, tuple[tuple[Tag, str], ...]]]:
        return {
            name: _by_name(self._tags_of(word, brought))
            for name, (word, brought) in self.words.items()
        }

    def _tags_of(self, word: Word, brought: str) -> Iterable[tuple[Tag, str]]:
        yield from ((tag, brought) for tag in word.tags)
        for one in self._all:
            yield from ((tag, one.name) for tag in one.tags.get(word.name, ()))
            if word.matching:
                yield from ((kind.tag, one.name) for kind in one.match_types)
            if isinstance(word, Test) and word.addresses:
                yield from ((part.tag, one.name) for part in one.address_parts)
        if word.matching:
            yield COMPARATOR_TAG, ""

    @property
    def _all(self) -> Sequence[Extension]:
        return (self.base, *self.extensions)


def _by_name(tags: Iterable[tuple[Tag, str]]) -> Mapping[str, tuple[tuple[Tag, str], ...]]:
    found: dict[str, tuple[tuple[Tag, str], ...]] = {}
    for tag, extension in tags:
        found[tag.name] = (*found.get(tag.name, ()), (tag, extension))
    return found
