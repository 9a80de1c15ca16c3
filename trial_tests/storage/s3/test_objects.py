"""sora.storage.s3.objects and client, against a store that fails as it is told."""

from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID, uuid4

from attrs import evolve
from blake3 import blake3
from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from sora.errors import ObjectMissing, StoreRefused, Unavailable
from sora.metrics.bodies import ObjectMetrics
from sora.retry import Delays
from sora.storage.s3.client import S3Client
from sora.storage.s3.objects import S3Objects
from sora.threads import Threads
from trial_tests.storage.contracts.objects import LARGE, SMALL, ObjectsContract, opener
from trial_tests.storage.s3.fake import FakeS3, Fault
from trial_tests.support.traces import shown, traced

PREFIX = "5b3f/"


class SlowStore:
    """Reads about `step` octets of a PUT every twentieth of a second, none at all if that is 0; and
    answers when `size` have come."""

    def __init__(self, step: int, size: int) -> None:
        self.received = 0
        self._step, self._size = step, size
        self._connections: list[Any] = []
        store = self

        class Taking(Protocol):
            left = 0
            later: Any = None

            def connectionMade(self) -> None:
                store._connections.append(self)
                self.go_on()

            def dataReceived(self, data: bytes) -> None:
                store.received += len(data)
                self.left -= len(data)
                if store.received >= size:
                    self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                elif self.left <= 0:
                    self.transport.pauseProducing()
                    self.later = reactor.callLater(0.05, self.go_on) if step else None

            def go_on(self) -> None:
                self.later, self.left = None, step
                self.transport.resumeProducing()

            def connectionLost(self, reason: Any = None) -> None:
                if self.later is not None:
                    self.later.cancel()

        self._port = reactor.listenTCP(0, Factory.forProtocol(Taking), interface="127.0.0.1")
        self.endpoint = f"127.0.0.1:{self._port.getHost().port}"

    async def close(self) -> None:
        for connection in self._connections:
            connection.transport.abortConnection()
        await self._port.stopListening()


class _FakeTestCase(TestCase):
    def setUp(self) -> None:
        self.reactor = reactor
        self.threads = Threads(reactor, 2, "s3")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.fake = FakeS3()
        self.addCleanup(self.fake.close)
        self.registry = CollectorRegistry()
        self.objects = self.store()

    def store(self, **other: Any) -> S3Objects:
        config = evolve(self.fake.config, **other)
        objects = S3Objects(
            S3Client(config, reactor, self.threads),
            name="s3",
            prefix=PREFIX,
            clock=reactor,
            random=Random(1),
            metrics=ObjectMetrics(CollectorRegistry() if other else self.registry),
            delays=Delays(first=0.001, longest=0.01, attempts=3),
        )
        self.addCleanup(objects.stop)
        return objects

    def keep(self, data: bytes) -> UUID:
        """Put an object into the fake, past the client."""
        name = uuid4()
        self.fake.objects[f"/fake/{PREFIX}{name}"] = data
        return name

    async def put(self, data: bytes, objects: S3Objects | None = None) -> UUID:
        name = uuid4()
        await (objects or self.objects).put(name, opener(data), len(data), blake3(data).digest())
        return name


class FakeObjectsTests(ObjectsContract, _FakeTestCase):
    """The contract, on the fake: so the fake is honest."""

    keep = ObjectsContract.keep


