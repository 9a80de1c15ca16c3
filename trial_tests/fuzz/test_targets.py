"""A short run of each fuzzer; `python -m trial_tests.fuzz` runs them for as long as one likes."""

import os
from random import Random
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from trial_tests.fuzz.corpus import PIECES, words
from trial_tests.fuzz.mutate import mutated
from trial_tests.fuzz.targets import TARGETS, mime, reader, scanner, session
from trial_tests.support.properties import SETTINGS

RUNS: Final = int(os.environ.get("SORA_FUZZ_RUNS", "200"))

octets = st.lists(
    st.one_of(st.sampled_from([*PIECES, *words()]), st.binary(max_size=6)), max_size=40
).map(b" ".join)


class TargetTests(SynchronousTestCase):
    def mutate(self, name: str) -> None:
        """Mutations of the corpus, always the same."""
        target = TARGETS[name]
        random = Random(11)
        for _ in range(RUNS):
            target.run(mutated(random, target.corpus(), target.words(), target.limit))

    def test_the_reader(self) -> None:
        self.mutate("reader")

    def test_the_scanner(self) -> None:
        self.mutate("scanner")

    def test_messages(self) -> None:
        self.mutate("mime")

    def test_sessions(self) -> None:
        self.mutate("session")

    def test_the_reader_of_managesieve(self) -> None:
        self.mutate("managesieve-reader")

    def test_sessions_of_managesieve(self) -> None:
        self.mutate("managesieve")

    def test_the_reader_of_lmtp(self) -> None:
        self.mutate("lmtp-reader")

    def test_sessions_of_lmtp(self) -> None:
        self.mutate("lmtp")

    def test_the_reader_of_pop3(self) -> None:
        self.mutate("pop3-reader")

    def test_sessions_of_pop3(self) -> None:
        self.mutate("pop3")

    @SETTINGS
    @given(octets)
    def test_anything_for_the_reader(self, data: bytes) -> None:
        reader(data)

    @SETTINGS
    @given(st.sampled_from(words()), octets)
    def test_anything_for_the_scanner(self, word: bytes, data: bytes) -> None:
        scanner(b"a " + word + b" " + data)

    @SETTINGS
    @given(octets)
    def test_anything_for_a_message(self, data: bytes) -> None:
        mime(data)

    @SETTINGS
    @given(octets)
    def test_anything_for_a_session(self, data: bytes) -> None:
        session(b"l LOGIN fred secret\r\ns SELECT INBOX\r\na " + data)
