"""Durations, sizes, networks and endpoints, as they are written."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from sora.config.units import (
    Endpoint,
    read_duration,
    read_endpoint,
    read_networks,
    read_pattern,
    read_size,
    read_workers,
    write_duration,
    write_size,
)


class UnitTests(SynchronousTestCase):
    """Tables of what is written and what it means."""

    def test_durations_are_seconds(self) -> None:
        """In one unit or several."""
        for text, seconds in {
            "250ms": 0.25,
            "30s": 30,
            "15m": 900,
            "1h": 3600,
            "14d": 14 * 86400,
            "1w": 7 * 86400,
            "1h30m": 5400,
            "1.5s": 1.5,
            "720h": 30 * 86400,
            "0": 0,
            "0s": 0,
        }.items():
            self.assertEqual(read_duration(text), seconds, text)

    def test_what_is_no_duration_is_refused_with_a_mend(self) -> None:
        """Also a bare number: nobody knows its unit."""
        for value in ("", "5", "m", "5 minutes", "-1s", 5, 1.5, True, None, ["1s"]):
            error = self.assertRaises(ValueError, read_duration, value)
            self.assertIn('write "250ms", "30s"', str(error))

    def test_a_duration_is_written_in_its_largest_whole_unit(self) -> None:
        """And reads back the same."""
        for text in ("250ms", "90s", "1m", "15m", "24h", "14d", "1500ms", "0s"):
            self.assertEqual(write_duration(read_duration(text)), text)

    def test_sizes_are_octets_in_binary_multiples(self) -> None:
        """Numbers are octets."""
        for text, octets in {
            "64kb": 65536,
            "5mb": 5 << 20,
            "1gb": 1 << 30,
            "2TB": 2 << 40,
            "1.5kib": 1536,
            "12b": 12,
            "12": 12,
            10: 10,
        }.items():
            self.assertEqual(read_size(text), octets, text)
        for octets in (0, 1, 1024, 5 << 20, 1536):
            self.assertEqual(read_size(write_size(octets)), octets)

    def test_what_is_no_size_is_refused_with_a_mend(self) -> None:
        """Negative ones, fractions of octets, other units."""
        for value in ("", "mb", "-5mb", "5 megabytes", "0.3b", True, -1, None, 1.5):
            error = self.assertRaises(ValueError, read_size, value)
            self.assertIn('write "64kb"', str(error))

    def test_endpoints_have_a_host_and_a_port(self) -> None:
        """Written as they were read."""
        for text, host, port in (
            (":993", "", 993),
            ("127.0.0.1:24", "127.0.0.1", 24),
            ("mail.example.com:143", "mail.example.com", 143),
            ("[::1]:143", "::1", 143),
            ("[::]:0", "::", 0),
        ):
            self.assertEqual(read_endpoint(text), Endpoint(host, port))
            self.assertEqual(str(read_endpoint(text)), text)

    def test_what_is_no_endpoint_is_refused_with_a_mend(self) -> None:
        """IPv6 addresses need their brackets."""
        for value in ("", "993", "host", "host:", "host:imap", "::1:143", "h:70000", 993, "a b:1"):
            error = self.assertRaises(ValueError, read_endpoint, value)
            self.assertIn('write "mail.example.com:143"', str(error))

    def test_loopback_is_known(self) -> None:
        """Passwords without TLS are allowed there."""
        for text, is_loopback in (
            ("127.0.0.1:1", True),
            ("127.9.9.9:1", True),
            ("[::1]:1", True),
            ("localhost:1", True),
            (":1", False),
            ("10.0.0.1:1", False),
            ("example.com:1", False),
        ):
            self.assertEqual(read_endpoint(text).is_loopback, is_loopback, text)

    def test_networks_and_single_addresses(self) -> None:
        """A network with host bits is told its mend."""
        self.assertEqual(
            read_networks(["10.0.0.0/8", "::1"]), (ip_network("10.0.0.0/8"), ip_network("::1/128"))
        )
        error = self.assertRaises(ValueError, read_networks, ["10.1.2.3/8"])
        self.assertIn('write "10.0.0.0/8"', str(error))
        for value in ("10.0.0.0/8", ["localhost"], [5], None):
            self.assertRaises(ValueError, read_networks, value)

    def test_patterns_are_compiled_once_to_see_that_they_can_be(self) -> None:
        """The error is that of the expression."""
        self.assertEqual(read_pattern("^t13d.*"), "^t13d.*")
        self.assertIn("regular expression", str(self.assertRaises(ValueError, read_pattern, "(")))

    def test_workers_are_a_number_or_auto(self) -> None:
        """Zero is none."""
        self.assertEqual([read_workers(value) for value in (1, 8, "auto", "4")], [1, 8, "auto", 4])
        for value in (0, -1, "many", True, 1.5):
            self.assertRaises(ValueError, read_workers, value)
