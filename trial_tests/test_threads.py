"""sora.threads"""

import threading

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import TestCase

from sora.deferreds import gather
from sora.threads import Threads


class ThreadsTests(TestCase):
    """A bounded pool."""

    def setUp(self) -> None:
        self.threads = Threads(reactor, 2, "tests")
        self.threads.startService()
        self.addCleanup(self.stop)

    def stop(self) -> object:
        return self.threads.stopService() if self.threads.running else None

    async def test_it_gives_results_and_raises_errors(self) -> None:
        self.assertEqual(await self.threads.run(divmod, 7, 2), (3, 1))
        with self.assertRaises(ZeroDivisionError):
            await self.threads.run(divmod, 7, 0)
        self.assertEqual(self.threads.pending, 0)

    async def test_there_are_never_more_threads_than_allowed(self) -> None:
        barrier = threading.Barrier(2, timeout=10)
        names = await gather(*[self.threads.run(_meet, barrier) for _ in range(6)])
        self.assertEqual(len(set(names)), 2)

    async def test_stopping_waits_for_what_was_begun(self) -> None:
        release = threading.Event()
        call = self.threads.run(release.wait, 10)
        call.addErrback(lambda _: None)
        stopped = self.threads.stopService()
        self.assertFalse(stopped.called)
        release.set()
        await stopped
        self.assertTrue(call.called)

    async def test_cancelling_leaves_the_call_running(self) -> None:
        release = threading.Event()
        call = self.threads.run(release.wait, 10)
        call.cancel()
        with self.assertRaises(CancelledError):
            await call
        self.assertEqual(self.threads.pending, 1)
        release.set()


def _meet(barrier: threading.Barrier) -> int:
    barrier.wait()
    return threading.get_ident()
