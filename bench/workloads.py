"""The workloads. Each gives figures in its own unit; the table compares them.

A workload is a function of a server and a `Size`; it prepares, measures and gives a list of
rows `(name, seconds per operation, unit)`. It looks at the answers only as far as is needed
to know that the work was done.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from attrs import frozen

from bench.client import IMAP, LMTP, POP3, Unexpected
from bench.servers import Server

Row = tuple[str, float]
Workload = Callable[[Server, "Size"], list[Row]]


@frozen
class Size:
    """How much of everything."""

    mailbox: int = 10_000
    deliveries: int = 1_000
    singles: int = 500
    idle_sessions: int = 500


@contextmanager
def session(server: Server, mailbox: str = "") -> Iterator[IMAP]:
    """A logged-in session, with a mailbox selected if one is named."""
    client = IMAP(server.imap, server.user, server.password)
    if mailbox:
        client.command(b"SELECT %s" % mailbox.encode())
    try:
        yield client
    finally:
        client.close()


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Seconds that one call takes, in the mean of `times`."""
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) / times


_TEXT = """
quarterly figures attached meeting tomorrow regards invoice project schedule review holiday
customer delivery budget contract server cluster storage migration release weather train
coffee garden recipe mountain river bridge library museum concert ticket family birthday
"""
WORDS = _TEXT.split()


def message(number: int, lines: int = 14) -> bytes:
    """A message of about 4 KB, like mail is: a text and an HTML alternative, long headers.

    The same number gives the same octets. One in a thousand has a rare word.
    """
    rng = random.Random(number)
    text = "\r\n".join(" ".join(rng.choices(WORDS, k=11)) for _ in range(lines))
    rare = " xylophonist" if number % 1000 == 7 else ""
    subject = " ".join(rng.choices(WORDS, k=5)) + (" zymurgy" if number % 500 == 3 else "")
    received = "".join(
        f"Received: from mx{hop}.example.net (mx{hop}.example.net [192.0.2.{hop}])\r\n"
        f"\tby mail.example.org (Postfix) with ESMTPS id {rng.getrandbits(48):012X}\r\n"
        f"\tfor <bench@bench.example>; Mon, 5 Oct 2026 10:{hop:02d}:00 +0000 (UTC)\r\n"
        for hop in range(3)
    )
    html = (
        "<html><body>" + "".join(f"<p>{line}</p>" for line in text.split("\r\n")) + "</body></html>"
    )
    return (
        f"{received}"
        f"Date: Mon, {1 + number % 28} Oct 2026 {number % 24:02d}:15:00 +0200\r\n"
        f"From: Sender {number % 97} <sender{number % 97}@example{number % 13}.net>\r\n"
        f"To: Bench <bench@bench.example>\r\nCc: copy{number % 31}@example.org\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{number}.{rng.getrandbits(64):x}@example.net>\r\n"
        f"MIME-Version: 1.0\r\nX-Mailer: Bench 1.0\r\nX-Spam-Score: {number % 9}.1\r\n"
        f'Content-Type: multipart/alternative; boundary="=_{number:x}"\r\n\r\n'
        f"--=_{number:x}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}{rare}\r\n"
        f"--=_{number:x}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n"
        f"--=_{number:x}--\r\n"
    ).encode()


_numbers = itertools.count(1)
_messages = itertools.count(1_000_000)


def new_messages(count: int) -> list[bytes]:
    """Messages that no workload has used before: a server may know repeated ones."""
    return [message(next(_messages)) for _ in range(count)]


def fill(server: Server, count: int, first: int = 0) -> None:
    """Deliver `count` messages to INBOX over four connections."""
    deliver_all(server, [message(first + n) for n in range(count)])


def deliver_all(
    server: Server,
    messages: list[bytes],
    connections: int = 4,
    recipients: list[str] | None = None,
) -> float:
    """Deliver messages over several connections, in turn to each of the recipients (else to the
    server's user); gives the seconds it took."""
    names = itertools.cycle(recipients or [server.user])
    turns = [next(names) for _ in messages]
    clients = [LMTP(server.lmtp) for _ in range(connections)]
    pairs = list(zip(messages, turns, strict=True))
    shares = [pairs[n::connections] for n in range(connections)]

    def run(client: LMTP, share: list[tuple[bytes, str]]) -> None:
        for body, name in share:
            client.deliver(body, [name])

    begin = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, clients, shares))
    seconds = time.perf_counter() - begin
    for client in clients:
        client.close()
    return seconds


# ------------------------------------------------------------------ the workloads


