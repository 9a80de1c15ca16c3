"""regex (draft-ietf-sieve-regex): `:regex`, and `set :quoteregex`."""

import re
from collections.abc import Sequence
from typing import Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking, shown
from sora.sieve.comparators import OCTET
from sora.sieve.extension import MATCH_TYPE, Extension, MatchType, Tag
from sora.sieve.regular import BadPattern, Regular, compile_pattern
from sora.sieve.run import Run

_SPECIAL: Final = re.compile(r"([\\^$.|?*+()\[\]{}])")


def _regex(run: Run, call: Call, values: Sequence[str], keys: Sequence[str]) -> bool:
    patterns: Sequence[Regular] | None = call.prepared
    if patterns is None:
        patterns = [_compiled(run, call, key) for key in keys]
        if call.constant_keys:
            call.prepared = patterns
    for value in values:
        for pattern in patterns:
            run.spend(pattern.cost(len(value)))
            found = pattern.search(value)
            if found is not None:
                if run.frame.has("variables"):
                    run.matched(found)
                return True
    return False


def _compiled(run: Run, call: Call, key: str) -> Regular:
    run.spend(len(key) // 8 + 1)
    try:
        return compile_pattern(key, _is_cased(call))
    except BadPattern as error:
        raise run.problem(_no_pattern(key, error)) from None


def _is_cased(call: Call) -> bool:
    """Only i;octet tells letters apart by their case."""
    return call.comparator is OCTET


def _check(checking: Checking, call: Call) -> None:
    for key in call.constants("keys"):
        try:
            compile_pattern(key, _is_cased(call))
        except BadPattern as error:
            checking.error(call.ats["keys"], _no_pattern(key, error))


def _no_pattern(key: str, error: BadPattern) -> str:
    return f"{shown(key)} is not a regular expression: {error}"


def quoted_regex(text: str) -> str:
    """A pattern that matches this text and no other."""
    return _SPECIAL.sub(r"\\\1", text)


def _quoteregex(run: Run, call: Call, text: str) -> str:
    return quoted_regex(text)


QUOTEREGEX: Final = Tag("quoteregex", group="precedence 20", order=20, apply=_quoteregex)

EXTENSION: Final = Extension(
    "regex",
    match_types=(MatchType(Tag("regex", group=MATCH_TYPE, check=_check), _regex, substrings=True),),
    tags=dict.fromkeys(("set", "extracttext"), (QUOTEREGEX,)),
)
