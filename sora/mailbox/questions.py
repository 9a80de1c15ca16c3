"""What running scripts ask for, answered: from what RCPT has read where that has it, and from
storage for what a script wants to know besides (annotations, duplicates, included scripts,
mailboxes of others). The body is read only if a script wants to see it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol

from attrs import define, field

from sora.errors import BadSyntax, NoSuchMailbox, NoSuchScript, NotPermitted
from sora.mail.annotations import Entry, parse_entry
from sora.mailbox.address_books import annotation_of, first_among, members_of
from sora.mailbox.chains import FilterRooms
from sora.mailbox.folders import Folders
from sora.mailbox.wishes import ARRIVED, Version
from sora.sieve.effects import (
    GetMetadata,
    InList,
    ListExists,
    ListMembers,
    LoadScript,
    MailboxExists,
    MailboxIdExists,
    Question,
    ReadMessage,
    SeenBefore,
    SpecialUseExists,
)
from sora.sieve.errors import ScriptErrors
from sora.sieve.script import Script
from sora.storage.rows import Recipient

MOST_METADATA: Final = 64 * 1024
"""Octets of an annotation that a script can see."""


class Text(Protocol):
    """The octets of a message: those of a spool, or of a stored message."""

    async def read(self, limit: int) -> bytes:
        """The first `limit` octets."""


@define(eq=False)
class Answers:
    """Answers to the questions of one recipient's scripts. `version` is the message that the
    script which is running sees."""

    rooms: FilterRooms
    recipient: Recipient
    folders: Folders
    text: Text
    seen: set[bytes] | None
    version: Version = ARRIVED
    _lists: dict[str, tuple[str, ...] | None] = field(factory=dict)

    async def answer(self, question: Question) -> Any:
        """What the script is to be told. Raises Unavailable."""
        match question:
            case MailboxExists(names):
                return await self._all_exist(names)
            case SpecialUseExists(None, uses):
                return all(self.folders.by_use(use) is not None for use in uses)
            case SpecialUseExists(str(mailbox), uses):
                return self.folders.has_use(mailbox, uses)
            case MailboxIdExists(object_id):
                return self.folders.by_id(object_id) is not None
            case GetMetadata(mailbox, entries):
                return await self._metadata(mailbox, entries)
            case LoadScript(name, location):
                return await self._load(name, location)
            case SeenBefore(handle, id):
                return await self._seen_before(seen_key(handle, id))
            case ReadMessage(limit):
                return await self._read(limit)
            case InList(name, values):
                return first_among(values, await self._list(name) or ())
            case ListMembers(name, limit):
                members = await self._list(name)
                return None if members is None else members[:limit]
            case ListExists(name):
                return await self._list(name) is not None

    async def _all_exist(self, names: Sequence[str]) -> bool:
        for name in names:
            if await self.folders.find(name) is None:
                return False
        return True

    async def _list(self, name: str) -> tuple[str, ...] | None:
        """The members of an external list, read once; None if there is none (RFC 6134)."""
        if name not in self._lists:
            entry = annotation_of(name)
            (value,) = (None,) if entry is None else await self._metadata(None, (entry,))
            self._lists[name] = members_of(name, value)
        return self._lists[name]

    async def _metadata(self, mailbox: str | None, names: Sequence[str]) -> tuple[str | None, ...]:
        entries: list[Entry | None] = []
        for name in names:
            try:
                entries.append(parse_entry(name.encode("utf-8", "replace")))
            except BadSyntax:
                entries.append(None)
        wanted = [entry for entry in entries if entry is not None]
        account_id, key = self.recipient.account_id, None
        if mailbox is not None:
            folder = await self.folders.find(mailbox)
            if folder is None:
                return (None,) * len(names)
            account_id, key = folder.account_id, folder.name
        values: dict[Entry, bytes | None] = {}
        if wanted:
            try:
                annotated = await self.rooms.metadata.read(
                    account_id, key, self.recipient.account_id, wanted, 0, MOST_METADATA
                )
            except (NoSuchMailbox, NotPermitted):
                return (None,) * len(names)
            values = {one.entry: one.value for one in annotated.annotations}
        found = (None if entry is None else values.get(entry) for entry in entries)
        return tuple(None if value is None else value.decode("utf-8", "replace") for value in found)

    async def _load(self, name: str, location: str) -> Script | ScriptErrors | None:
        owner = self.recipient.account_id
        if location == "global":
            domain = self.recipient.address.rpartition("@")[2]
            found = await self.rooms.rights.domain_owner(domain)
            if found is None:
                return None
            owner = found.account_id
        try:
            return await self.rooms.compiler.compile(await self.rooms.scripts.get(owner, name))
        except NoSuchScript:
            return None
        except ScriptErrors as errors:
            return errors

    async def _seen_before(self, key: bytes) -> bool:
        if self.seen is not None and key in self.seen:
            return True
        return bool(await self.rooms.messages.seen_before(self.recipient.account_id, key))

    async def _read(self, limit: int) -> bytes:
        before = sum(edit.body_start for edit in self.version.edits)
        return self.version.octets(await self.text.read(limit + before))[:limit]


def seen_key(handle: str, id: str) -> bytes:
    """What a duplicate is remembered by (RFC 7352): 32 octets."""
    return _digest("duplicate", handle, id)


def _digest(*texts: str) -> bytes:
    digest = blake2b(digest_size=32)
    for text in texts:
        octets = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(octets) + octets)
    return digest.digest()
