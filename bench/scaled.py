"""What a database costs by its size: one with ten thousand messages beside one with millions.

Both are made by `bench.generated`. The large one is asked twice: about as few accounts as the small
one has, which tells what size alone costs; and each time about another account, of which nothing is
in memory that was not read a moment ago, which tells what it costs that not all of it fits there.
"""

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from attrs import frozen

from bench.client import IMAP, LMTP
from bench.generated import Scale, generate
from bench.servers import Sora
from bench.workloads import Row, new_messages

SMALL = Scale(10_000, 10)
TIMES = 300
"""operations of each kind and round"""


@frozen
class Place:
    """A server with so much in it, and how many of its accounts are asked about."""

    name: str
    server: Sora
    scale: Scale
    people: int
    rng: random.Random


def main(messages: int, accounts: int, rounds: int, keep: bool, kept: Path | None) -> int:
    """Make both, or take what was `kept`; measure in turn, and print the table."""
    from bench.run import print_table

    directory = kept or Path(tempfile.mkdtemp(prefix="sora-bench-"))
    directory.chmod(0o755)
    servers: list[Sora] = []
    places: list[Place] = []
    try:
        for scale in (SMALL, Scale(messages, accounts)):
            server = Sora(directory, f"{scale.messages:,}")
            servers.append(server)
            if kept is None:
                begin = time.monotonic()
                generate(scale, server.dsn, server.objects)
                _say(f"{server.name} messages in {time.monotonic() - begin:.0f} s")
            _sizes(server)
        few, many = servers
        places = [
            Place(few.name, few, SMALL, SMALL.accounts, random.Random(1)),
            Place(
                f"{many.name}, {SMALL.accounts} accounts",
                many,
                scale,
                SMALL.accounts,
                random.Random(2),
            ),
            Place(f"{many.name}, {accounts:,} accounts", many, scale, accounts, random.Random(3)),
        ]
        figures: dict[str, dict[str, list[float]]] = {}
        for number in range(rounds):
            for workload in WORKLOADS:
                for place in places if number % 2 == 0 else places[::-1]:
                    for row, figure in workload(place):
                        by_server = figures.setdefault(row, {})
                        by_server.setdefault(place.name, []).append(figure)
        names = [place.name for place in places]
        print_table(figures, names, "of the first two, above 1: what size alone costs")
    finally:
        for server in servers:
            server.stop()
        if keep or kept:
            _say(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return 0


# ------------------------------------------------------------------ workloads


def deliver(place: Place) -> list[Row]:
    """One connection, each message to another account; and what is written to the log of PostgreSQL
    for it, with whole pages where a checkpoint was before."""
    server = place.server
    bodies = new_messages(TIMES)
    client = LMTP(server.lmtp)
    before = _wal(server)
    begin = time.perf_counter()
    for body in bodies:
        client.deliver(body, [_somebody(place)])
    seconds = time.perf_counter() - begin
    written = _wal(server) - before
    client.close()
    return [
        ("deliver to a random account", seconds / TIMES),
        ("WAL of a delivery of 4 KB", written / TIMES),
    ]


def open_account(place: Place) -> list[Row]:
    """LOGIN, and SELECT."""
    logins, selects = [], []
    for _ in range(TIMES // 3):
        begin = time.perf_counter()
        client = IMAP(place.server.imap, _somebody(place), place.scale.password)
        middle = time.perf_counter()
        client.command(b"SELECT INBOX")
        logins.append(middle - begin)
        selects.append(time.perf_counter() - middle)
        client.close()
    return [
        ("connect, LOGIN", statistics.median(logins)),
        ("SELECT of 900 messages", statistics.median(selects)),
    ]


def commands(place: Place) -> list[Row]:
    """One command in an INBOX that has just been selected."""
    scale = place.scale
    most = scale.messages // scale.accounts * 8 // 10

    def uids(count: int) -> bytes:
        first = place.rng.randrange(1, most - count)
        return b"%d:%d" % (first, first + count - 1)

    def row(name: str, command: Callable[[], bytes], times: int) -> Row:
        def once() -> float:
            with _session(place) as client:
                line = command()
                begin = time.perf_counter()
                client.command(line)
                return time.perf_counter() - begin

        return name, _median(once, times)

    page = b"(UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE)"
    return [
        row("FETCH of a page of 50", lambda: b"UID FETCH %s %s" % (uids(50), page), TIMES),
        row("FETCH BODY[] of one", lambda: b"UID FETCH %s BODY.PEEK[]" % uids(1), TIMES),
        row("STORE of one", lambda: b"UID STORE %s +FLAGS (\\Flagged)" % uids(1), TIMES),
        row("STORE of 50", lambda: b"UID STORE %s FLAGS (\\Seen)" % uids(50), TIMES),
        row("COPY of one", lambda: b"UID COPY %s Archive" % uids(1), TIMES),
        row("SEARCH SINCE", lambda: b"SEARCH SINCE 20-Nov-2026", TIMES // 3),
        row("SEARCH SUBJECT, without an index", lambda: b"SEARCH SUBJECT zymurgy", TIMES // 3),
    ]


WORKLOADS: tuple[Callable[[Place], list[Row]], ...] = (deliver, open_account, commands)


def _somebody(place: Place) -> str:
    return place.scale.address(place.rng.randrange(place.people))


@contextmanager
def _session(place: Place) -> Iterator[IMAP]:
    client = IMAP(place.server.imap, _somebody(place), place.scale.password)
    try:
        client.command(b"SELECT INBOX")
        yield client
    finally:
        client.close()


def _median(once: Callable[[], float], times: int) -> float:
    return sorted(once() for _ in range(times))[times // 2]


def _wal(server: Sora) -> int:
    """Octets that PostgreSQL has written to its log so far."""
    connection = psycopg2.connect(**server.dsn)  # type: ignore[call-overload]
    with connection.cursor() as cursor:
        cursor.execute("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        (octets,) = cursor.fetchone()
    connection.close()
    return int(octets)


# ------------------------------------------------------------------ what it is


def _sizes(server: Sora) -> None:
    """The largest tables, with their indexes and what is toasted."""
    connection = psycopg2.connect(**server.dsn)  # type: ignore[call-overload]
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname, reltuples::bigint, pg_relation_size(oid),"
            " coalesce(pg_total_relation_size(reltoastrelid), 0), pg_indexes_size(oid)"
            " from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " order by pg_total_relation_size(oid) desc limit 8"
        )
        print("\n| table | rows | MB | toast | indexes |\n| --- | ---: | ---: | ---: | ---: |")
        for name, rows, *octets in cursor.fetchall():
            cells = " | ".join(f"{octet / 2**20:,.0f}" for octet in octets)
            print(f"| {name} | {rows:,} | {cells} |")
        cursor.execute("select pg_database_size(current_database())")
        (total,) = cursor.fetchone()
        print(f"\n{total / 2**30:.1f} GiB in all", flush=True)
    connection.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
