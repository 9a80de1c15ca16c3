"""sora.storage.s3 on a real store: SeaweedFS."""

from random import Random
from uuid import UUID, uuid4

from attrs import evolve
from blake3 import blake3
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from sora.breaker import State
from sora.config.s3 import S3Config
from sora.errors import StoreRefused, Unavailable
from sora.retry import Delays
from sora.storage.s3.attempts import Kind
from sora.storage.s3.client import S3Client
from sora.storage.s3.objects import S3Objects
from sora.threads import Threads
from trial_tests.storage.contracts.objects import LARGE, SMALL, ObjectsContract, opener
from trial_tests.support.seaweedfs import seaweedfs


class _SeaweedTestCase(TestCase):
    timeout = 120

    def setUp(self) -> None:
        self.server = seaweedfs(self)
        self.reactor = reactor
        self.threads = Threads(reactor, 4, "s3")
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.config = self.server.config
        self.objects = self.store(self.config)

    def store(self, config: S3Config) -> S3Objects:
        """A store of this configuration, with short delays."""
        objects = S3Objects(
            S3Client(config, reactor, self.threads),
            name="s3",
            prefix=f"{uuid4()}/",
            clock=reactor,
            random=Random(1),
            delays=Delays(first=0.01, longest=0.05, attempts=2),
            failures=3,
            breaker_delays=Delays(first=0.05, longest=0.2),
        )
        self.addCleanup(objects.stop)
        return objects


class SeaweedObjectsTests(ObjectsContract, _SeaweedTestCase):
    """The contract, on SeaweedFS (G12)."""

    async def test_each_checksum_mode_works(self) -> None:
        """G12: checksum modes."""
        for checksum in ("sha256", "md5", "none"):
            self.objects = self.store(evolve(self.config, checksum=checksum))
            for data in (SMALL, LARGE):
                name, etag = await self.keep(data)
                self.assertEqual(await self.objects.get(name, 0, len(data)), data)
                self.assertRegex(etag, r"\A[0-9a-f]{32}\Z")

    async def test_a_bucket_that_is_not_there_is_refused_and_named(self) -> None:
        objects = self.store(evolve(self.config, bucket="sora-no-such-bucket"))
        for call in (objects.get(uuid4(), 0, 1), objects.probe()):
            with self.assertRaises(StoreRefused) as caught:
                await call
            self.assertIn("bucket", caught.exception.text)

    async def test_wrong_keys_are_refused(self) -> None:
        """G5: a 4xx is not repeated and trips no breaker."""
        objects = self.store(evolve(self.config, secret_key="wrong"))
        for _ in range(4):
            with self.assertRaises(StoreRefused) as caught:
                await objects.put(uuid4(), opener(SMALL), len(SMALL), blake3(SMALL).digest())
        self.assertIn("secret_key", caught.exception.text)
        self.assertNotIn("wrong", caught.exception.text)
        self.assertIs(objects.breakers[Kind.PUT].state, State.CLOSED)


class SeaweedOutageTests(_SeaweedTestCase):
    """The store goes away and comes back."""

    async def test_the_breaker_opens_and_closes_by_its_own_probe(self) -> None:
        """G11"""
        digest = blake3(SMALL).digest()
        first = uuid4()
        await self.objects.put(first, opener(SMALL), len(SMALL), digest)
        self.server.stop()
        self.addCleanup(self.server.start)
        for _ in range(3):
            with self.assertRaises(Unavailable):
                await self.objects.get(first, 0, 1)
        self.assertTrue(self.objects.breakers[Kind.GET].is_open)
        with self.assertRaises(Unavailable) as caught:
            await self.objects.get(first, 0, 1)
        self.assertIn("circuit breaker", caught.exception.text)
        self.server.start()
        while self.objects.breakers[Kind.GET].is_open:
            await _turn()
        self.assertEqual(await self.read(first), SMALL)

    async def read(self, name: UUID) -> bytes:
        """Read an object; the store answers 500 until it has found its own volumes again."""
        while True:
            try:
                return await self.objects.get(name, 0, len(SMALL))
            except Unavailable:
                await _turn()


def _turn() -> object:
    return deferLater(reactor, 0.02, lambda: None)
