"""When somebody was here last: kept in bounded memory, and written by one statement a minute."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import parse_address
from sora.auth.last_logins import LastLogins
from sora.deferreds import deferred
from sora.errors import Unavailable
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import Login
from sora.workers.last_logins import INTERVAL, LastLoginRecorder

MOST = 6
NAMES = "abcdefghij"


class Asked:
    """The credentials of a storage, which is away while `failure` is set; with `held` it answers
    when a test says so."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.written: list[int] = []
        self.failure: Exception | None = None
        self.held: Deferred[None] | None = None

    @deferred
    async def note_logins(self, logins: Any) -> None:
        """See `ICredentials`."""
        self.written.append(len(logins))
        if self.held is not None:
            await self.held
        if self.failure is not None:
            raise self.failure
        await self.inner.note_logins(logins)


class LastLoginRecorderTests(SynchronousTestCase):
    """A process in whose memory there is room for six."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.storage = memory_storage(self.clock)
        self.logins: dict[str, Login] = {}
        for name in NAMES:
            address = parse_address(f"{name}@example.com")
            self.successResultOf(self.storage.accounts.create(address, (), ()))
            login = self.successResultOf(self.storage.credentials.login(address))
            assert login is not None
            self.logins[name] = login
        self.asked = Asked(self.storage.credentials)
        self.last = LastLogins(self.clock, MOST)
        self.recorder = LastLoginRecorder(self.last, self.asked, self.clock)  # type: ignore[arg-type]
        self.recorder.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        if self.recorder.running:
            self.successResultOf(self.recorder.stopService())

    def log_in(self, names: str, protocol: str = "imap") -> None:
        for name in names:
            self.last.note(self.logins[name], protocol, "192.0.2.1")

    def ages(self) -> dict[str, float]:
        """How many seconds ago each has logged in, as the database knows it."""
        rows = self.successResultOf(self.storage.accounts.list())
        now = self.clock.seconds()
        return {
            row.address[0]: now - row.last_login.at.timestamp()
            for row in rows
            if row.last_login is not None
        }

    def test_one_statement_a_minute_whoever_logs_in_how_often(self) -> None:
        self.log_in("ab")
        self.clock.advance(20)
        self.log_in("aaa", "pop3")
        self.assertEqual(self.asked.written, [])
        self.clock.advance(INTERVAL - 20)
        self.assertEqual((self.asked.written, self.ages()), ([2], {"a": 40, "b": 60}))
        [row] = self.successResultOf(self.storage.accounts.list(limit=1))
        self.assertEqual((row.last_login.protocol, row.last_login.address), ("pop3", "192.0.2.1"))

    def test_nothing_is_written_while_nobody_logs_in(self) -> None:
        self.clock.pump([INTERVAL] * 5)
        self.assertEqual(self.asked.written, [])

    def test_much_is_written_earlier(self) -> None:
        self.log_in("abc")
        self.assertEqual((self.asked.written, len(self.last)), ([3], 0))
        self.log_in("a")
        self.clock.advance(INTERVAL)
        self.assertEqual(self.asked.written, [3, 1])

    def test_a_database_that_is_away_loses_nobody_and_fills_no_memory(self) -> None:
        """G6: those who have logged in longest ago give way, when there are too many."""
        self.asked.failure = Unavailable("away")
        self.log_in("ab")
        self.clock.advance(INTERVAL)
        self.log_in("b")
        self.clock.advance(INTERVAL)
        self.log_in("cdefg")
        self.assertEqual((len(self.last), self.last.lost), (MOST, 1))
        self.clock.advance(INTERVAL)
        self.assertEqual(self.ages(), {})
        self.asked.failure = None
        self.clock.advance(INTERVAL)
        ages = {"b": 3 * INTERVAL} | dict.fromkeys("cdefg", 2 * INTERVAL)
        self.assertEqual((self.ages(), len(self.last)), (ages, 0))

    def test_who_logs_in_while_it_is_written_is_written_next(self) -> None:
        """Also when that fails: the newer login stays."""
        self.asked.held = held = Deferred()
        self.log_in("ab")
        self.clock.advance(INTERVAL)
        self.clock.advance(5)
        self.log_in("bcdefg")
        self.assertEqual((self.asked.written, len(self.last)), ([2], MOST))
        self.asked.failure, self.asked.held = Unavailable("away"), None
        held.callback(None)
        self.assertEqual((len(self.last), self.last.lost), (MOST, 1))
        self.asked.failure = None
        self.clock.advance(INTERVAL)
        self.assertEqual(self.ages(), dict.fromkeys("bcdefg", INTERVAL))

    def test_it_is_written_at_the_end(self) -> None:
        self.log_in("ab")
        self.clock.advance(3)
        self.successResultOf(self.recorder.stopService())
        self.assertEqual((self.asked.written, self.ages()), ([2], {"a": 3, "b": 3}))
        self.clock.advance(2 * INTERVAL)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_process_ends_while_the_database_is_away(self) -> None:
        self.asked.failure = Unavailable("away")
        self.log_in("a")
        self.successResultOf(self.recorder.stopService())
        self.assertEqual(self.asked.written, [1])
