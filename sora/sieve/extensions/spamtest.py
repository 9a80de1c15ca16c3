"""spamtest, spamtestplus and virustest (RFC 5235): what a scanner before us found.

It says so in a header field; which one, and what it means, the operator has set: a `Score` each in
`settings["spamtest"]` and `settings["virustest"]`. Without one nothing was tested.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from sora.sieve.call import Call
from sora.sieve.extension import Asking, Extension, Kind, Parameter, Tag, Test
from sora.sieve.message import Header
from sora.sieve.regular import compile_pattern
from sora.sieve.run import Run

NUMBER: Final = r"(-?[0-9]+(\.[0-9]+)?)"
_READ: Final = 2000
"""Characters of the field that are looked at."""


@frozen
class Score:
    """How a scanner's result is read.

    header: the name of its field; the first one counts, which was added last.
    pattern: a regular expression; its first group, or all of it, is the result.
    most: the number that means "certainly"; 0 or less means "certainly not".
    texts: what a result that is a text stands for, by the text in lower case, from 0 to 1; it is
        looked up before it is taken for a number.
    """

    header: str
    pattern: str = NUMBER
    most: float = 10
    texts: Mapping[str, float] = {}

    def read(self, header: Header) -> float | None:
        """From 0 (certainly not) to 1 (certainly); None if it was not tested.

        Raises:
            BadPattern: the pattern is none.
        """
        fields = header.named(self.header)
        if not fields:
            return None
        found = compile_pattern(self.pattern, False).search(fields[0].value[:_READ])
        if found is None:
            return None
        result = found[1] if len(found) > 1 and found[1] else found[0]
        if result.lower() in self.texts:
            return min(max(self.texts[result.lower()], 0.0), 1.0)
        try:
            number = float(result[:20])
        except ValueError:
            return None
        return min(max(number / self.most, 0.0), 1.0) if self.most > 0 else None


def _tested(run: Run, name: str) -> float | None:
    """By the message as it arrived: a script cannot change what a scanner said."""
    score: Score | None = run.context.settings.get(name)
    return None if score is None else score.read(run.message.header)


def _spamtest(run: Run, call: Call) -> Asking[bool] | bool:
    """§3.2.1: 0 for not tested, 1 to 10; §3.2.2 with `:percent`: 0 to 100."""
    score = _tested(run, "spamtest")
    if score is None:
        return run.matches_any(call, [] if call.counts else ["0"])
    number = int(score * 100 + 1e-6) if call.has("percent") else int(score * 9 + 1e-6) + 1
    return run.matches_any(call, [str(number)])


def _virustest(run: Run, call: Call) -> Asking[bool] | bool:
    """§3.3: 0 for not tested, 1 (clean) to 5 (certainly infected)."""
    score = _tested(run, "virustest")
    if score is None:
        return run.matches_any(call, [] if call.counts else ["0"])
    return run.matches_any(call, [str(int(score * 4 + 1e-6) + 1)])


_KEYS: Final = (Parameter("keys", Kind.STRING),)
SPAM: Final = Extension("spamtest", words=(Test("spamtest", _spamtest, _KEYS, matching=True),))
SPAM_PLUS: Final = Extension(
    "spamtestplus", tags={"spamtest": (Tag("percent"),)}, implies=("spamtest",)
)
VIRUS: Final = Extension("virustest", words=(Test("virustest", _virustest, _KEYS, matching=True),))
