"""Further objects of contents, in memory."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from attrs import frozen
from zope.interface import implementer

from sora.errors import Unavailable
from sora.storage.interfaces import ICopies
from sora.storage.memory.records import CopyRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import Backlog, Copy, ObjectPlace, StoredObject


@implementer(ICopies)
@frozen
class MemoryCopies:
    """`ICopies` in dicts."""

    tables: MemoryStore

    @operation
    def copy_to(self, stores: Sequence[str]) -> None:
        """See `ICopies.copy_to`."""
        targets, copies = self.tables.copy_targets, self.tables.copies
        for store in set(targets) - set(stores):
            del targets[store]
        for key in [key for key in copies if key[1] not in stores]:
            del copies[key]
        for store in stores:
            targets.setdefault(store, UUID(int=0))

    @operation
    def fill(self, store: str, limit: int) -> int:
        """See `ICopies.fill`."""
        after = self.tables.copy_targets.get(store)
        if after is None:
            return 0
        names = sorted(name for name in self.tables.objects if name > after)[:limit]
        for name in names:
            self.tables.queue_copies(self.tables.objects[name], [store])
        if names:
            self.tables.copy_targets[store] = names[-1]
        return len(names)

    @operation
    def claim(self, store: str, limit: int, lease: timedelta) -> Sequence[Copy]:
        """See `ICopies.claim`."""
        now = self.tables.now()
        claimed: list[Copy] = []
        for (content_id, target), waiting in sorted(
            self.tables.copies.items(), key=lambda item: item[1].created_at
        ):
            content = self.tables.contents.get(content_id)
            if content is None or content.state != "live" or target != store:
                continue
            if waiting.due_at <= now and len(claimed) < limit:
                waiting.due_at = now + lease
                attempts = waiting.attempts
                claimed.append(Copy(content_id, store, content.hash, content.size, attempts))
        return claimed

    @operation
    def bind(
        self, content_id: int, place: ObjectPlace, checksum: str, replaces: UUID | None
    ) -> bool:
        """See `ICopies.bind`."""
        tables = self.tables
        content = tables.contents.get(content_id)
        entry = tables.objects.get(place.id)
        if content is None or content.state != "live":
            return False
        if entry is not None and entry.content_id == content_id and entry.state == "stored":
            return True
        stored = [each for each in tables.objects_of(content_id) if each.state == "stored"]
        if replaces is not None:
            replaced = next((each for each in stored if each.id == replaces), None)
            if replaced is None:
                return False
        elif any(each.store == place.store for each in stored):
            tables.copies.pop((content_id, place.store), None)
            return False
        if entry is None or entry.content_id is not None or entry.state != "pending":
            raise Unavailable("The reservation of this object has ended")
        if replaces is not None:
            tables.objects[replaces].state = "deleting"
            tables.objects[replaces].due_at = tables.now()
        entry.content_id, entry.store, entry.key_id = content_id, place.store, place.key_id
        entry.stored_size, entry.checksum = place.stored_size, checksum
        tables.becomes_stored(entry)
        tables.copies.pop((content_id, place.store), None)
        return True

    @operation
    def postpone(self, copy: Copy, delay: timedelta, count: bool) -> None:
        """See `ICopies.postpone`."""
        waiting = self.tables.copies.get((copy.content_id, copy.store))
        if waiting is not None:
            waiting.due_at = self.tables.now() + delay
            waiting.attempts += count

    @operation
    def backlog(self, store: str) -> Backlog:
        """See `ICopies.backlog`."""
        waiting: list[tuple[CopyRecord, int]] = []
        for (content_id, target), copy in self.tables.copies.items():
            content = self.tables.contents.get(content_id)
            if target == store and content is not None and content.state == "live":
                waiting.append((copy, content.size))
        if not waiting:
            return Backlog(0, 0, 0.0)
        oldest = min(copy.created_at for copy, _ in waiting)
        age = (self.tables.now() - oldest).total_seconds()
        return Backlog(len(waiting), sum(size for _, size in waiting), max(0.0, age))

    @operation
    def retry(self) -> int:
        """See `ICopies.retry`."""
        refused = [copy for copy in self.tables.copies.values() if copy.attempts]
        for copy in refused:
            copy.due_at, copy.attempts = self.tables.now(), 0
        return len(refused)

    @operation
    def page(self, after: UUID, limit: int) -> Sequence[StoredObject]:
        """See `ICopies.page`."""
        found = []
        for name in sorted(self.tables.objects):
            entry = self.tables.objects[name]
            content = self.tables.contents.get(entry.content_id or 0)
            if name > after and entry.state == "stored" and content and content.state == "live":
                found.append(StoredObject(entry.place(), content.id, content.hash, content.size))
        return found[:limit]
