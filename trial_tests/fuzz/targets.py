"""What is fuzzed. A target takes any octets and raises when something is wrong with Sora."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher

from sora.addresses import parse_address
from sora.errors import SoraError
from sora.mail.facts import derive
from sora.mail.section import Section, locate, render, size
from sora.mail.structure import basic
from sora.protocols.imap.spoken import DIALECT
from sora.protocols.imap.wire.head import head_of
from sora.protocols.imap.wire.reader import Chunk, IMAPReader, Line, Offer
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import NewMailbox
from trial_tests.differential.compare import SECTIONS
from trial_tests.fuzz import corpus, lmtp, managesieve, pop3, sieve
from trial_tests.fuzz.wrong import Wrong, check
from trial_tests.support.imap_answers import Answers, lines
from trial_tests.support.transcript import Client, Server

LINE: Final = 300
SKIP: Final = 3000
KEPT: Final = 200
"""bounds of the reader that is fuzzed: small, so that they are passed"""


# ------------------------------------------------------------------ reader


def reader(data: bytes) -> None:
    """The same octets in different packets are the same events, and little is held."""
    random = Random(data[:3])
    whole = _events(data[3:], len(data) + 1, data[:1])
    packets = _events(data[3:], random.choice((1, 2, 7, 100)), data[:1])
    check(whole == packets, "packets make a difference")


def _events(data: bytes, step: int, seed: bytes) -> list[object]:
    random = Random(seed)
    one = IMAPReader(LINE, SKIP)
    found: list[object] = []
    accepted = 0
    for start in range(0, len(data), step):
        one.receive(data[start : start + step])
        while (event := one.next_event()) is not None:
            if isinstance(event, Chunk):
                if found and isinstance(found[-1], bytearray):
                    found[-1] += event.data
                else:
                    found.append(bytearray(event.data))
                if event.last:
                    found.append("last")
                continue
            found.append(event)
            if isinstance(event, Offer):
                choice = random.random()
                if choice < 0.5 and event.size <= KEPT and accepted < 5 * KEPT:
                    accepted += event.size
                    one.accept()
                elif choice < 0.8:
                    one.stream()
                else:
                    accepted = 0
                    one.refuse()
            elif isinstance(event, Line):
                accepted = 0
        # A line that is not ended, what was accepted, its announcements, and the last packet.
        check(one.buffered <= 8 * LINE + accepted + step + 50 * KEPT, "too much is held")
    return found


# ------------------------------------------------------------------ scanner


def scanner(data: bytes) -> None:
    """Each command is read, or refused with a sentence, whatever stands in it."""
    for utf8 in (False, True):
        head = head_of(data)
        if head is None:
            return
        kind = DIALECT.commands.get(head.word)
        if kind is None or (head.by_uid and not kind.has_uid_form):
            return
        try:
            scan = Scanner(data, head.end, utf8=utf8)
            kind.parse(scan, DIALECT, head.by_uid)
            scan.end()
        except SoraError as error:
            check(bool(error.text), "an error that says nothing")


# ------------------------------------------------------------------ messages


def mime(data: bytes) -> None:
    """Facts of anything; what is said of it is in IMAP's grammar, and sections are in bounds."""
    facts = derive(data)
    check(facts.size == len(data), "size")
    _whole(facts.envelope)
    _whole(facts.structure)
    _whole(basic(facts.structure))
    for text in (facts.text_header, facts.text_body, facts.preview, facts.sort_subject):
        text.encode("utf-8")
        check("\0" not in text, "NUL in a text")
    check(len(facts.preview) <= 200, "a long preview")
    for path in ((), (1,), (2,), (1, 1), (1, 1, 1), (2, 1), (0,), (3, 2, 1)):
        for what in SECTIONS:
            word, _, names = what.partition(" ")
            section = Section(path, word, tuple(names.strip("()").split()))
            extent = locate(section, facts.parts)
            octets = None
            if extent is not None:
                check(0 <= extent.start <= extent.end <= len(data), "a section out of bounds")
                octets = data[extent.start : extent.end]
            found = render(section, b"", facts.header, facts.parts, octets)
            check(found is None or len(found) <= len(data) + 2, "a section longer than all")
            if word in ("", "TEXT"):
                check(size(section, 0, facts.parts) == len(found or b""), "size of a section")


