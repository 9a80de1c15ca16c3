"""Bodies: on their way to the object store, in it, and out of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import (
    Backlog,
    Copy,
    Listed,
    ObjectPlace,
    StoredObject,
    Upload,
    UploadQueue,
)


class IUploads(Interface):
    """Contents on their way between staging and the object stores."""

    def reserve(store: str, count: int) -> "Deferred[Sequence[UUID]]":
        """Rows for objects that will be written: the row exists before the object does.

        A reservation that is not bound within a day is removed, with its object.
        """

    def known(scope_id: int, hash: bytes) -> "Deferred[bool]":
        """Whether a live content with these bytes is there."""

    def stage_piece(
        scope_id: int, hash: bytes, size: int, content_id: int | None, number: int, piece: bytes
    ) -> "Deferred[int]":
        """Write a piece (256 KiB) of a body that is too large for one statement, to a content
        that is `pending` until `place` names it. Gives the content's id."""

    def staged(content_id: int, first: int, count: int) -> "Deferred[Sequence[bytes]]":
        """Pieces of a staged body, from number `first` on; fewer at the end, none after it."""

    def staged_bodies(content_ids: Sequence[int]) -> "Deferred[Mapping[int, bytes]]":
        """Whole staged bodies; one that is staged no longer is absent. The caller bounds the sum.
        One round trip."""

    def place_of(content_id: int) -> "Deferred[tuple[bool, Sequence[ObjectPlace]]]":
        """Whether it is staged, and its stored objects, as of now."""

    def claim(store: str, limit: int, lease: timedelta) -> "Deferred[Sequence[Upload]]":
        """Take staged contents for upload, each with an object row that exists before the
        PUT. Others skip them until the lease ends. Oldest first, due ones only."""

    def finish(
        upload: Upload, stored_size: int, checksum: str, key_id: str | None
    ) -> "Deferred[None]":
        """The object is durable: the content is no longer staged."""

    def finish_many(
        stored: Sequence[tuple[Upload, int, str]], key_id: str | None
    ) -> "Deferred[Sequence[UUID]]":
        """The same for several, each with its stored size and checksum, in one round trip. Gives
        the objects that were finished: those whose content somebody else has in hand are left."""

    def postpone(upload: Upload, delay: timedelta, count: bool) -> "Deferred[None]":
        """It did not work; try again after `delay`. Only with `count` was it an attempt (G5)."""

    def backlog() -> "Deferred[Backlog]":
        """What waits for upload."""

    def queue() -> "Deferred[UploadQueue]":
        """What waits for upload, and how it stands with it."""

    def retry() -> "Deferred[int]":
        """Let what was an attempt before (`postpone` with `count`) be due now, as if it were new;
        gives how many that are."""


class ICopies(Interface):
    """Further objects of contents: in a second store, or encrypted with another key.

    All of it may be repeated at any time, also when an answer was lost.
    """

    def copy_to(stores: Sequence[str]) -> "Deferred[None]":
        """Say which stores are to have a copy of every object. From here on, whatever becomes
        stored elsewhere waits to be copied; what waited for other stores is forgotten."""

    def fill(store: str, limit: int) -> "Deferred[int]":
        """Let the next `limit` objects wait that were there before the store was. Gives how many
        were looked at; 0 at the end."""

    def claim(store: str, limit: int, lease: timedelta) -> "Deferred[Sequence[Copy]]":
        """Take copies that are due, the oldest first; others skip them until the lease ends."""

    def bind(
        content_id: int, place: ObjectPlace, checksum: str, replaces: UUID | None
    ) -> "Deferred[bool]":
        """A reserved object (`IUploads.reserve`) is durable: it is the content's from now on, and
        the one that it `replaces` is deleted from its store later.

        False: it is not wanted any more, because the content goes, the other one went, or somebody
        else was faster; then it is removed by who made it. Raises Unavailable when its reservation
        has ended.
        """

    def postpone(copy: Copy, delay: timedelta, count: bool) -> "Deferred[None]":
        """It did not work; try again after `delay`. Only with `count` was it an attempt (G5)."""

    def backlog(store: str) -> "Deferred[Backlog]":
        """What waits to be copied to a store."""

    def retry() -> "Deferred[int]":
        """As `IUploads.retry`."""

    def page(after: UUID, limit: int) -> "Deferred[Sequence[StoredObject]]":
        """Stored objects of live contents, in the order of their names, beyond `after`."""


class IObjects(Interface):
    """An object store: bytes by name. Names are UUIDs; an object is written once."""

    def put(name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> "Deferred[str]":
        """Store `size` octets durably and give the store's checksum of them.

        `open_body` opens the body for reading (`read(n) -> bytes`, `close()`) and is called
        again for each attempt, so that a retry sends the whole body (G4). Length and BLAKE3
        `hash` are verified before this succeeds. Raises Unavailable (worth another try) or
        StoreRefused (not).
        """

    def put_many(
        bodies: Sequence[tuple[UUID, bytes, bytes]],
    ) -> "Deferred[Sequence[str | Exception]]":
        """Store several small objects durably, each named with its octets and their BLAKE3, in
        their order: the checksum, or the error that `put` would have raised."""

    def get(name: UUID, start: int, end: int) -> "Deferred[bytes]":
        """The octets [start, end). Raises Unavailable; ObjectMissing only on proof."""

    def get_many(
        wanted: Sequence[tuple[UUID, int]],
    ) -> "Deferred[Sequence[bytes | Exception]]":
        """Several whole objects, each named with its size, in their order: the octets, or
        the error that `get` would have raised. For small ones; the caller bounds the sum."""

    def stream(
        name: UUID, start: int, end: int, deliver: Callable[[bytes], "Deferred[None] | None"]
    ) -> "Deferred[None]":
        """Hand the octets [start, end) to `deliver` in pieces, waiting for each it returns."""

    def delete(name: UUID) -> "Deferred[None]":
        """Delete it; a missing one is no error (G12)."""

    def exists(name: UUID) -> "Deferred[int | None]":
        """Its size, or None when the store says for certain that it is not there."""

    def names(after: UUID | None, limit: int) -> "Deferred[Sequence[Listed]]":
        """What the store has, whether anybody knows of it or not: ascending by name, beginning
        after a name. None at the end; fewer than `limit` are no sign of it."""

    def probe() -> "Deferred[None]":
        """Whether the store answers. Raises Unavailable."""
