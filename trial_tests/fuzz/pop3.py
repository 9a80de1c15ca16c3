"""POP3 under any octets: its reader, and whole sessions."""

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from twisted.logger import LogEvent, globalLogPublisher

from sora.addresses import parse_address
from sora.protocols.pop3.services import Settings
from sora.protocols.pop3.spoken import COMMANDS
from sora.protocols.pop3.wire.reader import MAX_SASL_LINE, POP3Reader
from sora.storage.rows import NewMailbox
from trial_tests.fuzz import corpus
from trial_tests.fuzz.wrong import Wrong, check
from trial_tests.protocols.pop3.world import POPClient, Post
from trial_tests.support.transcript import Client, Server

_DIALOGUES: Final = Path(__file__).parent.parent / "protocols" / "pop3"


@cache
def sessions() -> list[bytes]:
    """What the clients of each dialogue say, with and without a login before it."""
    login = b"USER fred\r\nPASS secret\r\n"
    talks = corpus.dialogues_below(_DIALOGUES)
    return [*talks, *(login + talk for talk in talks)]


@cache
def words() -> list[bytes]:
    """Words of the protocol."""
    text = b" ".join(sessions())
    return sorted({*COMMANDS, b"1", b"2", *re.findall(rb"[A-Za-z0-9+=.\-]{2,80}", text)})


def reader(data: bytes) -> None:
    """The same octets in different packets are the same events, and little is held."""
    random = Random(data[:3])
    whole = _events(data[3:], len(data) + 1)
    packets = _events(data[3:], random.choice((1, 2, 7, 100)))
    check(whole == packets, "packets make a difference")


def _events(data: bytes, step: int) -> list[object]:
    one = POP3Reader()
    found: list[object] = []
    for start in range(0, len(data), step):
        one.receive(data[start : start + step])
        while (event := one.next_event()) is not None:
            found.append(event)
        check(one.buffered <= MAX_SASL_LINE + step, "too much is held")
    return found


def session(data: bytes) -> None:
    """A whole session: no bug is logged, no answer is out of shape, and nothing is held after
    it."""
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
    check(b"See log" not in said, "a bug was answered")
    check(said.startswith(b"+OK"), "no greeting")
    for line in said.split(b"\r\n"):
        check(b"\n" not in line, f"a bare LF was sent: {line[:80]!r}")


def _converse(data: bytes) -> bytes:
    server = Server()
    post = Post(server, Settings(), {})
    made = server.storage.accounts.create(
        parse_address("fred@example.com"), (), (NewMailbox("INBOX"),)
    )
    check(made.called, "an account was not made at once")
    imap = Client(server)
    for text in corpus.messages()[:4]:
        imap.send(b"x LOGIN fred secret\r\nx APPEND INBOX {%d+}\r\n%s\r\n" % (len(text), text))
    client = POPClient(post)
    for start in range(0, len(data), 1000):
        if not client.is_hung_up_on:
            client.send(data[start : start + 1000])
        server.clock.advance(0.1)
    said = client.take()
    client.hang_up()
    imap.hang_up()
    server.clock.advance(0)
    check(len(post.house) == 0, "a maildrop is held")
    check(post.house._rooms.allowance.left == 64 * 1024 * 1024, "memory is held")
    post.house.stopService()
    return said
