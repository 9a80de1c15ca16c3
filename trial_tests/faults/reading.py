"""What a client finds in the end: every message, and the counts that it is told."""

import re
from collections.abc import Sequence
from typing import Final

from trial_tests.faults.ledger import Found, Place, digest_of, key_of
from trial_tests.faults.load import PASSWORD, _flags
from trial_tests.faults.node import Node
from trial_tests.faults.wires import Imap


async def read_all(node: Node, accounts: Sequence[str]) -> tuple[list[Found], list[str]]:
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