def _whole(wire: bytes) -> None:
    answers = Answers(wire)
    answers.value()
    check(answers.place == len(wire), "more than one value")


# ------------------------------------------------------------------ sessions


def session(data: bytes) -> None:
    """A whole session: no bug is logged, no answer is out of shape, and it ends."""
    wrong: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            wrong.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        said = _converse(data)
    finally:
        globalLogPublisher.removeObserver(observe)
    if wrong:
        raise Wrong(wrong[0]["log_failure"].getTraceback())
    check(b"[SERVERBUG]" not in said, "a bug was answered")
    if b"COMPRESS" not in data.upper():
        for line in lines(said):
            check(line.endswith(b"\r\n"), f"a line without its end: {line!r}")


def _converse(data: bytes) -> bytes:
    server = Server()
    for name in ("fred", "ann"):
        made = server.storage.accounts.create(
            parse_address(f"{name}@example.com"), (), (NewMailbox("INBOX"), NewMailbox("foo"))
        )
        _done(made)
    client = Client(server)
    for text in corpus.messages()[:4]:
        client.send(b"x LOGIN fred secret\r\nx APPEND INBOX {%d+}\r\n%s\r\n" % (len(text), text))
    other = Client(server)
    other.send(b"x LOGIN fred secret\r\nx SELECT INBOX\r\nx IDLE\r\n")
    for start in range(0, len(data), 1000):
        client.send(data[start : start + 1000])
        server.clock.advance(0.1)
    said = client.take()
    server.clock.advance(3)
    other.send(b"DONE\r\nx UID FETCH 1:* FLAGS\r\n")
    for one in (client, other):
        if not one.is_hung_up_on:
            one.hang_up()
        server.clock.advance(0)
    return said


def _done(made: "Deferred[Any]") -> None:
    results: list[Any] = []
    made.addCallback(results.append)
    check(bool(results), "an account was not made at once")


@frozen
class Target:
    """`run` takes octets; `corpus` is what they are made of, with `words` put in; `limit` is their
    greatest number."""

    run: Callable[[bytes], None]
    corpus: Callable[[], Sequence[bytes]]
    limit: int
    octets_of_memory: int
    """octets of memory that a run may take for each octet of its input, and beside"""
    memory_beside: int
    words: Callable[[], Sequence[bytes]] = corpus.words


TARGETS: Final = {
    "reader": Target(reader, corpus.sessions, 8000, 60, 400_000),
    "scanner": Target(scanner, corpus.commands, 8000, 400, 1_000_000),
    "mime": Target(mime, corpus.messages, 60_000, 400, 3_000_000),
    "session": Target(session, corpus.sessions, 8000, 2000, 16_000_000),
    "managesieve-reader": Target(
        managesieve.reader, managesieve.sessions, 8000, 60, 400_000, managesieve.words
    ),
    "managesieve": Target(
        managesieve.session, managesieve.sessions, 8000, 400, 8_000_000, managesieve.words
    ),
    "lmtp-reader": Target(lmtp.reader, lmtp.sessions, 30_000, 60, 400_000, lmtp.words),
    "lmtp": Target(lmtp.session, lmtp.sessions, 8000, 400, 8_000_000, lmtp.words),
    "pop3-reader": Target(pop3.reader, pop3.sessions, 30_000, 60, 400_000, pop3.words),
    "pop3": Target(pop3.session, pop3.sessions, 8000, 2000, 16_000_000, pop3.words),
    "sieve": Target(sieve.script, sieve.scripts, 8000, 2000, 16_000_000, sieve.words),
    "sieve-run": Target(sieve.run, corpus.messages, 60_000, 400, 16_000_000),
    "sieve-regex": Target(sieve.regex, sieve.patterns, 4000, 400, 4_000_000, sieve.words),
}
