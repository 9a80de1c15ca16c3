"""The caches of bodies, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

from blake3 import blake3
from twisted.internet.defer import succeed

from sora.operations.cache import LiveCache
from sora.storage.disk.cache import DiskCache
from sora.storage.rows import CacheSample
from trial_tests.protocols.http.desk import READING, DeskTestCase

BODY = b"octets" * 10
HASH = blake3(BODY).digest()


class Here:
    """Threads that are this one."""

    def run(self, work: Any, *args: Any) -> Any:
        return succeed(work(*args))


class CacheTests(DeskTestCase):
    """A cache with one body, which was asked for twice before it came, and twice after."""

    def setUp(self) -> None:
        self.disk = DiskCache(
            self.mktemp(),
            capacity=1000,
            max_object_size=500,
            threads=Here(),  # type: ignore[arg-type]
        )
        self.done(self.disk.start())
        self.cache = LiveCache(self.disk, self.sample)  # type: ignore[arg-type]
        super().setUp()
        self.clock.advance(1_700_000_000)
        for _ in range(2):
            self.done(self.disk.get(HASH, len(BODY)))
        self.successResultOf(self.disk.put(HASH, BODY))
        for _ in range(2):
            self.done(self.disk.get(HASH, len(BODY)))

    def done(self, work: Any) -> Any:
        return self.successResultOf(work)

    def sample(self) -> CacheSample:
        now = datetime.fromtimestamp(self.clock.seconds(), UTC)
        return CacheSample("mail-1", now, now - timedelta(minutes=5), self.disk.status)

    def test_the_cache_of_this_process(self) -> None:
        answer = self.ask("GET", "/admin/cache/stats", key=READING)
        self.assertEqual(answer.status, 200, answer.body)
        found = answer.json
        self.assertEqual((found["path"], found["instance"]), (self.disk.path, "mail-1"))
        self.assertEqual(
            [found[name] for name in ("objects", "octets", "capacity", "hits", "misses")],
            [1, 60, 1000, 2, 2],
        )

    def test_a_purge(self) -> None:
        """By who may change things; what is wanted afterwards is a miss, and is kept anew."""
        self.assertEqual(self.ask("POST", "/admin/cache/purge", key=READING).status, 403)
        self.assertEqual(self.ask("POST", "/admin/cache/purge").json, {"objects": 1, "octets": 60})
        self.assertIsNone(self.done(self.disk.get(HASH, len(BODY))))
        self.successResultOf(self.disk.put(HASH, BODY))
        self.assertEqual(self.done(self.disk.get(HASH, len(BODY))), BODY)

    def test_how_caches_were(self) -> None:
        month = timedelta(days=30)
        for _ in range(3):
            self.successResultOf(self.storage.cache_history.note(self.sample(), month))
            self.clock.advance(300)
        [last] = self.ask("GET", "/admin/cache/metrics").json["items"]
        self.assertEqual((last["instance"], last["hits"]), ("mail-1", 2))

        def count(query: str) -> int:
            return len(self.ask("GET", f"/admin/cache/metrics?{query}").json["items"])

        self.assertEqual(count("history=true"), 3)
        self.assertEqual(count("history=true&limit=2"), 2)
        self.assertEqual(count("history=true&since=700"), 2)
        self.assertEqual(count("instance=mail-2"), 0)
        self.assertEqual(self.ask("GET", "/admin/cache/metrics?limit=0").status, 400)


class NoCacheTests(DeskTestCase):
    def test_a_process_without_one_says_so(self) -> None:
        answer = self.ask("GET", "/admin/cache/stats")
        self.assertIn(answer.status, (400, 422))
        self.assertIn("[cache] path", answer.json["detail"])
