"""Sessions end when their account was disabled or deleted by whomever."""

from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import parse_address
from sora.errors import AccountClosed, SoraError, Unavailable
from sora.metrics.connections import ConnectionMetrics
from sora.net.peer import Peer
from sora.net.tracker import Tracker
from sora.storage.memory.storage import memory_storage
from sora.workers.closed_accounts import INTERVAL, ClosedAccounts


class Talk:
    """A connection that is told to end."""

    peer = Peer("192.0.2.1", 4000)
    transcript = None
    is_tls = True
    octets_in = octets_out = 0

    def __init__(self) -> None:
        self.told: list[type[SoraError]] = []

    def shutdown(self, why: SoraError) -> None:
        """Say goodbye."""
        self.told.append(type(why))


class Asked:
    """The accounts of a storage, and what they were asked; away while `failure` is set."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.questions: list[list[str]] = []
        self.failure: Exception | None = None

    async def closed(self, keys: list[str]) -> Any:
        """See `IAccounts`."""
        self.questions.append(keys)
        if self.failure is not None:
            raise self.failure
        return await self.inner.closed(keys)


class ClosedAccountsTests(SynchronousTestCase):
    """Three who are logged in, and one who is not yet."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.storage = memory_storage(self.clock)
        self.tracker = Tracker(self.clock.seconds, ConnectionMetrics(CollectorRegistry()))
        self.talks: dict[str, Talk] = {}
        self.asked = Asked(self.storage.accounts)
        for name in ("Ann", "bob", "eve", ""):
            self.talks[name] = Talk()
            session = self.tracker.enter(self.talks[name], "imap", "imap")  # type: ignore[arg-type]
            if name:
                address = f"{name}@example.com"
                self.successResultOf(self.storage.accounts.create(parse_address(address), (), ()))
                session.identify(address)
        worker = ClosedAccounts(self.asked, lambda: self.tracker, self.clock)  # type: ignore[arg-type]
        worker.startService()
        self.addCleanup(worker.stopService)

    def ends(self) -> list[int]:
        """How often each was told that the account is closed, after the next look."""
        self.clock.advance(INTERVAL)
        return [talk.told.count(AccountClosed) for talk in self.talks.values()]

    def test_those_of_closed_accounts_end(self) -> None:
        """And no others."""
        self.assertEqual(self.ends(), [0, 0, 0, 0])
        ann, eve = parse_address("ann@example.com"), parse_address("eve@example.com")
        self.successResultOf(self.storage.accounts.disable(ann, True))
        self.successResultOf(self.storage.accounts.delete(eve))
        self.assertEqual(self.ends(), [1, 0, 1, 0])
        self.assertEqual(
            self.asked.questions, [[f"{name}@example.com" for name in ("ann", "bob", "eve")]] * 2
        )

    def test_a_database_that_is_away_is_asked_again(self) -> None:
        """Nobody is put off meanwhile (G6)."""
        self.successResultOf(self.storage.accounts.disable(parse_address("bob@example.com"), True))
        self.asked.failure = Unavailable("away")
        self.assertEqual(self.ends(), [0, 0, 0, 0])
        self.asked.failure = None
        self.assertEqual(self.ends(), [0, 1, 0, 0])

    def test_nothing_is_asked_while_nobody_is_logged_in(self) -> None:
        """A process that only receives mail sends no statement for it."""
        for session in self.tracker:
            session.unidentify()
        self.ends()
        self.assertEqual(self.asked.questions, [])
