"""What has to be true of a quiet world, whatever happened to it before."""

import http.client
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from trial_tests.faults.world import World
from trial_tests.support.seaweedfs import ACCESS_KEY, BUCKET, SECRET_KEY

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
_UNBORN: Final = """
SELECT m.mailbox_id, m.uid, b.uidnext, m.modseq, b.highest_modseq FROM messages m
JOIN mailboxes b ON b.id = m.mailbox_id WHERE m.uid >= b.uidnext OR m.modseq > b.highest_modseq
"""


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
    """G1, G6: each stored object is in the bucket, or on the disk, with its size; what is there has a
    row. The cleaner may be at work: what it takes meanwhile is in neither of two looks."""
    before, listed, after = _stored(world), _listed(world), _stored(world)
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


def _listed(world: World) -> dict[str, int]:
    if world.bodies is None:
        return _bucket(world)
    files = (world.bodies.path / "objects").glob("???/*")
    return {file.name: file.stat().st_size for file in files if _is_object(file)}


def _is_object(file: Path) -> bool:
    """Not what a process that was killed was just writing: that goes with the next start."""
    return not file.name.startswith(".")


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
    assert world.store is not None
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
