"""Mail that comes in by LMTP: one connection and ten, many recipients, with and without Sieve."""

from bench.client import LMTP
from bench.servers import Server
from bench.workloads import Row, Size, deliver_all, new_messages, timed

RECIPIENTS = 50
SCRIPT = "".join(
    ['require ["fileinto", "imap4flags"];\r\n']
    + [
        f'if anyof (address :domain "from" "list{n}.example", header :contains "subject" '
        f'"[list{n}]") {{ fileinto "INBOX"; stop; }}\r\n'
        for n in range(10)
    ]
    + ['addflag "$read";\r\nkeep;\r\n']
)
"""ten rules, of which none fits, and a keep with a flag"""


def people(count: int) -> list[str]:
    """Addresses of accounts that a server makes for `lmtp`."""
    return [f"p{number}@bench.example" for number in range(count)]


FILTERED = "filtered@bench.example"


def lmtp(server: Server, size: Size) -> list[Row]:
    """Different messages to one mailbox each, or to 50 mailboxes; and through a script."""
    server.prepare(people(RECIPIENTS), FILTERED, SCRIPT)
    rows = []
    one = LMTP(server.lmtp)
    bodies = iter(new_messages(size.singles))
    rows.append(
        (
            "LMTP, 1 connection",
            timed(lambda: one.deliver(next(bodies), [server.user]), size.singles - 1),
        )
    )
    count = size.deliveries
    spread = people(RECIPIENTS)
    rows.append(
        (
            "LMTP, 10 connections, a mailbox each",
            deliver_all(server, new_messages(count), 10, spread) / count,
        )
    )
    few = size.singles // 10
    bodies = iter(new_messages(few + 1))
    rows.append(
        (
            "LMTP, 50 recipients, for each",
            timed(lambda: one.deliver(next(bodies), spread), few) / RECIPIENTS,
        )
    )
    one.close()
    rows.append(
        (
            "LMTP with Sieve, 10 rules, 4 connections",
            deliver_all(server, new_messages(count), 4, [FILTERED]) / count,
        )
    )
    rows.append(
        (
            "LMTP without Sieve, 4 connections",
            deliver_all(server, new_messages(count), 4, spread[:1]) / count,
        )
    )
    return rows
