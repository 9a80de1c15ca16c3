"""Objects in an S3 bucket.

An object's key is `prefix` and its name; the prefix is the database's own UUID, so that no
address and no node name is in a key (G7).

Each operation is tried a few times with growing delays, every attempt with the whole body
again (G4), behind a circuit breaker for operations of its kind (`attempts.py`). A refusal (4xx) is
neither repeated nor counted (G5). A stream that breaks off goes on from where it was.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID

from blake3 import blake3
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sora.breaker import Breaker
from sora.deferreds import deferred, gather
from sora.errors import ObjectMissing, SoraError, StoreRefused, Unavailable
from sora.metrics.bodies import ObjectMetrics
from sora.retry import Delays
from sora.storage.digests import put_each
from sora.storage.interfaces import IObjects
from sora.storage.rows import Listed
from sora.storage.s3.attempts import Attempts, Kind
from sora.storage.s3.client import S3Client
from sora.storage.s3.listing import listed
from sora.storage.s3.multipart import Parts
from sora.storage.s3.transfer import collect, receive

T = TypeVar("T")

DEFAULT_DELAYS: Final = Delays(first=0.1, longest=2.0, attempts=3)
MAX_LISTED: Final = 1000
"""names that stores give at most at a time"""
PARALLEL_READS: Final = 8
"""GETs at the same time for one `get_many`."""


@implementer(IObjects)
class S3Objects:
    """An S3 store. `name` is what it is called in metrics, messages and rows; `parallel` bounds
    the PUTs, GETs and DELETEs at the same time (streams, which last as long as their clients
    want, are not counted)."""

    log = Logger()

    def __init__(
        self,
        client: S3Client,
        *,
        name: str,
        prefix: str,
        clock: Any,
        random: Random,
        metrics: ObjectMetrics | None = None,
        delays: Delays = DEFAULT_DELAYS,
        parallel: int = 64,
        failures: int = 5,
        breaker_delays: Delays = Delays(first=1.0, longest=15.0),  # noqa: B008 - frozen
    ) -> None:
        self._client = client
        self._name = name
        self._prefix = prefix
        self._clock = clock
        self._places = DeferredSemaphore(parallel)
        self._etag_is_md5 = True
        self._attempts = Attempts(
            name,
            {
                Kind.GET: self._ask,
                Kind.HEAD: self._ask,
                Kind.PUT: self._try_writing,
                Kind.DELETE: self._try_deleting,
            },
            clock=clock,
            random=random,
            delays=delays,
            failures=failures,
            breaker_delays=breaker_delays,
            metrics=metrics,
        )

        self._parts = Parts(client, self._attempts)

    @property
    def breakers(self) -> Mapping[Kind, Breaker]:
        """The circuit breakers, by what they are for."""
        return self._attempts.breakers

    @property
    def refusals(self) -> Mapping[Kind, str]:
        """What was refused last when somebody wrote or deleted, by the kind, as long as it is."""
        found = self._attempts.refusals
        return {kind: found[kind] for kind in (Kind.PUT, Kind.DELETE) if kind in found}

    @property
    def skew(self) -> str:
        """A sentence about this machine's clock where the store refuses it; else empty."""
        return self._client.skew

    async def stop(self) -> None:
        """No more probes; idle connections are closed."""
        await self._attempts.stop()
        await self._client.close()

    @deferred
    async def put(self, name: UUID, open_body: Callable[[], object], size: int, hash: bytes) -> str:
        """See IObjects."""

        if 0 < self._client.in_parts_beyond < size:
            await self._places.acquire()
            try:
                return await self._parts.put(self._key(name), open_body, size, hash)
            finally:
                self._places.release()

        async def work() -> str:
            etag, sent = await self._client.put(self._key(name), open_body, size, hash)
            await self._compare(name, etag, sent, size, hash)
            return etag or sent

        return await self._bounded(Kind.PUT, "put", work)

    @deferred
    async def put_many(
        self, bodies: Sequence[tuple[UUID, bytes, bytes]]
    ) -> Sequence[str | Exception]:
        """See IObjects. One after the other."""
        return await put_each(self, bodies)

    @deferred
    async def get(self, name: UUID, start: int, end: int) -> bytes:
        """See IObjects."""
        if start >= end:
            await self._prove(name)
            return b""
        return await self._bounded(Kind.GET, "get", lambda: self._read(name, start, end))

    @deferred
    async def get_many(self, wanted: Sequence[tuple[UUID, int]]) -> Sequence[bytes | Exception]:
        """See IObjects. A few at the same time."""
        places = DeferredSemaphore(PARALLEL_READS)

        async def one(name: UUID, size: int) -> bytes | Exception:
            try:
                return await self.get(name, 0, size)
            except SoraError as error:
                return error

        return await gather(*[places.run(one, name, size) for name, size in wanted])

    @deferred
    async def stream(
        self,
        name: UUID,
        start: int,
        end: int,
        deliver: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        """See IObjects."""
        position = start
        refusals: list[BaseException] = []

        def refused(failure: Failure) -> Failure:
            refusals.append(failure.value or ConnectionError())
            return failure

        def take(piece: bytes) -> "Deferred[None] | None":
            nonlocal position
            if position + len(piece) > end:
                raise Unavailable("The object store sent more than was asked for")
            position += len(piece)
            try:
                taken = deliver(piece)
            except BaseException as error:
                refusals.append(error)
                raise
            return None if taken is None else taken.addErrback(refused)

        async def work() -> None:
            while position < end and not refusals:
                before = position
                try:
                    await self._pour(name, position, end, take)
                except Unavailable as error:
                    if not refusals and position == before:
                        raise
                    self.log.debug(
                        "{store} broke off in {name} at {position}: {error}",
                        store=self._name,
                        name=str(name),
                        position=position,
                        error=error.text,
                    )
                except Exception:
                    if not refusals:
                        raise

        if start < end:
            await self._attempts.run(Kind.GET, "stream", work)
        if refusals:
            raise refusals[0]  # the taker's failure says nothing about the store

    @deferred
    async def delete(self, name: UUID) -> None:
        """See IObjects."""

        async def work() -> None:
            try:
                await self._client.delete(self._key(name))
            except ObjectMissing:
                return

        await self._bounded(Kind.DELETE, "delete", work)

    @deferred
    async def exists(self, name: UUID) -> int | None:
        """See IObjects."""

        async def work() -> int | None:
            try:
                return await self._client.size(self._key(name))
            except ObjectMissing:
                return None

        return await self._bounded(Kind.HEAD, "exists", work)

    @deferred
    async def names(self, after: UUID | None, limit: int) -> Sequence[Listed]:
        """See IObjects. Other keys are passed over."""
        last = self._prefix if after is None else self._key(after)

        async def work() -> Sequence[Listed]:
            text = await self._client.list(self._prefix, last, min(limit, MAX_LISTED))
            return listed(text, self._prefix)

        return await self._bounded(Kind.HEAD, "list", work)

    @deferred
    async def probe(self) -> None:
        """See IObjects. Raises StoreRefused for a bucket that is not there, or wrong keys."""
        await self._ask()

    async def try_all(self) -> None:
        """Read, write and delete, as an operator wants to know it once. Raises Unavailable,
        StoreRefused."""
        await self._repeated(self._ask)
        await self._repeated(self._try_writing)
        await self._repeated(self._try_deleting)

    # ------------------------------------------------------------ inside

    async def _repeated(self, work: Callable[[], Awaitable[None]]) -> None:
        """A store whose clock is another one is asked with its own time."""
        try:
            await work()
        except Unavailable:
            if not self.skew:
                raise
            await work()

    def _key(self, name: UUID) -> str:
        return f"{self._prefix}{name}"

    async def _ask(self) -> None:
        """GET what is not there, or is empty where a key may write and not delete: the answer says
        whether the bucket is, and the keys are good."""
        try:
            await self._client.size(f"{self._prefix}probe")
        except ObjectMissing:
            return
        except StoreRefused as error:
            if "AccessDenied" not in error.text:  # without ListBucket, missing keys are denied
                raise

    async def _try_writing(self) -> None:
        """PUT an empty object, under a name that no object has, and DELETE it."""
        key = f"{self._prefix}probe"
        await self._client.put(key, BytesIO, 0, blake3().digest())
        with suppress(SoraError):
            await self._client.delete(key)

    async def _try_deleting(self) -> None:
        with suppress(ObjectMissing):
            await self._client.delete(f"{self._prefix}probe")

    async def _read(self, name: UUID, start: int, end: int) -> bytes:
        response = await self._client.get(self._key(name), start, end)
        data = await collect(response, self._clock, self._client.timeout, end - start)
        if len(data) != end - start:
            raise Unavailable(f"Object {name} has {len(data)} octets of {start} to {end}")
        return data

    async def _pour(
        self,
        name: UUID,
        start: int,
        end: int,
        take: "Callable[[bytes], Deferred[None] | None]",
    ) -> None:
        response = await self._client.get(self._key(name), start, end)
        received = await receive(response, self._clock, self._client.timeout, take)
        if received != end - start:
            raise Unavailable(f"Object {name} ended after {received} octets of {end - start}")

    async def _prove(self, name: UUID) -> None:
        if await self.exists(name) is None:
            raise ObjectMissing(f"There is no object {name}")

    async def _compare(self, name: UUID, etag: str, sent: str, size: int, hash: bytes) -> None:
        """Compare the ETag with the MD5 of what was sent, where it can be one.

        With encryption by the store, or in parts, it is none (G12). So a difference is not yet
        an error: the object is read back, and when it is right, ETags are not compared again.
        """
        is_md5 = len(etag) == 32 and all(digit in "0123456789abcdef" for digit in etag)
        if not self._etag_is_md5 or not is_md5 or etag == sent or size == 0:
            return
        hasher = blake3()
        response = await self._client.get(self._key(name), 0, size)

        def take(piece: bytes) -> None:
            hasher.update(piece)

        received = await receive(response, self._clock, self._client.timeout, take)
        if received != size or hasher.digest() != hash:
            raise Unavailable(f"The object store has kept other bytes than were sent as {name}")
        self.log.info("ETags of {store} are not MD5: not comparing them", store=self._name)
        self._etag_is_md5 = False

    async def _bounded(self, kind: Kind, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        await self._places.acquire()
        try:
            return await self._attempts.run(kind, operation, work)
        finally:
            self._places.release()
