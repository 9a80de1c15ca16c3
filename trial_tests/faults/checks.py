"""What has to be true of a quiet world, whatever happened to it before."""

import http.client
import re
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from trial_tests.faults.ledger import Found, Ledger, Place, digest_of, key_of
from trial_tests.faults.load import PASSWORD, _flags
from trial_tests.faults.wires import Imap
from trial_tests.faults.world import Node, World
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY

QUIET_WITHIN: Final = 60.0
"""seconds after which a world that is not quiet has a fault of its own"""
_STEP: Final = 0.05
_PASSING: Final = 20
"""steps between two passings of time"""

_RECOUNT: Final = """
SELECT b.account_id, b.id, b.name, (b.messages, b.unseen, b.deleted, b.size)::text,
    (count(m.uid), count(m.uid) FILTER (WHERE m.flags & 1 = 0),
     count(m.uid) FILTER (WHERE m.flags & 8 <> 0), coalesce(sum(m.size), 0))::text
FROM mailboxes b LEFT JOIN messages m ON m.mailbox_id = b.id
GROUP BY b.id HAVING (b.messages, b.unseen, b.deleted, b.size) IS DISTINCT FROM
    (count(m.uid), count(m.uid) FILTER (WHERE m.flags & 1 = 0),
     count(m.uid) FILTER (WHERE m.flags & 8 <> 0), coalesce(sum(m.size), 0))
"""
_LOST: Final = """
SELECT m.mailbox_id, m.uid, c.id, c.state, c.staging_slot, o.id, o.state
FROM messages m LEFT JOIN contents c ON c.id = m.content_id
LEFT JOIN objects o ON o.content_id = c.id
WHERE c.id IS NULL OR c.state <> 'live' OR (c.staging_slot IS NULL AND NOT EXISTS (
    SELECT FROM objects s WHERE s.content_id = c.id AND s.state = 'stored' AND s.stored_size = c.size))
"""
_FORGOTTEN: Final = """
SELECT c.id, c.created_at FROM contents c WHERE c.state = 'live'
    AND NOT EXISTS (SELECT FROM messages m WHERE m.content_id = c.id)
    AND NOT EXISTS (SELECT FROM expunged e WHERE e.content_id = c.id)
    AND NOT EXISTS (SELECT FROM orphans o WHERE o.content_id = c.id)
"""
_STAGED: Final = """
SELECT c.id, c.state, c.size, date_trunc('second', now() - c.created_at)::text AS age, o.id::text,
    o.store, o.state, o.attempts, (o.due_at - now())::text AS due,
    (SELECT count(*) FROM staging s WHERE s.content_id = c.id AND s.slot = c.staging_slot) AS pieces
FROM contents c LEFT JOIN objects o ON o.content_id = c.id WHERE c.staging_slot IS NOT NULL AND c.state = 'live'
"""
_UNBORN: Final = """
SELECT m.mailbox_id, m.uid, b.uidnext, m.modseq, b.highest_modseq FROM messages m
JOIN mailboxes b ON b.id = m.mailbox_id WHERE m.uid >= b.uidnext OR m.modseq > b.highest_modseq
"""


def wait_until_quiet(world: World) -> list[str]:
    """Until nothing waits and nothing is in use; gives what does not end."""
    deadline = time.monotonic() + QUIET_WITHIN
    step = 0
    while wrongs := _unquiet(world):
        if time.monotonic() > deadline:
            return wrongs
        if step % _PASSING == 0:
            world.time_passes()
        step += 1
        time.sleep(_STEP)
    return []


def _unquiet(world: World) -> list[str]:
    said = []
    said += [f"a body is staged still: {row}" for row in world.rows(_STAGED)[:5]]
    for number, node in enumerate(world.nodes):
        said += [f"node {number}: {text}" for text in _leaks(node)]
    return said


def _leaks(node: Node) -> list[str]:
    """What a node holds that nobody wants any more, and what it is ill with."""
    said = []
    for name, labels in (
        ("sora_connections_current", r'[^}]*protocol="(?:imap|lmtp|pop3)"[^}]*'),
        ("sora_db_pool_in_use_conns", "[^}]*"),
        ("sora_db_pool_waiting", "[^}]*"),
    ):
        if value := node.metric(name, labels):
            said.append(f"{name} is {value:g}")
    health = node.ask("GET", "/admin/health/overview")[1]
    if health["status"] != "healthy":
        said += [
            f"{one['name']} is {one['status']}: {one['text']}"
            for one in health["components"]
            if one["status"] != "healthy"
        ] or [f"its health is {health['status']}"]
    return said


async def read_all(
    node: Node, ledger: Ledger, accounts: Sequence[str]
) -> tuple[list[Found], list[str]]:
    """Every message of these accounts, as a client reads it; and where the counts that it is told are
    not those of what is there."""
    found: list[Found] = []
    wrongs: list[str] = []
    for account in accounts:
        wire = await Imap.open(node.sora.imap)
        try:
            await wire.greeted()
            said = await wire.ask(f"LOGIN {account} {PASSWORD}".encode())
            if not said.is_ok:
                wrongs.append(f"{account} cannot log in: {said.tagged!r}")
                continue
            for name in ("INBOX", "Archive"):
                there, problems = await _read_mailbox(wire, account, name)
                found += there
                wrongs += problems
            await wire.leave()
        finally:
            wire.close()
    return found, wrongs


