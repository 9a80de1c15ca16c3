"""sora.storage.memory.objects"""

from uuid import uuid4

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from sora.errors import Unavailable
from sora.storage.memory.objects import MemoryObjects
from trial_tests.storage.contracts.objects import ObjectsContract


class MemoryObjectsTests(ObjectsContract, TestCase):
    """The contract, in memory."""

    def setUp(self) -> None:
        self.reactor = reactor
        self.objects = MemoryObjects()

    async def test_a_store_that_is_down_says_so(self) -> None:
        self.objects.down = True
        for call in (
            self.objects.get(uuid4(), 0, 1),
            self.objects.exists(uuid4()),
            self.objects.delete(uuid4()),
            self.objects.probe(),
        ):
            with self.assertRaises(Unavailable):
                await call
