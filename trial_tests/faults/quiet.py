"""When nothing waits any more, and nothing is in use: what should come to rest after the faults, and
did not, is a leak."""

import time
from collections.abc import Sequence
from typing import Any, Final

from trial_tests.faults.node import Node, value_of
from trial_tests.faults.world import World

QUIET_WITHIN: Final = 60.0
"""seconds after which a world that is not quiet has a fault of its own"""
_STEP: Final = 0.05
_PASSING: Final = 3
"""steps between two passings of time"""
TASKS: Final = 8
"""pieces of work that a process without clients has under way: its loops, and a look at its health"""
FILES: Final = 80
"""files and sockets of such a process, with its pool and what it keeps open to the store"""

_STAGED: Final = """
SELECT c.id, c.state, c.size, date_trunc('second', now() - c.created_at)::text AS age, o.id::text,
    o.store, o.state, o.attempts, (o.due_at - now())::text AS due,
    (SELECT count(*) FROM staging s WHERE s.content_id = c.id AND s.slot = c.staging_slot) AS pieces
FROM contents c LEFT JOIN objects o ON o.content_id = c.id WHERE c.staging_slot IS NOT NULL AND c.state = 'live'
"""
_LEFT: Final[Sequence[tuple[str, str]]] = (
    ("a body is staged still", _STAGED),
    (
        "an account is deleted, and not gone",
        "SELECT id, deleted_at FROM accounts WHERE deleted_at IS NOT NULL",
    ),
    (
        "an expunged message is kept beyond its grace",
        "SELECT mailbox_id, uid, expunged_at FROM expunged"
        " WHERE expunged_at < now() - interval '1 second'",
    ),
    ("a content without messages is not gone", "SELECT content_id, since FROM orphans"),
    (
        "a content is not what it was to become",
        "SELECT id, state FROM contents WHERE state <> 'live'",
    ),
    ("an object is not deleted", "SELECT id::text, state FROM objects WHERE state = 'deleting'"),
)
_BACKENDS: Final = """
SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%')
FROM pg_stat_activity WHERE datname = 'sora' AND usename = 'sora' AND pid <> pg_backend_pid()
"""


_UNMET: Final = """
SELECT name FROM processes GROUP BY name HAVING max(seen_at) <= '{begun}'
"""
"""Who believed to be alone knows of a process that has started with its next heartbeat; until then it
may show a mailbox that was open lately as it was."""


def wait_until_quiet(world: World) -> list[str]:
    """Until nothing waits, nothing is in use, and all processes know of each other; gives what does
    not end."""
    deadline = time.monotonic() + QUIET_WITHIN
    ((begun,),) = world.rows("SELECT clock_timestamp()::text")
    unmet = _UNMET.format(begun=begun)
    step = 0
    while wrongs := _unquiet(world) or [f"no heartbeat of {name}" for (name,) in world.rows(unmet)]:
        if time.monotonic() > deadline:
            return wrongs
        if step % _PASSING == 0:
            world.time_passes()
        step += 1
        time.sleep(_STEP)
    return []


def _unquiet(world: World) -> list[str]:
    said = []
    for what, sql in _LEFT:
        said += [f"{what}: {row}" for row in world.rows(sql)[:3]]
    pooled = 0.0
    for number, node in enumerate(world.nodes):
        metrics = node.metrics()
        said += [f"node {number}: {text}" for text in _leaks(node, metrics)]
        pooled += value_of(metrics, "sora_db_pool_total_conns", "[^}]*")
    ((backends, held),) = world.rows(_BACKENDS)
    if held:
        said.append(f"{held} transactions are open in PostgreSQL, and nothing happens in them")
    if backends > pooled:
        said.append(f"PostgreSQL has {backends} connections, and the pools have {pooled:g}")
    return said


def _leaks(node: Node, metrics: str) -> list[str]:
    """What a node holds that nobody wants any more, and what it is ill with."""
    said = []
    for name, labels, most in (
        ("sora_connections_current", r'[^}]*protocol="(?:imap|lmtp|pop3)"[^}]*', 0),
        ("sora_db_pool_in_use_conns", "[^}]*", 0),
        ("sora_db_pool_waiting", "[^}]*", 0),
        ("sora_relay_queue_depth", '[^}]*state="(?:waiting|sending|held)"[^}]*', 0),
        ("sora_tasks_running", "", TASKS),
    ):
        if (value := value_of(metrics, name, labels)) > most:
            said.append(f"{name} is {value:g}")
    said += [f"{proxy.open} connections of clients are open" for proxy in _open_fronts(node)]
    files = node.open_files()
    if len(files) > FILES:
        said.append(f"{len(files)} files and sockets are open: {sorted(files)}")
    if spooled := [one for one in files if one.endswith(" (deleted)")]:
        said.append(f"files are open that are gone: {spooled}")
    return said + _ills(node.ask("GET", "/admin/health/overview")[1])


def _open_fronts(node: Node) -> list[Any]:
    return [proxy for proxy in node.links.front.values() if proxy.open]


def _ills(health: Any) -> list[str]:
    if health["status"] == "healthy":
        return []
    return [
        f"{one['name']} is {one['status']}: {one['text']}"
        for one in health["components"]
        if one["status"] != "healthy"
    ] or [f"its health is {health['status']}"]
