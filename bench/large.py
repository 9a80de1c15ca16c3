"""A large mailbox: what it costs to open, list, search and sort it.

It is filled by APPENDs of 100 different messages each (MULTIAPPEND, RFC 3502), over two
connections; then the server has the time that it wants for what it does in the background (Sora:
its index of words). Dovecot searches without an index of texts, as it is installed.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from bench.client import IMAP
from bench.servers import Server
from bench.workloads import Row, Size, Workload, message, session, timed

NAME = "Large"
BATCH = 100
FIRST = 3_000_000
"""The number of the first message: no other workload has these."""

SEARCHES = (
    ("subject, rare", b"SUBJECT zymurgy"),
    ("subject, common", b"SUBJECT invoice"),
    ("header, rare", b"HEADER Message-ID %d." % (FIRST + 77)),
    ("body, rare", b"BODY xylophonist"),
    ("body, common", b"BODY garden"),
    ("text, rare", b"TEXT xylophonist"),
    ("text, common", b"TEXT weather"),
    ("text, absent", b"TEXT nowhereatall"),
    ("since a date", b"SINCE 1-Jan-2020"),
    ("sent on a day", b"SENTON 5-Oct-2026"),
    ("larger", b"LARGER 4500"),
)
SORTS = (
    ("by date", b"SORT (DATE) UTF-8 ALL"),
    ("by subject", b"SORT (SUBJECT) UTF-8 ALL"),
    ("by arrival, rare text", b"SORT (REVERSE ARRIVAL) UTF-8 TEXT xylophonist"),
)


def fill_large(server: Server, count: int) -> None:
    """Make the mailbox, and wait until the server is at rest."""
    with session(server) as client:
        client.command(b"CREATE " + NAME.encode())

    def run(part: int) -> None:
        with session(server) as client:
            for start in range(part * BATCH, count, 2 * BATCH):
                some = [message(FIRST + n) for n in range(start, min(start + BATCH, count))]
                literals = b" ".join(b"{%d+}\r\n%s" % (len(one), one) for one in some)
                client.command(b"APPEND %s %s" % (NAME.encode(), literals))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    server.settle()


def large_select(server: Server, size: Size) -> list[Row]:
    """SELECT, and FLAGS of all messages."""
    rows = []
    with session(server) as client:
        select = b"SELECT " + NAME.encode()
        rows.append(("large: SELECT, first", timed(lambda: client.command(select))))
        rows.append(("large: SELECT, warm", timed(lambda: client.command(select), 3)))
        flags = b"FETCH 1:* (FLAGS)"
        rows.append(("large: FETCH 1:* flags, first", timed(lambda: client.command(flags))))
        rows.append(("large: FETCH 1:* flags, warm", timed(lambda: client.command(flags), 3)))
    return rows


def large_search(server: Server, size: Size) -> list[Row]:
    """SEARCH for rare and common texts."""
    return [(f"large: SEARCH {name}", patient(server, b"SEARCH " + key)) for name, key in SEARCHES]


def large_sort(server: Server, size: Size) -> list[Row]:
    """SORT of all, and of what is found."""
    return [(f"large: SORT {name}", patient(server, command)) for name, command in SORTS]


def patient(server: Server, command: bytes) -> float:
    """Seconds of a command: the best of three, or of one that takes long."""
    client = IMAP(server.imap, server.user, server.password)
    client.socket.settimeout(600)
    try:
        client.command(b"SELECT " + NAME.encode())
        times: list[float] = []
        while len(times) < 3 and sum(times) < 5:
            begin = time.perf_counter()
            client.command(command)
            times.append(time.perf_counter() - begin)
        return min(times)
    finally:
        client.close()


LARGE: tuple[Workload, ...] = (large_select, large_search, large_sort)
