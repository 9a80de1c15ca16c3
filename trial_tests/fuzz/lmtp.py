"""LMTP under any octets: its reader, and whole sessions."""

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from prometheus_client import CollectorRegistry
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from sora.mailbox.spool import Spool
from sora.metrics.lmtp import DeliveryMetrics
from sora.metrics.messages import MessageMetrics
from sora.metrics.protocol import CommandMetrics
from sora.net.networks import LOOPBACK, Networks
from sora.net.peer import Peer
from sora.protocols.lmtp.protocol import LMTPFactory
from sora.protocols.lmtp.services import Services, Settings
from sora.protocols.lmtp.wire.reader import MAX_LINE, Chunk, LMTPReader
from trial_tests.fuzz import corpus
from trial_tests.fuzz.wrong import Wrong, check
from trial_tests.protocols.lmtp.postroom import Postroom, Transport

_DIALOGUES: Final = Path(__file__).parent.parent / "protocols" / "lmtp"
_LIMIT: Final = 3000


@cache
def sessions() -> list[bytes]:
    """What the clients of each dialogue say, with and without an envelope before it."""
    envelope = b"LHLO a\r\nMAIL FROM:<a@b.c> BODY=BINARYMIME\r\nRCPT TO:<u@example.com>\r\n"
    # At `bug` the post room fails on purpose.
    talks = [talk for talk in corpus.dialogues_below(_DIALOGUES) if b"bug" not in talk]
    chunks = envelope + b"BDAT 5\r\na\0\r\n.BDAT 3 LAST\r\n.\r\n"
    message = envelope.replace(b" BODY=BINARYMIME", b"") + b"DATA\r\n..x\r\n.\r\n"
    return [*talks, *(b"LHLO a\r\n" + talk for talk in talks), chunks, message]


@cache
def words() -> list[bytes]:
    """Words of the protocol."""
    text = b" ".join(sessions())
    return sorted(
        {b"LAST", b"+2B", b"\\x{FC}", *re.findall(rb"[A-Za-z0-9+=;:<>@.\[\]-]{2,60}", text)}
    )


def reader(data: bytes) -> None:
    """The same octets in different packets are the same lines and the same message."""
    random = Random(data[:3])
    whole = _read(data[3:], len(data) + 1)
    packets = _read(data[3:], random.choice((1, 2, 7, 100)))
    check(whole == packets, "packets make a difference")


def _read(data: bytes, step: int) -> list[object]:
    one = LMTPReader()
    found: list[object] = []
    message = b""
    for start in range(0, len(data), step):
        one.receive(data[start : start + step])
        while (event := one.next_event()) is not None:
            if isinstance(event, Chunk):
                message += event.data
                if event.last:
                    found.append(message)
                    message = b""
                continue
            found.append(event)
            text = getattr(event, "text", b"")
            if text == b"DATA":
                one.expect_data()
            elif re.fullmatch(rb"BDAT \d{1,4}", text):
                one.expect_octets(int(text[5:]))
        check(one.buffered <= MAX_LINE + step, "too much is held")
    return [*found, message]


def session(data: bytes) -> None:
    """A whole session: no bug is logged, each line is a reply, and every spool is closed."""
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
    check(b"Something went wrong here" not in said, "a bug was answered")
    for line in said.split(b"\r\n")[:-1]:
        check(re.match(rb"[2-5]\d\d[ -]", line) is not None, f"no reply: {line[:80]!r}")
        check(b"\n" not in line, f"a bare LF was sent: {line[:80]!r}")


def _converse(data: bytes) -> bytes:
    clock, spools = Clock(), list[Spool]()

    def new_spool() -> Spool:
        spools.append(Spool())
        return spools[-1]

    factory = LMTPFactory(
        clock=clock,
        services=Services(
            deliveries=Postroom(),
            spool=new_spool,
            commands=CommandMetrics(CollectorRegistry()),
            metrics=DeliveryMetrics(CollectorRegistry()),
            messages=MessageMetrics(CollectorRegistry()),
            sends_reports=True,
        ),
        settings=Settings(
            hostname="mx.example.com", max_message_size=_LIMIT, trusted=Networks(LOOPBACK)
        ),
    )
    connection = factory.buildProtocol(None)
    connection.peer = Peer("127.0.0.1", 2525)
    transport = Transport()
    connection.makeConnection(transport)
    for start in range(0, len(data), 1000):
        if not transport.disconnecting:
            connection.dataReceived(data[start : start + 1000])
        clock.advance(0.1)
    connection.flush()
    said: bytes = transport.value()
    connection.connectionLost(Failure(ConnectionDone()))
    clock.advance(0)
    check(all(spool.closed for spool in spools), "a spool is left open")
    check(all(spool.size <= _LIMIT for spool in spools), "more was kept than may be")
    return said
