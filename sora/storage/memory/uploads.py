"""Contents on their way to the object stores, and what cleans up, in memory."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from attrs import frozen
from zope.interface import implementer

from sora.storage.interfaces import IMembership, IUploads
from sora.storage.memory.records import ContentRecord, ObjectRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import Backlog, Beat, ObjectPlace, Upload, UploadQueue


@implementer(IUploads)
@frozen
class MemoryUploads:
    """`IUploads` in dicts."""

    tables: MemoryStore

    @operation
    def reserve(self, store: str, count: int) -> Sequence[UUID]:
        """See `IUploads.reserve`."""
        return [self._new_object(store, None).id for _ in range(count)]

    @operation
    def known(self, scope_id: int, hash: bytes) -> bool:
        """See `IUploads.known`."""
        return (scope_id, hash) in self.tables.live

    @operation
    def stage_piece(
        self,
        scope_id: int,
        hash: bytes,
        size: int,
        content_id: int | None,
        number: int,
        piece: bytes,
    ) -> int:
        """See `IUploads.stage_piece`."""
        if content_id is None:
            content = ContentRecord(
                id=self.tables.new_id(),
                scope_id=scope_id,
                hash=hash,
                size=size,
                state="pending",
                created_at=self.tables.now(),
                pieces=[],
            )
            self.tables.contents[content.id] = content
        else:
            content = self.tables.contents[content_id]
        assert content.pieces is not None and len(content.pieces) >= number, "pieces in order"
        content.pieces[number:] = [piece]
        return content.id

    @operation
    def staged(self, content_id: int, first: int, count: int) -> Sequence[bytes]:
        """See `IUploads.staged`."""
        content = self.tables.contents.get(content_id)
        if content is None or content.pieces is None:
            return []
        return content.pieces[first : first + count]

    @operation
    def staged_bodies(self, content_ids: Sequence[int]) -> Mapping[int, bytes]:
        """See `IUploads.staged_bodies`."""
        found = ((content_id, self.tables.contents.get(content_id)) for content_id in content_ids)
        return {
            content_id: b"".join(content.pieces)
            for content_id, content in found
            if content is not None and content.pieces is not None
        }

    @operation
    def place_of(self, content_id: int) -> tuple[bool, Sequence[ObjectPlace]]:
        """See `IUploads.place_of`."""
        content = self.tables.contents.get(content_id)
        return (
            content is not None and content.pieces is not None,
            tuple(
                entry.place()
                for entry in self.tables.objects_of(content_id)
                if entry.state == "stored"
            ),
        )

    @operation
    def claim(self, store: str, limit: int, lease: timedelta) -> Sequence[Upload]:
        """See `IUploads.claim`."""
        now = self.tables.now()
        claimed: list[Upload] = []
        for content in _waiting(self.tables):
            pending = [
                entry
                for entry in self.tables.objects_of(content.id)
                if entry.store == store and entry.state == "pending"
            ]
            if len(claimed) >= limit or any(entry.due_at > now for entry in pending):
                continue
            entry = pending[0] if pending else self._new_object(store, content.id)
            entry.due_at = now + lease
            claimed.append(Upload(content.id, entry.id, content.hash, content.size, entry.attempts))
        return claimed

    @operation
    def finish(self, upload: Upload, stored_size: int, checksum: str, key_id: str | None) -> None:
        """See `IUploads.finish`."""
        entry = self.tables.objects.get(upload.object_id)
        content = self.tables.contents.get(upload.content_id)
        if entry is None or content is None or entry.state == "deleting":
            return
        entry.stored_size, entry.checksum, entry.key_id = stored_size, checksum, key_id
        self.tables.becomes_stored(entry)
        content.pieces = None

    @operation
    def finish_many(
        self, stored: Sequence[tuple[Upload, int, str]], key_id: str | None
    ) -> Sequence[UUID]:
        """See `IUploads.finish_many`."""
        done = []
        for upload, size, checksum in stored:
            entry = self.tables.objects.get(upload.object_id)
            content = self.tables.contents.get(upload.content_id)
            if entry is not None and content is not None and entry.state == "pending":
                entry.stored_size, entry.key_id, entry.checksum = size, key_id, checksum
                self.tables.becomes_stored(entry)
                content.pieces = None
                done.append(upload.object_id)
        return done

    @operation
    def postpone(self, upload: Upload, delay: timedelta, count: bool) -> None:
        """See `IUploads.postpone`."""
        entry = self.tables.objects.get(upload.object_id)
        if entry is not None and entry.state == "pending":
            entry.due_at = self.tables.now() + delay
            entry.attempts += count

    @operation
    def backlog(self) -> Backlog:
        """See `IUploads.backlog`."""
        waiting = _waiting(self.tables)
        if not waiting:
            return Backlog(0, 0, 0.0)
        age = (self.tables.now() - waiting[0].created_at).total_seconds()
        return Backlog(len(waiting), sum(content.size for content in waiting), max(0.0, age))

    @operation
    def queue(self) -> UploadQueue:
        """See `IUploads.queue`."""
        now = self.tables.now()
        waiting = _waiting(self.tables)
        entries = [
            entry
            for content in waiting
            for entry in self.tables.objects_of(content.id)
            if entry.state == "pending"
        ]
        oldest = max([(now - content.created_at).total_seconds() for content in waiting] + [0.0])
        return UploadQueue(
            len(waiting),
            sum(content.size for content in waiting),
            oldest,
            sum(entry.due_at > now and not entry.attempts for entry in entries),
            sum(entry.attempts > 0 for entry in entries),
        )

    @operation
    def retry(self) -> int:
        """See `IUploads.retry`."""
        refused = [
            entry
            for entry in self.tables.objects.values()
            if entry.state == "pending" and entry.content_id is not None and entry.attempts
        ]
        for entry in refused:
            entry.due_at, entry.attempts = self.tables.now(), 0
        return len(refused)

    def _new_object(self, store: str, content_id: int | None) -> ObjectRecord:
        now = self.tables.now()
        entry = ObjectRecord(self.tables.new_uuid(), store, now, now, content_id)
        self.tables.objects[entry.id] = entry
        return entry


def _waiting(tables: MemoryStore) -> list[ContentRecord]:
    """Live staged contents, oldest first."""
    return sorted(
        (
            content
            for content in tables.contents.values()
            if content.state == "live" and content.pieces is not None
        ),
        key=lambda content: (content.created_at, content.id),
    )


@implementer(IMembership)
@frozen
class MemoryMembership:
    """`IMembership` in a dict."""

    tables: MemoryStore

    @operation
    def beat(self, process_id: UUID, name: str) -> Beat:
        """See `IMembership.beat`."""
        tables = self.tables
        tables.processes[process_id] = tables.now()
        others = sum(other != process_id and tables.lives(other) for other in tables.processes)
        return Beat(others, tables.epoch)

    @operation
    def leave(self, process_id: UUID) -> None:
        """See `IMembership.leave`."""
        self.tables.processes.pop(process_id, None)
