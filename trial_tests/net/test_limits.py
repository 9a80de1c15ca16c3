from ipaddress import ip_network

from prometheus_client import CollectorRegistry
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import TooMany
from sora.metrics.connections import ConnectionMetrics
from sora.net.connection import Connection
from sora.net.limits import ConnectionLimits, Place
from sora.net.networks import LOOPBACK, PRIVATE, Networks, counted_as
from sora.net.peer import Peer
from sora.net.tracker import Session, Tracker
from trial_tests.net.test_connection import LineReader


class NetworksTests(SynchronousTestCase):
    def test_knows_which_network_a_host_is_in(self) -> None:
        networks = Networks([*LOOPBACK, ip_network("10.0.0.0/8")])
        table = {
            "127.0.0.1": True,
            "::1": True,
            "::ffff:10.1.2.3": True,
            "10.255.0.1": True,
            "11.0.0.1": False,
            "2001:db8::1": False,
            "local": True,
            "mail.example.com": False,
        }
        for host, expected in table.items():
            self.assertEqual(host in networks, expected, host)

    def test_private_networks_are_not_the_internet(self) -> None:
        private = Networks(PRIVATE)
        self.assertTrue(all(host in private for host in ("192.168.7.7", "172.31.0.1", "fd00::1")))
        self.assertFalse(any(host in private for host in ("172.32.0.1", "8.8.8.8", "2001:db8::1")))

    def test_an_ipv6_subscriber_is_one(self) -> None:
        self.assertEqual(counted_as("2001:db8::1"), counted_as("2001:db8::ffff:2"))
        self.assertNotEqual(counted_as("2001:db8::1"), counted_as("2001:db8:0:1::1"))
        self.assertEqual(counted_as("::ffff:192.0.2.1"), "192.0.2.1")


class ConnectionLimitsTests(SynchronousTestCase):
    def test_places_are_taken_and_given_back_once(self) -> None:
        """G55"""
        limits = ConnectionLimits(total=3, per_address=2, exempt=Networks(LOOPBACK))
        first, second = limits.take("192.0.2.1"), limits.take("192.0.2.1")
        assert isinstance(first, Place) and isinstance(second, Place)
        self.assertEqual(limits.take("192.0.2.1"), "address")
        third = limits.take("192.0.2.2")
        assert isinstance(third, Place)
        self.assertEqual(limits.take("127.0.0.1"), "server")
        first.give_back()
        first.give_back()
        self.assertEqual(limits.taken, 2)
        self.assertIsInstance(limits.take("192.0.2.1"), Place)
        self.assertEqual(limits.take("192.0.2.1"), "server")

    def test_exempt_addresses_count_only_in_all(self) -> None:
        limits = ConnectionLimits(total=5, per_address=1, exempt=Networks(LOOPBACK))
        taken = [limits.take("127.0.0.1") for _ in range(6)]
        self.assertEqual([isinstance(place, Place) for place in taken], [True] * 5 + [False])

    def test_no_limits(self) -> None:
        limits = ConnectionLimits(total=0, per_address=0, exempt=Networks([]))
        places = [limits.take("192.0.2.1") for _ in range(1000)]
        self.assertTrue(all(isinstance(place, Place) for place in places))
        for place in places:
            place.give_back()  # type: ignore[union-attr]
        self.assertEqual(limits.taken, 0)


class TrackerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.registry = CollectorRegistry()
        self.clock = Clock()
        metrics = ConnectionMetrics(self.registry)
        self.tracker = Tracker(self.clock.seconds, metrics, per_user=2)

    def gauge(self, name: str) -> float | None:
        labels = {"protocol": "imap", "server_name": "imap-143"}
        return self.registry.get_sample_value(name, labels)

    def enter(self) -> Session:
        connection = Connection(self.clock, LineReader())
        connection.peer = Peer("192.0.2.1", 1)
        return self.tracker.enter(connection, "imap", "imap-143")

    def test_counts_connections_of_users_and_forgets_them(self) -> None:
        sessions = [self.enter() for _ in range(3)]
        sessions[0].identify("a@b")
        sessions[0].identify("a@b")
        sessions[1].identify("a@b")
        self.assertEqual(self.tracker.of_user("a@b"), sessions[:2])
        self.assertRaises(TooMany, sessions[2].identify, "a@b")
        sessions[2].identify("c@d")
        self.assertEqual(self.gauge("sora_authenticated_connections_current"), 3)
        sessions[0].leave()
        sessions[0].leave()
        sessions[2].identify("a@b")
        self.assertEqual(self.tracker.of_user("c@d"), [])
        for session in sessions[1:]:
            session.leave()
        self.assertEqual((len(self.tracker), self.tracker.of_user("a@b")), (0, []))
        self.assertEqual(self.gauge("sora_connections_current"), 0)
        self.assertEqual(self.gauge("sora_authenticated_connections_current"), 0)
        self.assertEqual(self.gauge("sora_connections_total"), 3)

    def test_somebody_else_may_follow_on_the_same_connection(self) -> None:
        session = self.enter()
        session.identify("a@b")
        session.unidentify()
        self.assertEqual(self.tracker.of_user("a@b"), [])
        self.assertEqual(self.gauge("sora_authenticated_connections_current"), 0)
        session.identify("c@d")
        self.assertEqual(self.tracker.of_user("c@d"), [session])
        session.leave()
        session.unidentify()
        self.assertEqual(self.gauge("sora_authenticated_connections_current"), 0)

    def value(self, name: str, **labels: str) -> float | None:
        self.registry.collect()
        return self.registry.get_sample_value(name, labels)

    def test_time_and_octets_are_counted_once(self) -> None:
        """Octets of a connection that lasts are told before it ends, and not again then."""
        session, other = self.enter(), self.enter()
        connection = session.connection
        connection.incoming.octets, connection.outgoing.octets = 10, 2000
        for _ in range(2):
            found = [
                self.value("sora_bytes_throughput_total", protocol="imap", direction=direction)
                for direction in ("in", "out")
            ]
            self.assertEqual(found, [10, 2000])
        connection.incoming.octets += 5
        self.clock.advance(70)
        session.leave()
        connection.incoming.octets += 5
        other.leave()
        found_in = self.value("sora_bytes_throughput_total", protocol="imap", direction="in")
        self.assertEqual(found_in, 15)
        name = "sora_connection_duration_seconds"
        self.assertEqual((self.gauge(f"{name}_count"), self.gauge(f"{name}_sum")), (2, 140))

    def test_users_and_addresses_are_counted_and_not_named(self) -> None:
        """G66"""
        sessions = [self.enter() for _ in range(3)]
        sessions[2].connection.peer = Peer("192.0.2.9", 1)
        sessions[0].identify("a@b")
        sessions[1].identify("a@b")
        self.assertEqual(self.value("sora_connection_tracker_users"), 1)
        self.assertEqual(self.value("sora_connection_tracker_ips"), 2)
        for session in sessions:
            session.leave()
        self.assertEqual(self.value("sora_connection_tracker_users"), 0)
        self.assertEqual(self.value("sora_connection_tracker_ips"), 0)

    def test_why_clients_were_given_up(self) -> None:
        """Once, and not after it is gone."""
        session = self.enter()
        session.timed_out("idle")
        session.leave()
        session.timed_out("idle")
        labels = {"protocol": "imap", "server_name": "imap-143", "reason": "idle"}
        self.assertEqual(self.value("sora_connection_timeouts_total", **labels), 1)
