"""ManageSieve under any octets: its reader, and whole sessions."""

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from twisted.logger import LogEvent, globalLogPublisher

from sora.protocols.managesieve.dialect import COMMANDS
from sora.protocols.managesieve.wire.reader import Line, ManageSieveReader, Offer
from trial_tests.fuzz.corpus import dialogues_below
from trial_tests.fuzz.wrong import Wrong, check
from trial_tests.protocols.managesieve.world import Server, plain
from trial_tests.support.transcript import Client

LINE: Final = 300
SKIP: Final = 3000
KEPT: Final = 200
"""bounds of the reader that is fuzzed: small, so that they are passed"""

_DIALOGUES: Final = Path(__file__).parent.parent / "protocols" / "managesieve"
_QUOTED: Final = rb'"(?:[^"\\\r\n\0]|\\["\\])*"'
_STRING: Final = re.compile(_QUOTED + rb"|\{(\d+)\}\r\n")
_CONDITION: Final = re.compile(rb"(OK|NO|BYE)(?: \(([A-Z/-]+)( )?)?")


@cache
def sessions() -> list[bytes]:
    """What the clients of each dialogue say, after a login."""
    login = f'AUTHENTICATE "PLAIN" "{plain("fred")}"\r\n'.encode()
    return [login + text for text in dialogues_below(_DIALOGUES)]


@cache
def words() -> list[bytes]:
    """Words of the protocol, of Sieve, and of credentials."""
    text = b" ".join(sessions())
    return sorted({*COMMANDS, *re.findall(rb"[A-Za-z0-9+=.\-]{2,80}", text)})


def reader(data: bytes) -> None:
    """The same octets in different packets are the same events, and little is held."""
    random = Random(data[:3])
    whole = _events(data[3:], len(data) + 1, data[:1])
    packets = _events(data[3:], random.choice((1, 2, 7, 100)), data[:1])
    check(whole == packets, "packets make a difference")


def _events(data: bytes, step: int, seed: bytes) -> list[object]:
    random = Random(seed)
    one = ManageSieveReader(LINE, SKIP)
    found: list[object] = []
    accepted = 0
    for start in range(0, len(data), step):
        one.receive(data[start : start + step])
        while (event := one.next_event()) is not None:
            found.append(event)
            if isinstance(event, Offer):
                if random.random() < 0.6 and event.size <= KEPT and accepted < 5 * KEPT:
                    accepted += event.size
                    one.accept()
                else:
                    accepted = 0
                    one.refuse()
            elif isinstance(event, Line):
                accepted = 0
        check(one.buffered <= 8 * LINE + accepted + step + 50 * KEPT, "too much is held")
    return found


def session(data: bytes) -> None:
    """A whole session: no bug is logged, every answer is in the grammar (RFC 5804 §4), packets make
    no difference, and it ends."""
    wrong: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            wrong.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        said = _converse(data, 1000)
        again = _converse(data, 13)
    finally:
        globalLogPublisher.removeObserver(observe)
    if wrong:
        raise Wrong(wrong[0]["log_failure"].getTraceback())
    check(said == again, "packets make a difference")
    check(b"Something went wrong" not in said, "a bug was answered")
    place = 0
    while place < len(said):
        place = _after_line(said, place)


def _converse(data: bytes, step: int) -> bytes:
    server = Server()
    client = Client(server)
    said = client.take()
    for start in range(0, len(data), step):
        client.send(data[start : start + step])
    server.clock.advance(0)
    said += client.take()
    if not client.is_hung_up_on:
        client.hang_up()
    server.clock.advance(0)
    return said


def _after_line(said: bytes, place: int) -> int:
    """The end of one response, or of one line of data before it."""
    condition = _CONDITION.match(said, place)
    if condition is None:
        place = _after_string(said, place)
        if said.startswith(b" ACTIVE", place):
            place += 7
        elif said.startswith(b" ", place):
            place = _after_string(said, place + 1)
    else:
        place = condition.end()
        if condition[3]:
            place = _after_string(said, place)
        if condition[2]:
            check(said.startswith(b")", place), f"a code without end: {said[place:][:80]!r}")
            place += 1
        if said.startswith(b" ", place):
            place = _after_string(said, place + 1)
    check(said.startswith(b"\r\n", place), f"out of the grammar: {said[place:][:80]!r}")
    return place + 2


def _after_string(said: bytes, place: int) -> int:
    found = _STRING.match(said, place)
    if found is None:
        raise Wrong(f"a string is missing: {said[place:][:80]!r}")
    end = found.end() + int(found[1] or 0)
    check(end <= len(said), "a literal that is too short")
    return end
