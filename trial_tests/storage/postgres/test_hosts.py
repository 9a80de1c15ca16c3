"""sora.storage.postgres.hosts and replicas: which of several servers is asked, on a Clock, with
servers that say what they are told to."""

from collections.abc import Callable
from math import inf
from random import Random
from typing import Any

from attrs import define, evolve, field
from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.breaker import Breaker
from sora.errors import Unavailable
from sora.metrics.database import DatabaseMetrics
from sora.storage.postgres.connection import Answer, Server
from sora.storage.postgres.errors import Lost
from sora.storage.postgres.hosts import ANSWER_WITHIN, PrimaryHosts, Standing
from sora.storage.postgres.pool import Limits, Pool
from sora.storage.postgres.replicas import MARKS, Marks, Replica, Replicas

PRIMARY = Standing(is_replica=False, position=100, timeline=1, cluster=7)
REPLICA = evolve(PRIMARY, is_replica=True)


@define(eq=False)
class Line:
    """A connection to a host. It answers with how the host stands, or not at all."""

    host: "Host"
    is_open: bool = True
    lost: Callable[[], None] | None = None
    _waiting: "Deferred[Answer] | None" = None

    def execute(self, sql: str, parameters: Any = None) -> "Deferred[Answer]":
        self.host.asked += 1
        answer: Deferred[Answer] = Deferred()
        if self.host.hangs:
            self._waiting = answer
        else:
            one = self.host.standing
            row = (one.is_replica, one.position, one.timeline, one.cluster)
            answer.callback(Answer([row], 1, "SELECT 1"))
        return answer

    def close(self) -> None:
        self.is_open = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(Lost("the connection was closed", sent=True))

    abort = close


@define(eq=False)
class Host:
    """A server."""

    standing: Standing = PRIMARY
    is_up: bool = True
    hangs: bool = False
    asked: int = 0
    lines: list[Line] = field(factory=list)