def deliver(server: Server, size: Size) -> list[Row]:
    """Different messages over four connections."""
    bodies = new_messages(size.deliveries)
    return [("deliver, 4 connections", deliver_all(server, bodies) / size.deliveries)]


def login(server: Server, size: Size) -> list[Row]:
    """Connect, log in, log out."""

    def once() -> None:
        with session(server) as client:
            client.command(b"LOGOUT")

    once()
    return [("login and logout", timed(once, size.singles // 2))]


def select(server: Server, size: Size) -> list[Row]:
    """SELECT of the large mailbox."""
    with session(server) as client:
        first = timed(lambda: client.command(b"SELECT INBOX"))
        rest = timed(lambda: client.command(b"SELECT INBOX"), 30)
    return [("SELECT, first", first), ("SELECT, warm", rest)]


FETCHES = (
    ("flags", b"FLAGS"),
    ("envelope", b"ENVELOPE"),
    ("bodystructure", b"BODYSTRUCTURE"),
    ("header fields", b"BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID)]"),
)


def fetch(server: Server, size: Size) -> list[Row]:
    """FETCH 1:* of what lists are made of, the first time and again."""
    rows = []
    with session(server, "INBOX") as client:
        for name, item in FETCHES:
            whole = b"FETCH 1:* (UID %s)" % item
            rows.append((f"FETCH 1:* {name}, first", timed(lambda w=whole: client.command(w))))
            rows.append((f"FETCH 1:* {name}, warm", timed(lambda w=whole: client.command(w), 3)))
    return rows


def bodies(server: Server, size: Size) -> list[Row]:
    """BODY.PEEK[] one by one, and of 2,000 messages at once."""
    with session(server, "INBOX") as client:
        uids = client.command(b"UID SEARCH ALL").split(b"\r\n")[0].split()[2:]
        chosen = uids[:: max(1, len(uids) // size.singles)][: size.singles]
        one = timed(
            lambda: [client.command(b"UID FETCH %s BODY.PEEK[]" % uid) for uid in chosen]
        ) / len(chosen)
        many = min(2000, len(uids))
        all_ = timed(lambda: client.command(b"FETCH 1:%d BODY.PEEK[]" % many)) / many
    return [("bodies one by one", one), ("bodies at once", all_)]


def retrieve(server: Server, size: Size) -> list[Row]:
    """POP3: the login, the list, each message of INBOX one by one, all headers one by one."""
    # A password is known from its first use on, as for "login".
    POP3(server.pop3, server.user, server.password).ask(b"QUIT")
    clients: list[POP3] = []
    opened = timed(lambda: clients.append(POP3(server.pop3, server.user, server.password)))
    [client] = clients
    count = int(client.ask(b"STAT").split()[1])
    listed = timed(lambda: (client.lines(b"UIDL"), client.lines(b"LIST")))

    def each(command: bytes) -> float:
        work = [command % number for number in range(1, count + 1)]
        return timed(lambda: [client.lines(one) for one in work]) / count

    bodies, headers = each(b"RETR %d"), each(b"TOP %d 0")
    client.ask(b"QUIT")
    client.close()
    return [
        ("POP3 login", opened),
        ("POP3 UIDL and LIST", listed),
        ("POP3 RETR one by one", bodies),
        ("POP3 TOP 0 one by one", headers),
    ]


def store(server: Server, size: Size) -> list[Row]:
    """Flags of single messages, and of all."""
    with session(server, "INBOX") as client:
        one = (
            timed(
                lambda: [
                    client.command(b"STORE %d +FLAGS (\\Flagged)" % (n + 1))
                    for n in range(size.singles)
                ]
            )
            / size.singles
        )
        every = timed(lambda: client.command(b"STORE 1:* +FLAGS (\\Answered)"))
        # So that the next round has something to change.
        client.command(b"STORE 1:* -FLAGS.SILENT (\\Answered \\Flagged)")
    return [("STORE one by one", one), ("STORE 1:*", every)]


def append(server: Server, size: Size) -> list[Row]:
    """APPEND to an own mailbox."""
    name = b"append%d" % next(_numbers)
    new = new_messages(size.singles)
    with session(server) as client:
        client.command(b"CREATE " + name)
        one = timed(lambda: [client.append(name, body) for body in new]) / len(new)
    return [("APPEND", one)]


def copy_expunge(server: Server, size: Size) -> list[Row]:
    """COPY of 1,000 messages to another mailbox, and EXPUNGE of all there."""
    name = b"copy%d" % next(_numbers)
    count = min(1000, size.mailbox)
    with session(server, "INBOX") as client:
        client.command(b"CREATE " + name)
        copied = timed(lambda: client.command(b"COPY 1:%d %s" % (count, name)))
        client.command(b"SELECT " + name)
        client.command(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        expunged = timed(lambda: client.command(b"EXPUNGE"))
    return [(f"COPY {count}", copied), (f"EXPUNGE {count}", expunged)]


def search(server: Server, size: Size) -> list[Row]:
    """SEARCH by flags, subject, body and text, rare and common ones; SORT of all."""
    server.settle()
    with session(server, "INBOX") as client:
        return [
            (name, timed(lambda c=command: client.command(c), 5))
            for name, command in (
                ("SEARCH flags", b"SEARCH FLAGGED UNSEEN"),
                ("SEARCH subject", b"SEARCH SUBJECT zymurgy"),
                ("SEARCH body", b"SEARCH BODY xylophonist"),
                ("SEARCH body, common", b"SEARCH BODY garden"),
                ("SEARCH text", b"SEARCH TEXT xylophonist"),
                ("SEARCH text, common", b"SEARCH TEXT weather"),
                ("SORT by date", b"SORT (DATE) UTF-8 ALL"),
                ("SORT by subject", b"SORT (SUBJECT) UTF-8 ALL"),
            )
        ]


def noop(server: Server, size: Size) -> list[Row]:
    """NOOP with a mailbox selected."""
    with session(server, "INBOX") as client:
        return [("NOOP", timed(lambda: client.command(b"NOOP"), size.singles * 4))]


def mixed(server: Server, size: Size) -> list[Row]:
    """Eight connections, each with its own mailbox, doing a bit of everything."""
    each = size.singles // 2
    start = next(_numbers)

    def run(number: int) -> None:
        name = b"mixed%d" % (start * 10 + number)
        rng = random.Random(number)
        with session(server) as client:
            client.command(b"CREATE " + name)
            for body in new_messages(10):
                client.append(name, body)
            client.command(b"SELECT " + name)
            for _ in range(each):
                chosen = 1 + rng.randrange(10)
                client.command(
                    rng.choice(
                        (
                            b"NOOP",
                            b"FETCH %d (FLAGS ENVELOPE)" % chosen,
                            b"FETCH %d BODY.PEEK[]" % chosen,
                            b"STORE %d +FLAGS (\\Seen)" % chosen,
                            b"STORE %d -FLAGS (\\Seen)" % chosen,
                            b"SEARCH UNSEEN",
                            b"STATUS INBOX (MESSAGES UNSEEN)",
                        )
                    )
                )

    begin = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    return [("mixed, 8 connections", (time.perf_counter() - begin) / (8 * each))]


def idle(server: Server, size: Size) -> list[Row]:
    """From LMTP's 250 to EXISTS in an IDLE session: the median of 20."""
    rounds = 20
    with session(server, "INBOX") as client:
        tag = client.send(b"IDLE")
        client.line()
        lmtp = LMTP(server.lmtp)
        seen: list[float] = []
        arrived = threading.Event()

        def listen() -> None:
            while len(seen) < rounds:
                if b"EXISTS" in client.line():
                    seen.append(time.perf_counter())
                    arrived.set()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        delays = []
        for body in new_messages(rounds):
            arrived.clear()
            lmtp.deliver(body, [server.user])
            answered = time.perf_counter()
            if not arrived.wait(30):
                raise Unexpected("IDLE did not tell of a message within 30 s")
            delays.append(max(0.0, seen[-1] - answered))
            time.sleep(0.05)
        listener.join(5)
        client.socket.sendall(b"DONE\r\n")
        client.answer(tag)
        lmtp.close()
    return [("IDLE, from 250 to EXISTS", sorted(delays)[rounds // 2])]


def idle_memory(server: Server, size: Size) -> list[Row]:
    """Memory of one more session that idles in the large mailbox, in octets."""
    warm = IMAP(server.imap, server.user, server.password)
    warm.command(b"SELECT INBOX")
    before = server.session_memory()
    clients = []
    for _ in range(size.idle_sessions):
        client = IMAP(server.imap, server.user, server.password)
        client.command(b"SELECT INBOX")
        client.send(b"IDLE")
        client.line()
        clients.append(client)
    time.sleep(0.5)
    after = server.session_memory()
    for client in [*clients, warm]:
        client.close()
    return [("memory per idle session", (after - before) / size.idle_sessions)]


ALL: tuple[Workload, ...] = (
    deliver,
    select,
    fetch,
    bodies,
    retrieve,
    search,
    store,
    append,
    copy_expunge,
    noop,
    mixed,
    login,
    idle,
    idle_memory,
)

__all__ = ["ALL", "Row", "Size", "fill"]
