"""Sieve: a short run of its fuzzers, and properties of any script, message and pattern (G49)."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.dialect import SIEVE
from sora.sieve.extensions.regex import quoted_regex
from sora.sieve.regular import compile_pattern
from trial_tests.fuzz import sieve
from trial_tests.fuzz.corpus import messages
from trial_tests.fuzz.mutate import mutated
from trial_tests.fuzz.targets import TARGETS
from trial_tests.fuzz.test_targets import RUNS
from trial_tests.sieve.filters import errors_of
from trial_tests.sieve.random_scripts import Scripts
from trial_tests.support.properties import SETTINGS

pieces = st.lists(
    st.one_of(st.sampled_from(sieve.words()), st.binary(max_size=6)), max_size=60
).map(b" ".join)


class TargetTests(SynchronousTestCase):
    def mutate(self, name: str) -> None:
        target = TARGETS[name]
        random = Random(12)
        for _ in range(RUNS):
            target.run(mutated(random, target.corpus(), target.words(), target.limit))

    def test_scripts(self) -> None:
        self.mutate("sieve")

    def test_messages(self) -> None:
        self.mutate("sieve-run")

    def test_patterns(self) -> None:
        self.mutate("sieve-regex")


class PropertyTests(SynchronousTestCase):
    @SETTINGS
    @given(pieces)
    def test_words_in_any_order(self, data: bytes) -> None:
        sieve.script(data)

    @SETTINGS
    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        sieve.script(text.encode("utf-8", "surrogatepass"))

    @SETTINGS
    @given(st.integers(0, 2**32), st.sampled_from(messages()[:60]))
    def test_scripts_after_the_grammar(self, seed: int, message: bytes) -> None:
        """They compile or are told why not; a run ends within its limits and loses no mail."""
        text = Scripts(Random(seed)).script()
        sieve.script(text.encode())
        sieve.run(message[:2000] + text.encode()[:50])

    @SETTINGS
    @given(st.text(max_size=40), st.text(max_size=200))
    def test_any_pattern(self, pattern: str, text: str) -> None:
        sieve.regex(f"{pattern}\0{text}".encode("utf-8", "surrogatepass"))

    @SETTINGS
    @given(st.text(max_size=60), st.text(max_size=5), st.booleans())
    def test_a_quoted_text_matches_itself_alone(self, text: str, more: str, cased: bool) -> None:
        """`:quoteregex`: what is quoted has no meaning left."""
        text = text.encode("utf-8", "replace").decode()
        quoted = compile_pattern(f"^{quoted_regex(text)}$", cased)
        self.assertEqual(quoted.search(text), [text])
        if more:
            self.assertIsNone(quoted.search(text + more))
        self.assertIsNotNone(compile_pattern(quoted_regex(text), cased).search(more + text))

    def test_the_grammar_reaches_far(self) -> None:
        """Else the other tests would tell little: half of the scripts compile, and all words are
        among them."""
        random = Random(1)
        valid = [
            one for one in (Scripts(random).script() for _ in range(900)) if not errors_of(one)
        ]
        self.assertGreater(len(valid), 375)
        text = " ".join(valid)
        for word in SIEVE.words:
            self.assertIn(f"{word} ", text)