async def _read_mailbox(wire: Imap, account: str, name: str) -> tuple[list[Found], list[str]]:
    found, wrongs = [], []
    status = await wire.ask(f"STATUS {name} (MESSAGES UNSEEN SIZE)".encode())
    await wire.ask(f"EXAMINE {name}".encode())
    listed = await wire.ask(b"UID FETCH 1:* (UID FLAGS RFC822.SIZE)")
    if not listed.is_ok:
        return [], [f"{account} {name}: {listed.tagged!r}"]
    octets = unseen = 0
    for response in listed.untagged:
        if b"FETCH" not in response:
            continue
        uid = int(_number(rb"UID (\d+)", response))
        flags = _flags(response)
        # One at a time: all of a mailbox at once would be one failure for all of it.
        said = await wire.ask(b"UID FETCH %d BODY.PEEK[]" % uid)
        body = next((one for one in said.untagged if b"BODY[] {" in one), None)
        if body is None:
            wrongs.append(f"{account} {name} {uid}: cannot be read: {said.all()[:200]!r}")
            continue
        literal = body.partition(b"}\r\n")[2][: int(_number(rb"\{(\d+)\}\r\n", body))]
        if len(literal) != int(_number(rb"RFC822.SIZE (\d+)", response)):
            wrongs.append(f"{account} {name} {uid}: RFC822.SIZE is not that of its body")
        octets += len(literal)
        unseen += "\\Seen" not in flags
        found.append(
            Found(account, key_of(literal), digest_of(literal), Place(name, uid), frozenset(flags))
        )
    told = [int(_number(rb"%b (\d+)" % word, status.all())) for word in _COUNTED]
    if told != [len(found), unseen, octets]:
        wrongs.append(f"{account} {name}: STATUS says {told}, found {len(found), unseen, octets}")
    return found, wrongs


_COUNTED: Final = (b"MESSAGES", b"UNSEEN", b"SIZE")


def _number(pattern: bytes, text: bytes) -> bytes:
    found = re.search(pattern, text)
    return found[1] if found else b"0"


def check_rows(world: World) -> list[str]:
    """G16, G3, G29: the database agrees with itself."""
    said = []
    for what, sql in (
        ("counters are not recounts (G16)", _RECOUNT),
        ("a message without its body (G1, G3)", _LOST),
        ("a content that nothing refers to, and the cleaner never will see", _FORGOTTEN),
        ("a message beyond its mailbox's counters (G29)", _UNBORN),
    ):
        said += [f"{what}: {row}" for row in world.rows(sql)[:5]]
    return said


def check_objects(world: World) -> list[str]:
    """G1, G6: each stored object is in the bucket, with its size; what is in the bucket has a row.
    The cleaner may be at work: what it takes meanwhile is in neither of two looks."""
    before, listed, after = _stored(world), _bucket(world), _stored(world)
    any_row = {name for (name,) in world.rows("SELECT id::text FROM objects")}
    said = []
    for name in before.keys() & after.keys():
        if name not in listed:
            said.append(f"object {name} is missing in the bucket")
        elif listed[name] != before[name]:
            said.append(f"object {name} has {listed[name]} octets, not {before[name]}")
    strangers = listed.keys() - before.keys() - any_row
    said += [f"object {name} is in the bucket, and no row knows of it" for name in strangers]
    return said


def _stored(world: World) -> dict[str, int]:
    rows = world.rows("SELECT id::text, stored_size FROM objects WHERE state = 'stored'")
    return dict(rows)


def _bucket(world: World) -> dict[str, int]:
    """Names and sizes of what the store has below this database's prefix."""
    prefix = f"{world.database_id}/"
    found: dict[str, int] = {}
    last = ""
    while True:
        query = f"list-type=2&max-keys=1000&prefix={quote(prefix, safe='')}"
        if last:
            query += f"&start-after={quote(last, safe='')}"
        text = _get(world, f"/{BUCKET}?{query}")
        page = re.findall(r"<Contents>.*?<Key>([^<]+)</Key>.*?<Size>(\d+)</Size>", text, re.S)
        new = [(key, int(size)) for key, size in page if key > last]
        if not new:
            return found
        found.update((key.removeprefix(prefix), size) for key, size in new)
        last = new[-1][0]


def _get(world: World, path: str) -> str:
    request = AWSRequest(method="GET", url=f"http://{world.store.endpoint}{path}", data=b"")
    S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(world.store.endpoint, timeout=20)
    try:
        connection.request("GET", path, headers=dict(request.headers.items()))
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"the bucket cannot be listed: {answer.status} {text[:300]}")
        return text
    finally:
        connection.close()
