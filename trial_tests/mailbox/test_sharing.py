"""Work that is done once for all who want it."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from sora.mailbox.sharing import Shared


class SharedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shared: Shared[str, str] = Shared()
        self.begun: list[Deferred[str]] = []

    def get(self, key: str = "key") -> "Deferred[str]":
        async def work() -> str:
            self.begun.append(Deferred())
            return await self.begun[-1]

        return self.shared.get(key, work)

    def test_all_who_ask_while_it_runs_share_it(self) -> None:
        waiting = [self.get(), self.get(), self.get("other")]
        self.assertEqual((len(self.begun), len(self.shared)), (2, 2))
        self.begun[0].callback("done")
        self.assertEqual([self.successResultOf(one) for one in waiting[:2]], ["done"] * 2)
        self.assertNoResult(waiting[2])
        self.begun[1].callback("other")
        self.assertEqual(len(self.shared), 0)

    def test_who_asks_later_begins_it_anew(self) -> None:
        first = self.get()
        self.begun[0].callback("first")
        second = self.get()
        self.begun[1].callback("second")
        self.assertEqual(
            [self.successResultOf(first), self.successResultOf(second)], ["first", "second"]
        )

    def test_one_who_gives_up_disturbs_nobody(self) -> None:
        first, second = self.get(), self.get()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.begun[0].callback("done")
        self.assertEqual(self.successResultOf(second), "done")

    def test_a_failure_is_shared_too(self) -> None:
        first, second = self.get(), self.get()
        self.begun[0].errback(ValueError("no"))
        self.failureResultOf(first, ValueError)
        self.failureResultOf(second, ValueError)
