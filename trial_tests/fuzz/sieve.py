"""Sieve under any script, any message and any pattern.

`script` is fed with mutations of scripts, and runs them over messages; `run` makes scripts after the
grammar and is fed with messages; `regex` matches patterns against texts.
"""

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from sora.sieve.compile import compile_script
from sora.sieve.effects import Discard, Edited, FileInto, Keep, Redirect, Reject
from sora.sieve.errors import ScriptErrors
from sora.sieve.limits import Limits
from sora.sieve.message import Envelope
from sora.sieve.regular import BadPattern, compile_pattern
from sora.sieve.run import Outcome
from sora.sieve.script import Script
from trial_tests.fuzz.corpus import messages
from trial_tests.fuzz.wrong import check
from trial_tests.sieve.filters import MESSAGE, World, ran
from trial_tests.sieve.random_scripts import Scripts, random_envelope, random_world
from trial_tests.sieve.rfc_examples import RFCS, examples

LIMITS: Final = Limits(
    script_size=20_000,
    instructions=20_000,
    string=4000,
    memory=200_000,
    body=100_000,
    header=50_000,
)
"""Small, so that they are passed."""
_SLACK: Final = 5000
"""Instructions of the last thing that is done: a limit is noticed behind it."""
_SEPARATOR: Final = b"\0"

_TESTS: Final = Path(__file__).parent.parent / "sieve"
_QUOTED: Final = re.compile(r'"""(.*?)"""', re.DOTALL)


@cache
def scripts() -> list[bytes]:
    """Those of the RFCs and of the tests, and some after the grammar."""
    found = [example.meant.encode() for rfc in RFCS for example in examples(rfc)]
    for file in sorted(_TESTS.rglob("test_*.py")):
        found += [text.encode() for text in _QUOTED.findall(file.read_text()) if "require" in text]
    random = Random(5)
    found += [Scripts(random).script().encode() for _ in range(300)]
    return list(dict.fromkeys(found))


@cache
def words() -> list[bytes]:
    """Words of the language, and what is special in it."""
    text = b" ".join(scripts())
    known = set(re.findall(rb"[:A-Za-z_]{2,24}", text)) | set(re.findall(rb'"[^"\n]{0,40}"', text))
    special = (
        rb'text: "${ } { /* */ # ${0} ${hex: ${unicode: \\ [ ] ( ) 4294967296 1G :mime'.split()
    )
    return sorted({*known, *special, b"text:\r\n.\r\n", b"\r\n.\r\n", b"\xff", b"\0"})


@cache
def patterns() -> list[bytes]:
    """A pattern and a text."""
    found = [
        b"(x+x+)+y", b"(a|aa)*b", b"[[:alpha:]]+@[a-z.]{2,9}", b"^(.*)(.*)(.*)$", b"(a{0,9}){0,9}b",
        b"\\d+\\b\\w", b"a**", "ä|ö|ß?".encode(), b"[^]a-]", b"(((((a)))))", b"x{3}",
    ]  # fmt: skip
    return [
        one + _SEPARATOR + text for one in found for text in (b"a" * 200, b"x@y.z", b"\xc3\xa4 12")
    ]


def script(data: bytes) -> None:
    """Octets are a script, or are told to be none; a script does what it may."""
    random = Random(data[:4])
    compiled = _compiled(data)
    if compiled is None:
        return
    for octets in (MESSAGE, random.choice(messages())[:50_000]):
        _run(compiled, octets, random)


def run(data: bytes) -> None:
    """Any message, under scripts after the grammar."""
    random = Random(data)
    for _ in range(3):
        compiled = _compiled(Scripts(random).script().encode("utf-8", "surrogateescape"))
        if compiled is not None:
            _run(compiled, data, random)


def regex(data: bytes) -> None:
    """A pattern and a text: matching costs what is said, and gives parts of the text."""
    pattern, _, subject = data.partition(_SEPARATOR)
    text = subject.decode("utf-8", "replace")
    try:
        compiled = compile_pattern(pattern.decode("utf-8", "replace"), bool(len(data) % 2))
    except BadPattern as error:
        check(bool(str(error)), "an error that says nothing")
        return
    check(compiled.cost(len(text)) > 0, "no cost")
    found = compiled.search(text)
    check(found is None or all(group in text for group in found), "a group that is no part")


def _compiled(data: bytes) -> Script | None:
    try:
        return compile_script(data, limits=LIMITS)
    except ScriptErrors as errors:
        check(bool(errors.errors), "no error at all")
        last = data.count(b"\n") + data.count(b"\r") + 1
        for error in errors.errors:
            check(bool(error.text) and "\n" not in error.text, "an error that says nothing")
            check(1 <= error.line <= last and error.column >= 1, "an error in no place")
        return None


def _run(compiled: Script, octets: bytes, random: Random) -> None:
    envelope, seed = random_envelope(random), random.random()

    def once(trace: bool) -> Outcome:
        world = random_world(Random(seed), octets)
        return _ran(compiled, octets, world, envelope, trace)

    outcome, again = once(False), once(True)
    check(outcome.actions == again.actions and outcome.keep == again.keep, "not the same again")
    check(
        outcome.instructions <= LIMITS.instructions + max(_SLACK, len(octets)), "too much is done"
    )
    _is_kept(outcome)
    for action in (*outcome.actions, outcome.keep):
        _is_message(getattr(action, "message", None), octets)


def _ran(compiled: Script, octets: bytes, world: World, envelope: Envelope, trace: bool) -> Outcome:
    return ran(
        compiled,
        octets,
        world,
        envelope,
        LIMITS,
        trace=trace,
        addresses=("ann@example.com",),
        environment={"host": "mail.example.com", "remote-ip": "192.0.2.1"},
    )


def _is_kept(outcome: Outcome) -> None:
    """Mail is kept unless something else was done with it on purpose; always after an error."""
    if outcome.error is not None:
        check(bool(outcome.error.text) and outcome.error.line >= 1, "an error that says nothing")
        check((outcome.actions, outcome.keep) == ((), Keep()), "an error that loses mail")
        return
    elsewhere = any(
        isinstance(one, FileInto | Redirect | Reject | Discard) for one in outcome.actions
    )
    check(outcome.keep is not None or elsewhere, "mail is lost")


def _is_message(edited: Edited | None, octets: bytes) -> None:
    if edited is None:
        return
    made = edited.octets(octets)
    check(len(made) == edited.size(len(octets)), "the size of an edited message")
    check(made.startswith(edited.header), "the header of an edited message")
