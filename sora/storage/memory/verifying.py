"""`IVerifying` in dicts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from attrs import Factory, define, frozen
from zope.interface import implementer

from sora.storage.interfaces import IVerifying
from sora.storage.memory.records import ContentRecord, ObjectRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import Damage, DamagedMessage, Proof, Suspect, Sweep

_FIRST = UUID(int=0)


@define
class _Pass:
    begun_at: datetime
    proven_since: datetime
    leased_until: datetime
    completed_at: datetime | None = None
    position: UUID = _FIRST
    objects: int = 0
    octets: int = 0


@implementer(IVerifying)
@frozen
class MemoryVerifying:
    """`IVerifying` in dicts, some of which nobody else needs."""

    tables: MemoryStore
    _passes: dict[str, _Pass] = Factory(dict)
    _damages: dict[tuple[int, str], Damage] = Factory(dict)

    @operation
    def take(self, store: str, lease: timedelta, rest: timedelta) -> UUID | None:
        """See `IVerifying.take`."""
        now = self.tables.now()
        found = self._passes.setdefault(store, _Pass(now, now, now))
        is_early = found.completed_at is not None and found.proven_since > now - rest
        if found.leased_until > now or (is_early and found.position == _FIRST):
            return None
        found.leased_until = now + lease
        return found.position

    @operation
    def proofs(self, store: str, after: UUID, limit: int) -> Sequence[Proof]:
        """See `IVerifying.proofs`."""
        entries = [
            entry
            for entry in self.tables.objects.values()
            if entry.store == store and entry.state == "stored" and entry.id > after
        ]
        entries.sort(key=lambda entry: entry.id)
        return self._proven(entries[:limit])

    @operation
    def advance(
        self, store: str, position: UUID | None, objects: int, octets: int, lease: timedelta
    ) -> None:
        """See `IVerifying.advance`."""
        found, now = self._passes[store], self.tables.now()
        found.leased_until = now + lease
        if position is None:
            found.proven_since, found.begun_at, found.completed_at = found.begun_at, now, now
            found.position, found.objects, found.octets = _FIRST, 0, 0
        else:
            found.position = position
            found.objects += objects
            found.octets += octets

    @operation
    def sweeps(self) -> Sequence[Sweep]:
        """See `IVerifying.sweeps`."""
        return [
            Sweep(
                store,
                found.begun_at,
                found.completed_at,
                found.proven_since,
                found.objects,
                found.octets,
            )
            for store, found in sorted(self._passes.items())
        ]

    @operation
    def is_stored(self, object_id: UUID) -> bool:
        """See `IVerifying.is_stored`."""
        entry = self.tables.objects.get(object_id)
        return entry is not None and entry.state == "stored" and self._live(entry) is not None

    @operation
    def proofs_of(self, account_id: int, after: int, limit: int) -> Sequence[Proof]:
        """See `IVerifying.proofs_of`."""
        contents = {
            message.content_id
            for mailbox in self.tables.mailboxes.values()
            if mailbox.account_id == account_id
            for message in mailbox.messages.values()
            if message.content_id > after
        }
        return self._proven(
            entry
            for content_id in sorted(contents)[:limit]
            for entry in sorted(self.tables.objects_of(content_id), key=lambda one: one.id)
            if entry.state == "stored"
        )

    @operation
    def bodiless(self, after: int, limit: int) -> tuple[int | None, Sequence[int]]:
        """See `IVerifying.bodiless`."""
        seen = sorted(number for number in self.tables.contents if number > after)[:limit]
        found = [
            number
            for number in seen
            if self.tables.contents[number].state == "live"
            and self.tables.contents[number].pieces is None
            and not any(one.state == "stored" for one in self.tables.objects_of(number))
        ]
        return (seen[-1] if seen else None), found

    @operation
    def strangers(self, store: str, names: Sequence[UUID]) -> Sequence[UUID]:
        """See `IVerifying.strangers`."""
        return [
            name
            for name in names
            if (entry := self.tables.objects.get(name)) is None or entry.store != store
        ]

    @operation
    def note(self, suspect: Suspect) -> bool:
        """See `IVerifying.note`."""
        content = self.tables.contents.get(suspect.content_id)
        if content is None or content.state != "live":
            return False
        if suspect.object_id is not None:
            entry = self.tables.objects.get(suspect.object_id)
            if entry is None or entry.state != "stored":
                return False
        now, key = self.tables.now(), (suspect.content_id, suspect.store)
        known = self._damages.get(key)
        number = known.number if known else self.tables.new_id()
        self._damages[key] = Damage(number, suspect, known.found_at if known else now, now)
        return True

    @operation
    def mended(self, content_id: int, store: str) -> None:
        """See `IVerifying.mended`."""
        self._damages.pop((content_id, store), None)

    @operation
    def damages(self, after: int, limit: int) -> Sequence[Damage]:
        """See `IVerifying.damages`."""
        known = [
            damage
            for damage in self._damages.values()
            if damage.number > after and damage.suspect.content_id in self.tables.contents
        ]
        return sorted(known, key=lambda damage: damage.number)[:limit]

    @operation
    def messages_of(self, content_id: int, limit: int) -> Sequence[DamagedMessage]:
        """See `IVerifying.messages_of`."""
        found = (
            DamagedMessage(
                owner.address if (owner := self.tables.primary(mailbox.account_id)) else "",
                mailbox.name,
                message.uid,
                message.email_id,
            )
            for mailbox in sorted(self.tables.mailboxes.values(), key=lambda one: one.id)
            for message in mailbox.messages.values()
            if message.content_id == content_id
        )
        return list(islice(found, limit))

    def _live(self, entry: ObjectRecord) -> ContentRecord | None:
        content = self.tables.contents.get(entry.content_id or 0)
        return content if content is not None and content.state == "live" else None

    def _proven(self, entries: Iterable[ObjectRecord]) -> list[Proof]:
        proofs = []
        for entry in entries:
            content = self._live(entry)
            if content is not None:
                others = [
                    other.place()
                    for other in self.tables.objects_of(content.id)
                    if other.state == "stored" and other.id != entry.id
                ]
                proofs.append(
                    Proof(
                        entry.place(),
                        content.id,
                        content.hash,
                        content.size,
                        content.pieces is not None,
                        tuple(others),
                        (content.id, entry.store) in self._damages,
                    )
                )
        return proofs