class FaultTests(_FakeTestCase):
    """What is repeated, and what is not."""

    async def test_a_put_is_repeated_with_the_whole_body(self) -> None:
        """G4"""
        for fault in (Fault(500, "InternalError"), Fault(503, "SlowDown"), Fault(502), Fault(429)):
            self.fake.requests.clear()
            self.fake.faults.extend([fault, fault])
            name = await self.put(LARGE)
            self.assertEqual(self.fake.objects[f"/fake/{PREFIX}{name}"], LARGE)
            self.assertEqual(len(self.fake.requests), 3)

    async def test_each_attempt_is_in_the_trace(self) -> None:
        """Below the operation that they are of; not the key of the object."""
        self.fake.faults.extend([Fault(503, "SlowDown"), Fault(500, "InternalError")])
        trace = await traced(lambda: self.put(LARGE))
        spans = [f"s3_request PUT {status}".strip() for status in ("503", "500", "")]
        self.assertEqual([one for one in shown(trace) if "thread" not in one], ["s3 put", *spans])
        operation, *attempts = [span for span in trace.spans if span.kind != "thread"]
        self.assertEqual({one.parent_id for one in attempts}, {operation.id})
        self.assertEqual(operation.facts, {"sora.store": "s3"})
        statuses = [one.facts["http.response.status_code"] for one in attempts]
        self.assertEqual(statuses, [503, 500, 200])

    async def test_each_attempt_opens_the_body_anew_and_closes_it(self) -> None:
        """G4"""
        opened: list[BytesIO] = []

        def open_body() -> BytesIO:
            opened.append(BytesIO(SMALL))
            return opened[-1]

        self.fake.faults.extend([Fault(500), None])
        await self.objects.put(uuid4(), open_body, len(SMALL), blake3(SMALL).digest())
        self.assertGreaterEqual(len(opened), 2)
        self.assertTrue(all(body.closed for body in opened))

    async def test_a_refusal_is_not_repeated(self) -> None:
        """G5"""
        for status, code in ((403, "AccessDenied"), (400, "InvalidRequest"), (412, "")):
            self.fake.requests.clear()
            self.fake.faults.append(Fault(status, code))
            with self.assertRaises(StoreRefused):
                await self.put(SMALL)
            self.assertEqual(len(self.fake.requests), 1)
        self.assertFalse(any(each.is_open for each in self.objects.breakers.values()))

    async def test_some_4xx_say_send_it_again(self) -> None:
        for status, code in (
            (400, "RequestTimeout"),
            (400, "BadDigest"),
            (409, "OperationAborted"),
        ):
            self.fake.requests.clear()
            self.fake.faults.append(Fault(status, code))
            await self.put(SMALL)
            self.assertEqual(len(self.fake.requests), 2)

    async def test_in_the_end_it_is_unavailable(self) -> None:
        self.fake.faults.extend([Fault(500)] * 4)
        with self.assertRaises(Unavailable):
            await self.put(SMALL)
        self.assertEqual(len(self.fake.requests), 4)

    async def test_a_404_without_a_reason_is_no_proof_of_loss(self) -> None:
        """G6"""
        name = self.keep(SMALL)
        for code, error in (("", Unavailable), ("NoSuchBucket", StoreRefused)):
            self.fake.faults.extend([Fault(404, code)] * 4)
            with self.assertRaises(error):
                await self.objects.get(name, 0, 1)
            self.fake.faults.clear()
        with self.assertRaises(ObjectMissing):
            await self.objects.get(uuid4(), 0, 1)

    async def test_a_get_that_is_cut_is_repeated(self) -> None:
        name = self.keep(LARGE)
        self.fake.faults.extend([Fault(cut=0), Fault(cut=1_000_000)])
        self.assertEqual(await self.objects.get(name, 0, len(LARGE)), LARGE)

    async def test_a_stream_that_is_cut_goes_on_where_it_was(self) -> None:
        name = self.keep(LARGE)
        self.fake.faults.extend([Fault(cut=1_000_000), Fault(500), Fault(cut=500_000)])
        pieces: list[bytes] = []
        await self.objects.stream(name, 0, len(LARGE), pieces.append)
        self.assertEqual(b"".join(pieces), LARGE)

    async def test_a_store_that_stands_still_is_given_up(self) -> None:
        """The time limit is for progress."""
        objects = self.store(timeout=0.05)
        name = self.keep(LARGE)
        self.fake.faults.extend([Fault(stall=100_000)])
        self.assertEqual(await objects.get(name, 0, len(LARGE)), LARGE)
        self.assertEqual(len(self.fake.requests), 2)

    async def test_a_store_that_takes_nothing_is_given_up_and_a_slow_one_is_not(self) -> None:
        """A PUT of 30 MB: the one reads nothing after the head; the other a little now and then, for
        longer than the time limit."""
        data = LARGE * 10
        stuck, slow = SlowStore(0, len(data)), SlowStore(1_000_000, len(data))
        for store in (stuck, slow):
            self.addCleanup(store.close)
        with self.assertRaises(Unavailable) as caught:
            await self.put(data, self.store(endpoint=stuck.endpoint, timeout=0.1))
        self.assertIn("did not answer", caught.exception.text)
        begun = reactor.seconds()
        await self.put(data, self.store(endpoint=slow.endpoint, timeout=1.0))
        self.assertGreaterEqual(slow.received, len(data))
        self.assertGreater(reactor.seconds() - begun, 1.0)

    async def test_a_slow_taker_is_not_a_slow_store(self) -> None:
        objects = self.store(timeout=0.05)
        name = self.keep(LARGE)
        taken = 0

        def deliver(piece: bytes) -> Deferred[None]:
            nonlocal taken
            taken += len(piece)
            pause: Deferred[None] = Deferred()
            reactor.callLater(0.2 if taken == len(piece) else 0, pause.callback, None)
            return pause

        await objects.stream(name, 0, len(LARGE), deliver)
        self.assertEqual((taken, len(self.fake.requests)), (len(LARGE), 1))

    async def test_the_takers_failure_is_not_the_stores(self) -> None:
        name = self.keep(LARGE)
        for _ in range(6):

            def deliver(piece: bytes) -> Deferred[None]:
                failed: Deferred[None] = Deferred()
                reactor.callLater(0, failed.errback, Unavailable("the client's side"))
                return failed

            with self.assertRaises(Unavailable) as caught:
                await self.objects.stream(name, 0, len(LARGE), deliver)
            self.assertEqual(caught.exception.text, "the client's side")
        self.assertFalse(any(each.is_open for each in self.objects.breakers.values()))
        self.assertEqual(len(self.fake.requests), 6)

    async def test_a_store_that_keeps_other_bytes_is_found_out(self) -> None:
        """G4: by its ETag, and then by reading back."""
        self.fake.faults.append(Fault(damage=True, etag="0" * 32))
        name = await self.put(SMALL)
        self.assertEqual(self.fake.objects[f"/fake/{PREFIX}{name}"], SMALL)
        self.assertEqual([method for method, _ in self.fake.requests], ["PUT", "GET", "PUT"])

    async def test_etags_that_are_no_md5_are_accepted_after_reading_back(self) -> None:
        """G12"""
        self.fake.faults.extend([Fault(etag="0" * 32), None, Fault(etag="1" * 32)])
        await self.put(SMALL)
        await self.put(SMALL)
        self.assertEqual([method for method, _ in self.fake.requests], ["PUT", "GET", "PUT"])

    async def test_nothing_listens(self) -> None:
        await self.fake.close()
        for call in (self.put(SMALL), self.objects.get(uuid4(), 0, 1), self.objects.probe()):
            with self.assertRaises(Unavailable):
                await call

    async def test_checksums_and_encryption_are_asked_for(self) -> None:
        await self.put(SMALL, self.store(checksum="sha256", sse="aws:kms", sse_kms_key_id="k1"))
        sent = self.fake.headers[-1]
        self.assertIn("x-amz-checksum-sha256", sent)
        self.assertEqual(sent["x-amz-server-side-encryption"], "aws:kms")
        self.assertEqual(sent["x-amz-server-side-encryption-aws-kms-key-id"], "k1")
        await self.put(SMALL, self.store(checksum="md5"))
        self.assertIn("content-md5", self.fake.headers[-1])
        self.assertNotIn("x-amz-checksum-sha256", self.fake.headers[-1])

    async def test_compression_is_never_offered(self) -> None:
        await self.objects.get(self.keep(SMALL), 0, 1)
        self.assertEqual(self.fake.headers[-1]["accept-encoding"], "identity")

    async def test_it_counts(self) -> None:
        self.fake.faults.append(Fault(500))
        await self.put(SMALL)
        value = self.registry.get_sample_value
        self.assertEqual(
            value(
                "sora_s3_operations_total",
                {"store": "s3", "operation": "put", "status": "success"},
            ),
            1,
        )
        self.assertEqual(
            value("sora_storage_retries_total", {"store": "s3", "operation": "put"}), 1
        )


class AddressTests(_FakeTestCase):
    """Path style and virtual hosts."""

    def test_addresses(self) -> None:
        for other, address in (
            ({"endpoint": "s3.amazonaws.com"}, "https://mail.s3.amazonaws.com"),
            (
                {"endpoint": "s3.amazonaws.com", "region": "eu-west-1"},
                "https://mail.s3.eu-west-1.amazonaws.com",
            ),
            ({"endpoint": "minio:9000", "path_style": True}, "https://minio:9000/mail"),
            (
                {"endpoint": "minio:9000", "path_style": True, "use_ssl": False},
                "http://minio:9000/mail",
            ),
            ({"endpoint": "http://minio:9000/", "path_style": True}, "http://minio:9000/mail"),
        ):
            config = evolve(self.fake.config, bucket="mail", path_style=False, use_ssl=True)
            client = S3Client(evolve(config, **other), reactor, self.threads)
            self.assertEqual(client.address, address)
