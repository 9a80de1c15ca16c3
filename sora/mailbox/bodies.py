"""Finding the bytes of a content: the cache, the object stores, the staging tables.

A content is staged, in object stores, or both, and an upload may move it between the moment its
place was read and the moment its bytes are: whoever finds nothing asks for the place anew. What
is not available raises Unavailable; it is never an empty or short body, which a client would
take for the message (G8). A whole body is verified by its BLAKE3 before it is handed out, the
last piece of a stream not before the sum of all is right.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from attrs import evolve
from blake3 import blake3
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger, LogLevel

from sora.deferreds import gather
from sora.errors import KeyMissing, OutcomeUnknown, SoraError, StorageFull, Unavailable
from sora.storage.digests import is_whole
from sora.storage.interfaces import IObjects, IUploads
from sora.storage.rows import PIECE, BodyPlace, ObjectPlace
from sora.storage.stores import ObjectStore
from sora.threads import Threads

PIECES_AT_ONCE: Final = 4
HASH_IN_THREAD: Final = 1024 * 1024
"""Octets from which on a hash is computed in a thread."""
ROUNDS: Final = 3
"""How often a place is asked for before a body counts as unavailable."""
PARALLEL: Final = 4
"""Staged bodies that are read at the same time for one `read_many`."""

_PASSING: Final = frozenset({Unavailable, OutcomeUnknown, StorageFull})
"""Errors that are no sign of a loss: they end by themselves."""

Deliver = Callable[[bytes], "Deferred[None] | None"]


class BodyCache(Protocol):
    """What is asked of a cache of whole bodies; everything it gives is verified (G9)."""

    @property
    def max_object_size(self) -> int:
        """Larger bodies are not asked for."""

    def get_many(self, wanted: Sequence[tuple[bytes, int]]) -> Awaitable[list[bytes | None]]:
        """Bodies by hash and size; None for what is not there."""

    def at_hand(self, hash: bytes, size: int) -> bytes | None:
        """A body that can be had without waiting; None says nothing."""

    def put(self, hash: bytes, data: bytes) -> "Deferred[None]":
        """Keep a verified body, if it is worth it."""


class Bodies:
    """Reads contents. `stores` are the object stores; what is in several is read from the first
    of them."""

    log = Logger()

    def __init__(
        self,
        stores: Sequence[ObjectStore],
        uploads: IUploads,
        threads: Threads,
        cache: BodyCache | None = None,
    ) -> None:
        self._stores = {store.name: store for store in stores}
        self._uploads = uploads
        self.threads = threads
        self._cache = cache

    async def read(self, place: BodyPlace, start: int, end: int) -> bytes:
        """The octets [start, end) of a content, cut at its end. Raises Unavailable."""
        end = min(end, place.size)
        if start >= end:
            return b""
        if not self._is_cached(place):
            return await self._fetch(place, start, end)
        assert self._cache is not None
        [known] = await self._cache.get_many([(place.hash, place.size)])
        if known is None:
            if (end - start) * 4 < place.size > PIECE:
                return await self._fetch(place, start, end)
            known = await self._fetch(place, 0, place.size)
            self._cache.put(place.hash, known)
        return known if end - start == place.size else known[start:end]

    def at_hand(self, place: BodyPlace) -> bytes | None:
        """A whole content that can be had at once, without waiting for anything. None says nothing
        of whether it is available: `read_many` finds out."""
        if not place.size:
            return b""
        if self._cache is not None and self._is_cached(place):
            data = self._cache.at_hand(place.hash, place.size)
            if data is not None:
                return data
        for copy in place.objects if len(place.objects) == 1 else self._copies(place)[:1]:
            store = self._stores.get(copy.store)
            if store is not None and store.at_hand is not None and copy.key_id is None:
                data = store.at_hand(copy.id, place.size)
                if data is not None and is_whole(data, place.size, place.hash):
                    self._keep(place, data)
                    return data
        return None

    async def read_many(self, places: Sequence[BodyPlace]) -> list[bytes | Exception]:
        """Whole contents, in their order: the octets, or the error. For small ones: all of them
        are in memory at once. One call of a thread for those of a store on the disk."""
        found: list[bytes | Exception | None] = [None if place.size else b"" for place in places]
        await self._from_cache(places, found)
        await self._from_stores(places, found)
        rest = [number for number, data in enumerate(found) if data is None]
        if rest:
            slots = DeferredSemaphore(PARALLEL)
            read = await gather(*[slots.run(self._whole, places[number]) for number in rest])
            for number, data in zip(rest, read, strict=True):
                found[number] = data
        return [data for data in found if data is not None]

    async def stream(self, place: BodyPlace, start: int, end: int, deliver: Deliver) -> None:
        """Hand the octets [start, end) to `deliver` in pieces, waiting for each it returns.

        Raises Unavailable. When pieces were delivered before, the taker has to make plain that
        the rest does not come.
        """
        end = min(end, place.size)
        if start >= end:
            return
        if self._is_cached(place):
            data = await self.read(place, start, end)
            for position in range(0, len(data), PIECE):
                waiting = deliver(data[position : position + PIECE])
                if waiting is not None:
                    await waiting
            return
        whole = start == 0 and end == place.size
        taker = _Taker(deliver, start, place.hash if whole else None)
        for number in range(ROUNDS):
            if number:
                place = await self._anew(place)
            for source in self._sources(place):
                try:
                    await source.stream(taker.position, end, taker.take)
                except SoraError as error:
                    taker.check()
                    self._missed(place, source.name, error)
                else:
                    taker.check()
                if taker.position >= end:
                    await taker.finish()
                    return
        raise Unavailable(f"The body of content {place.content_id} is not available now")

    # ------------------------------------------------------------ several

    async def _from_cache(
        self, places: Sequence[BodyPlace], found: list[bytes | Exception | None]
    ) -> None:
        asked = [
            number
            for number, place in enumerate(places)
            if found[number] is None and self._is_cached(place)
        ]
        if self._cache is None or not asked:
            return
        read = await self._cache.get_many([(places[n].hash, places[n].size) for n in asked])
        for number, data in zip(asked, read, strict=True):
            found[number] = data

    async def _from_stores(
        self, places: Sequence[BodyPlace], found: list[bytes | Exception | None]
    ) -> None:
        """Those that are in a store, all of one store together. What fails is left out."""
        by_store: dict[tuple[str, str | None], list[tuple[int, ObjectPlace]]] = {}
        for number, place in enumerate(places):
            if found[number] is None:
                for copy in self._copies(place)[:1]:
                    by_store.setdefault((copy.store, copy.key_id), []).append((number, copy))
        for (store, key_id), wanted in by_store.items():
            try:
                reader = self._stores[store].reader(key_id)
            except KeyMissing:
                continue  # who asks for each by itself will hear of it
            read = await reader.get_many(
                [(copy.id, places[number].size) for number, copy in wanted]
            )
            whole = await self._are_whole([places[number] for number, _ in wanted], read)
            for (number, _), data, is_right in zip(wanted, read, whole, strict=True):
                if is_right and isinstance(data, bytes):
                    found[number] = data
                    self._keep(places[number], data)

    async def _are_whole(
        self, places: Sequence[BodyPlace], read: Sequence[bytes | Exception]
    ) -> list[bool]:
        if sum(place.size for place in places) < HASH_IN_THREAD:
            return _all_whole(places, read)
        return await self.threads.run(_all_whole, places, read)

    async def _whole(self, place: BodyPlace) -> bytes | Exception:
        try:
            data = await self._fetch(place, 0, place.size)
        except SoraError as error:
            return error
        self._keep(place, data)
        return data

    # ------------------------------------------------------------ one

    def _is_cached(self, place: BodyPlace) -> bool:
        return self._cache is not None and place.size <= self._cache.max_object_size

    def _keep(self, place: BodyPlace, data: bytes) -> None:
        if self._cache is not None and self._is_cached(place):
            self._cache.put(place.hash, data)

    async def _fetch(self, place: BodyPlace, start: int, end: int) -> bytes:
        whole = start == 0 and end == place.size
        for number in range(ROUNDS):
            if number:
                place = await self._anew(place)
            for source in self._sources(place):
                try:
                    data = await source.get(start, end)
                except SoraError as error:
                    self._missed(place, source.name, error)
                    continue
                if len(data) == end - start and (not whole or await self._is_whole(place, data)):
                    return data
                self.log.error(
                    "{source} gave other octets than those of content {content}",
                    source=source.name,
                    content=place.content_id,
                )
        raise Unavailable(f"The body of content {place.content_id} is not available now")

    async def _is_whole(self, place: BodyPlace, data: bytes) -> bool:
        [answer] = await self._are_whole([place], [data])
        return answer

    async def _anew(self, place: BodyPlace) -> BodyPlace:
        staged, objects = await self._uploads.place_of(place.content_id)
        return evolve(place, staged=staged, objects=tuple(objects))

    def _sources(self, place: BodyPlace) -> "list[_Object | _Staging]":
        sources: list[_Object | _Staging] = [
            _Object(copy, self._stores[copy.store]) for copy in self._copies(place)
        ]
        if place.staged:
            sources.append(_Staging(place, self._uploads))
        return sources

    def _copies(self, place: BodyPlace) -> list[ObjectPlace]:
        """The copies in known stores, those of the first store first."""
        order = list(self._stores)
        known = [copy for copy in place.objects if copy.store in self._stores]
        return sorted(known, key=lambda copy: order.index(copy.store))

    def _missed(self, place: BodyPlace, source: str, error: SoraError) -> None:
        level = LogLevel.info if type(error) in _PASSING else LogLevel.warn
        self.log.emit(
            level,
            "content {content} was not read from {source}: {error}",
            content=place.content_id,
            source=source,
            error=error.text,
        )


def _all_whole(places: Sequence[BodyPlace], read: Sequence[bytes | Exception]) -> list[bool]:
    return [
        isinstance(data, bytes) and is_whole(data, place.size, place.hash)
        for place, data in zip(places, read, strict=True)
    ]


class _Object:
    """A copy in an object store."""

    def __init__(self, copy: ObjectPlace, store: ObjectStore) -> None:
        self.name = f"object {copy.id} of {copy.store}"
        self._copy = copy
        self._store = store

    async def get(self, start: int, end: int) -> bytes:
        return await self._reader.get(self._copy.id, start, end)

    async def stream(self, start: int, end: int, deliver: Deliver) -> None:
        await self._reader.stream(self._copy.id, start, end, deliver)

    @property
    def _reader(self) -> IObjects:
        return self._store.reader(self._copy.key_id)


class _Staging:
    """The pieces in the database."""

    name = "staging"

    def __init__(self, place: BodyPlace, uploads: IUploads) -> None:
        self._place = place
        self._uploads = uploads

    async def get(self, start: int, end: int) -> bytes:
        pieces: list[bytes] = []
        await self.stream(start, end, pieces.append)
        return b"".join(pieces)

    async def stream(self, start: int, end: int, deliver: Deliver) -> None:
        number, last = start // PIECE, (end - 1) // PIECE
        while number <= last:
            count = min(PIECES_AT_ONCE, last - number + 1)
            pieces = await self._uploads.staged(self._place.content_id, number, count)
            if len(pieces) != count:
                raise Unavailable(f"Content {self._place.content_id} is staged no longer")
            for piece in pieces:
                begin = number * PIECE
                cut = piece[max(start - begin, 0) : end - begin]
                if begin + len(piece) < min(end, begin + PIECE):
                    raise Unavailable(f"A staged piece of {self._place.content_id} is short")
                waiting = deliver(cut)
                if waiting is not None:
                    await waiting
                number += 1


class _Taker:
    """Between a source and who takes the pieces of a stream.

    It knows where the stream is, so that another source can go on from there; it tells a failure
    of the taker from one of the source; and with a hash it holds the last piece back until the
    hash of all is right.
    """

    def __init__(self, deliver: Deliver, start: int, hash: bytes | None) -> None:
        self.position = start
        self._deliver = deliver
        self._hash = hash
        self._hasher = blake3()
        self._held = b""
        self._refusal: BaseException | None = None

    def take(self, piece: bytes) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._take(piece))

    async def _take(self, piece: bytes) -> None:
        self.check()
        self.position += len(piece)
        if self._hash is None:
            await self._hand_on(piece)
            return
        self._hasher.update(piece)
        held, self._held = self._held, piece
        if held:
            await self._hand_on(held)

    async def _hand_on(self, piece: bytes) -> None:
        try:
            waiting = self._deliver(piece)
            if waiting is not None:
                await waiting
        except BaseException as error:
            self._refusal = error
            raise

    def check(self) -> None:
        """Raises what the taker raised."""
        if self._refusal is not None:
            raise self._refusal

    async def finish(self) -> None:
        """All is here: hand out what was held back. Raises Unavailable when the hash is wrong."""
        if self._hash is None:
            return
        if self._hasher.digest() != self._hash:
            raise Unavailable("A body is damaged where it is stored")
        await self._hand_on(self._held)
