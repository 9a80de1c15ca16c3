"""The match types of RFC 5228 §2.7.1: `:is`, `:contains`, `:matches`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sora.sieve.comparators import Comparator
from sora.sieve.extension import MATCH_TYPE, MatchType, Tag
from sora.sieve.wildcards import Pattern, compile_pattern

if TYPE_CHECKING:
    from sora.sieve.call import Call
    from sora.sieve.run import Run


def _forms(call: "Call", keys: Sequence[str]) -> Sequence[Any]:
    """The keys in the comparator's form; kept when they never change."""
    if call.prepared is not None:
        return call.prepared
    form = call.comparator.form
    forms = [form(key) for key in keys]
    if call.constant_keys:
        call.prepared = forms
    return forms


def _is(run: "Run", call: "Call", values: Sequence[str], keys: Sequence[str]) -> bool:
    forms = _forms(call, keys)
    form = call.comparator.form
    return any(form(value) in forms for value in values)


def _contains(run: "Run", call: "Call", values: Sequence[str], keys: Sequence[str]) -> bool:
    forms = _forms(call, keys)
    form = call.comparator.form
    for value in values:
        text = form(value)
        for key in forms:
            if key in text:
                return True
    return False


def _matches(run: "Run", call: "Call", values: Sequence[str], keys: Sequence[str]) -> bool:
    patterns: Sequence[Pattern] | None = call.prepared
    if patterns is None:
        run.spend(sum(map(len, keys)) // 64)
        form = call.comparator.form
        patterns = [compile_pattern(form(key)) for key in keys]
        if call.constant_keys:
            call.prepared = patterns
    wanted = run.frame.has("variables")
    for value in values:
        text = call.comparator.form(value)
        for pattern in patterns:
            run.spend(pattern.cost(len(text)))
            found = pattern.match(text)
            if found is not None:
                if wanted:
                    run.spend(0 if call.comparator.letters else len(value))
                    run.matched([value, *_captured(call.comparator, value, text, found)])
                return True
    return False


def _captured(
    comparator: Comparator, value: str, text: str, found: Sequence[tuple[int, int]]
) -> list[str]:
    """What wildcards stand for, as it is in the value itself."""
    if comparator.letters or value.isascii():
        return [value[begin:end] for begin, end in found]
    # Forms of characters can be longer than the characters.
    places = [0]
    for number, character in enumerate(value):
        places += [number + 1] * len(comparator.form(character))
    last = len(places) - 1
    return [value[places[min(begin, last)] : places[min(end, last)]] for begin, end in found]


IS: Final = MatchType(Tag("is", group=MATCH_TYPE), _is)
CONTAINS: Final = MatchType(Tag("contains", group=MATCH_TYPE), _contains, substrings=True)
MATCHES: Final = MatchType(Tag("matches", group=MATCH_TYPE), _matches, substrings=True)