class HostsTestCase(SynchronousTestCase):
    """Hosts `a`, `b` and `c`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.hosts = {name: Host(REPLICA) for name in "abc"}

    def of(self, names: str) -> PrimaryHosts:
        servers = [Server(name, application_name=name) for name in names]
        return PrimaryHosts(servers, self.connect, self.clock)  # type: ignore[arg-type]

    async def connect(self, server: Server) -> Any:
        host = self.hosts[server.host]
        if not host.is_up:
            raise Unavailable(f"The database at {server.where} cannot be reached: refused")
        line = Line(host)
        host.lines.append(line)
        return line

    def opening(self, hosts: PrimaryHosts) -> "Deferred[Any]":
        return Deferred.fromCoroutine(hosts.open())

    def opened(self, hosts: PrimaryHosts) -> str:
        """The name of the host that a new connection leads to."""
        line = self.successResultOf(self.opening(hosts))
        self.assertTrue(line.is_open)
        [name] = [name for name, host in self.hosts.items() if host is line.host]
        return name

    def refused(self, hosts: PrimaryHosts) -> str:
        return self.failureResultOf(self.opening(hosts), Unavailable).value.text

    def connections(self) -> dict[str, int]:
        """How many were opened to each host, and forget them."""
        found = {name: len(host.lines) for name, host in self.hosts.items()}
        for host in self.hosts.values():
            host.lines.clear()
        return found


class PrimaryHostsTests(HostsTestCase):
    def test_one_host_is_taken_as_it_is(self) -> None:
        """It may be a PgBouncer or a balancer: it is asked nothing, and no other is looked for."""
        hosts = self.of("a")
        self.assertFalse(hosts.are_several)
        self.assertEqual(self.opened(hosts), "a")
        self.assertEqual(self.hosts["a"].asked, 0)
        hosts.doubt()
        self.assertEqual(hosts.present, hosts.servers[0])

    def test_the_primary_is_found_in_any_order(self) -> None:
        for primary in "abc":
            for names in ("abc", "cba", "bca"):
                for name, host in self.hosts.items():
                    host.standing = PRIMARY if name == primary else REPLICA
                self.assertEqual(self.opened(self.of(names)), primary)

    def test_who_is_known_is_asked_first_and_alone(self) -> None:
        self.hosts["b"].standing = PRIMARY
        hosts = self.of("abc")
        self.opened(hosts)
        self.connections()
        self.assertEqual(self.opened(hosts), "b")
        self.assertEqual(self.connections(), {"a": 0, "b": 1, "c": 0})

    def test_another_is_found_when_it_goes_or_is_doubted(self) -> None:
        """G21: also while it says still that it is the primary, if another one was promoted."""
        self.hosts["a"].standing = PRIMARY
        hosts = self.of("abc")
        self.assertEqual(self.opened(hosts), "a")
        self.hosts["a"].is_up = False
        self.assertIn("a:5432 cannot be reached", self.refused(hosts))
        self.hosts["b"].standing = evolve(PRIMARY, timeline=2)
        self.assertEqual(self.opened(hosts), "b")
        self.hosts["b"].standing = evolve(REPLICA, timeline=2)
        self.hosts["c"].standing = evolve(PRIMARY, timeline=3)
        hosts.doubt()
        self.assertEqual(self.opened(hosts), "c")

    def test_of_two_primaries_the_one_that_was_promoted_last_is(self) -> None:
        """And the other one never again, whatever becomes of it."""
        self.hosts["a"].standing = PRIMARY
        self.hosts["b"].standing = evolve(PRIMARY, timeline=2)
        hosts = self.of("abc")
        self.assertEqual(self.opened(hosts), "b")
        self.hosts["b"].is_up = False
        text = self.refused(hosts)
        self.assertIn("a:5432 is on timeline 1, and another host was promoted since", text)
        self.assertIn("c:5432 is a replica", text)
        self.assertIn("b:5432 cannot be reached", text)

    def test_a_server_of_another_cluster_never_is(self) -> None:
        self.hosts["a"].standing = PRIMARY
        hosts = self.of("ab")
        self.opened(hosts)
        self.hosts["a"].is_up = False
        self.hosts["b"].standing = evolve(PRIMARY, cluster=8, timeline=9)
        self.assertIn("b:5432 belongs to another cluster", self.refused(hosts))

    def test_all_are_asked_at_the_same_time_and_once_for_all(self) -> None:
        """However many wait for a connection; and what was opened to look is closed again."""
        hosts = self.of("abc")
        for host in self.hosts.values():
            host.hangs = True
        waiting = [self.opening(hosts) for _ in range(5)]
        self.assertEqual([host.asked for host in self.hosts.values()], [1, 1, 1])
        looked = [host.lines[0] for host in self.hosts.values()]
        self.clock.advance(ANSWER_WITHIN)
        for one in waiting:
            text = self.failureResultOf(one, Unavailable).value.text
            self.assertEqual(text.count("it did not answer within 2 s"), 3)
        self.assertEqual([line.is_open for line in looked], [False] * 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_host_that_hangs_costs_a_bounded_wait(self) -> None:
        """G23"""
        self.hosts["a"].hangs = True
        self.hosts["b"].standing = PRIMARY
        hosts = self.of("ab")
        opening = self.opening(hosts)
        self.assertNoResult(opening)
        self.clock.advance(ANSWER_WITHIN)
        self.assertIs(self.successResultOf(opening).host, self.hosts["b"])
        # From now on it is not waited for.
        self.assertEqual(self.opened(hosts), "b")

    def test_a_primary_that_hangs_is_given_up_and_another_found(self) -> None:
        self.hosts["a"].standing = PRIMARY
        hosts = self.of("ab")
        self.opened(hosts)
        self.hosts["a"].hangs = True
        self.hosts["b"].standing = evolve(PRIMARY, timeline=2)
        opening = self.opening(hosts)
        self.clock.advance(ANSWER_WITHIN)  # the present one
        self.clock.advance(ANSWER_WITHIN)  # once more, beside the other one
        self.assertIs(self.successResultOf(opening).host, self.hosts["b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class MarksTests(SynchronousTestCase):
    """When the primary was where."""

    def setUp(self) -> None:
        self.marks = Marks()
        for at, position in ((1.0, 100), (2.0, 200), (3.0, 200), (4.0, 300)):
            self.marks.add(at, evolve(PRIMARY, position=position))

    def test_what_a_replica_has_for_certain(self) -> None:
        """All that was known when the primary was asked and was no further than this."""
        reached = {place: self.marks.reached(place) for place in (99, 100, 250, 300, 400)}
        self.assertEqual(
            reached,
            {
                99: (-inf, False),
                100: (1.0, False),
                250: (3.0, False),
                300: (4.0, True),
                400: (4.0, True),
            },
        )
        self.assertEqual(self.marks.first, 1.0)

    def test_another_log_begins_anew(self) -> None:
        """One that is shorter than it was, or another cluster's."""
        for other in (evolve(PRIMARY, position=250), evolve(PRIMARY, position=900, cluster=8)):
            self.setUp()
            self.marks.add(5.0, other)
            self.assertEqual(
                self.marks.reached(299), (5.0, True) if other.cluster == 7 else (-inf, False)
            )

    def test_they_are_bounded(self) -> None:
        for at in range(10, 10 + MARKS):
            self.marks.add(float(at), evolve(PRIMARY, position=1000 * at))
        self.assertEqual(self.marks.first, 10.0)


class ReplicasTests(HostsTestCase):
    """Three replicas of a primary that is looked at every second."""

    def setUp(self) -> None:
        super().setUp()
        metrics = DatabaseMetrics(CollectorRegistry())
        self.all = [self.replica(name, metrics) for name in "abc"]
        self.replicas = Replicas(self.all)
        for second in range(1, 6):
            self.replicas.marks.add(float(second), evolve(PRIMARY, position=100 * second))

    def replica(self, name: str, metrics: DatabaseMetrics) -> Replica:
        random = Random(1)
        server = Server(name)

        async def open_one() -> Any:
            return await self.connect(server)

        pool: Pool[Any] = Pool(
            open_one, Limits(), clock=self.clock, random=random, metrics=metrics, role=name
        )
        breaker = Breaker(name, open_one, clock=self.clock, random=random)
        self.addCleanup(lambda: Deferred.fromCoroutine(breaker.stop()))
        return Replica(server, pool, breaker, 10.0)

    def seen(self, *positions: int, now: float = 5.0) -> None:
        for replica, position in zip(self.all, positions, strict=True):
            replica.seen(evolve(REPLICA, position=position), self.replicas.marks, now)

    def chosen(self, since: float, times: int = 6) -> list[str]:
        found = [self.replicas.choose(since) for _ in range(times)]
        return [replica.server.host if replica is not None else "primary" for replica in found]

    def test_nobody_is_asked_before_he_was_looked_at(self) -> None:
        self.assertEqual(self.chosen(-inf, 1), ["primary"])

    def test_they_are_asked_in_turn(self) -> None:
        self.seen(500, 500, 500)
        self.assertEqual(self.chosen(99.0), [*"abcabc"])

    def test_one_that_lags_is_asked_for_what_it_has(self) -> None:
        self.seen(500, 300, 299)
        self.assertEqual(self.chosen(2.0), [*"abcabc"])
        self.assertEqual(self.chosen(3.0), [*"ababab"])
        self.assertEqual(self.chosen(3.5, 2), [*"aa"])
        self.assertEqual([replica.lag for replica in self.all], [0.0, 2.0, 3.0])

    def test_one_refusal_and_it_is_asked_only_for_what_it_has_for_certain(self) -> None:
        self.seen(500, 500, 99)
        self.all[0].refused()
        self.assertEqual(self.chosen(9.0, 2), ["b", "b"])
        self.assertEqual(self.chosen(5.0, 2), ["a", "b"])
        self.seen(500, 500, 99)
        self.assertEqual(sorted(self.chosen(9.0, 2)), ["a", "b"])

    def test_one_that_is_too_far_behind_lost_or_of_another_cluster_is_not(self) -> None:
        self.seen(100, 500, 500, now=12.0)
        self.assertIn("11.0 s behind, more than max_replica_lag", self.all[0].trouble)
        self.all[1].lost("it did not answer")
        self.all[2].seen(evolve(REPLICA, position=500, cluster=8), self.replicas.marks, 5.0)
        self.assertEqual(self.all[2].trouble, "it belongs to another cluster")
        self.assertEqual(self.chosen(-inf, 1), ["primary"])

    def test_one_whose_breaker_is_open_is_not(self) -> None:
        self.seen(500, 500, 500)
        for _ in range(5):
            self.all[1].breaker.failed(Unavailable("it does not answer"))
        self.assertEqual(self.chosen(9.0), [*"acacac"])
