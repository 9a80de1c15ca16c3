"""SIGHUP: exchange what can be exchanged; an invalid configuration changes nothing (G68)."""

import os
import signal
from datetime import UTC, datetime, timedelta
from io import StringIO
from ipaddress import ip_network
from pathlib import Path

from attrs import evolve
from prometheus_client import CollectorRegistry
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sora.app.logging import LogOutput
from sora.app.reload import Reload, RunningServer, Signals, changes
from sora.app.servers import tell_ends
from sora.config.config import Config
from sora.config.load import load, loads
from sora.config.servers import ServerConfig
from sora.config.units import Endpoint
from sora.metrics.connections import ConnectionMetrics
from sora.net.limits import ConnectionLimits, Place
from sora.net.networks import Networks
from sora.net.tracker import Tracker
from sora.tls.contexts import ServerTLS
from sora.tls.self_signed import self_signed

BEFORE = """
[s3]
provider = "filesystem"
[logging]
level = "warn"
[[servers]]
type = "imap"
addr = "127.0.0.1:143"
max_connections = 1
"""


class ReloadTests(SynchronousTestCase):
    """A configuration file that changes."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.file = directory / "config.toml"
        self.file.write_text(BEFORE)
        self.certificate = self_signed(directory, "one.example", datetime.now(UTC))
        self.tls = ServerTLS(self.certificate.cert_file, self.certificate.key_file)
        self.registry = CollectorRegistry()
        tell_ends([self.tls], self.registry)
        self.limits = ConnectionLimits(total=1, per_address=100, exempt=Networks([]))
        self.tracker = Tracker(lambda: 0.0, ConnectionMetrics(CollectorRegistry()), per_user=50)
        self.given: list[ServerConfig] = []
        self.stream = StringIO()
        config = load(self.file).config
        self.output = LogOutput(config.logging, self.stream)
        self.reload = Reload(
            config,
            lambda: load(self.file),
            output=self.output,
            certificates=[self.tls],
            servers=[RunningServer(0, self.limits, self.given.append)],
            trackers=[self.tracker],
        )
        self.events: list[dict[str, object]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def told_end(self) -> float | None:
        """When the certificate ends, as the metrics have it."""
        return self.registry.get_sample_value(
            "sora_tls_certificate_expiry_timestamp_seconds",
            {"certificate": str(self.certificate.cert_file)},
        )

    def said(self, level: str) -> str:
        wanted = LogLevel.levelWithName(level)
        return "\n".join(
            str(event.get("why") or event.get("keys") or event.get("warning"))
            for event in self.events
            if event["log_level"] is wanted and "reload" in str(event["log_namespace"])
        )

    def test_a_server_is_given_its_entry_anew_and_no_other(self) -> None:
        """Keys of the HTTP API are exchanged; those of an entry that moved are not its own."""
        self.assertTrue(self.reload())
        self.assertEqual([str(one.addr) for one in self.given], ["127.0.0.1:143"])
        self.file.write_text(BEFORE.replace("127.0.0.1:143", "127.0.0.1:144"))
        self.assertTrue(self.reload())
        self.assertEqual(len(self.given), 1)
        self.assertIn("servers[0].addr", self.said("warn"))

    def test_limits_and_the_log_are_exchanged(self) -> None:
        """From the next connection and the next line on."""
        self.assertIsInstance(self.limits.take("192.0.2.1"), Place)
        self.assertEqual(self.limits.take("192.0.2.1"), "server")
        text = BEFORE.replace("max_connections = 1", "max_connections = 2")
        self.file.write_text(text.replace('"warn"', '"info"'))
        self.assertTrue(self.reload())
        self.assertIsInstance(self.limits.take("192.0.2.1"), Place)
        Logger(namespace="sora", observer=self.output).info("now")
        self.assertIn("now", self.stream.getvalue())

    def test_an_invalid_configuration_changes_nothing_and_says_why(self) -> None:
        """Every problem of it."""
        self.file.write_text(BEFORE.replace("max_connections = 1", "max_connections = 'two'"))
        self.assertFalse(self.reload())
        self.assertIn("servers[0].max_connections", self.said("error"))
        self.assertIn(f"{self.file}:9", self.said("error"))
        self.assertIsInstance(self.limits.take("192.0.2.1"), Place)
        self.assertEqual(self.limits.take("192.0.2.1"), "server")

    def test_one_that_could_not_be_started_is_invalid_too(self) -> None:
        """A placeholder, for example (G52)."""
        self.file.write_text(BEFORE + '[database]\npassword = "your-password"\n')
        self.assertFalse(self.reload())
        self.assertIn("placeholder", self.said("error"))

    def test_a_new_certificate_is_used_from_now_on(self) -> None:
        """The files have new contents."""
        before = self.tls.certificate
        directory = self.certificate.cert_file.parent
        self_signed(directory, "two.example", datetime.now(UTC) + timedelta(hours=1))
        self.assertTrue(self.reload())
        self.assertNotEqual(self.tls.certificate, before)
        end = self.tls.certificate.not_valid_after_utc.timestamp()
        self.assertEqual(self.told_end(), end)
        self.assertNotEqual(end, before.not_valid_after_utc.timestamp())

    def test_a_damaged_certificate_changes_nothing_else_either(self) -> None:
        """One bad file, and the whole reload is refused."""
        before = self.tls.certificate
        self.certificate.cert_file.write_text("rubbish")
        self.file.write_text(BEFORE.replace("max_connections = 1", "max_connections = 2"))
        self.assertFalse(self.reload())
        self.assertIn(str(self.certificate.cert_file), self.said("error"))
        self.assertEqual(self.tls.certificate, before)
        self.limits.take("192.0.2.1")
        self.assertEqual(self.limits.take("192.0.2.1"), "server")

    def test_keys_that_take_a_restart_are_named(self) -> None:
        """The rest of the file is used nevertheless."""
        self.file.write_text(BEFORE.replace(":143", ":144") + "[database]\nport = 6432\n")
        self.assertTrue(self.reload())
        self.assertEqual(self.said("warn"), "database.port, servers[0].addr")

    def test_differences_are_found_in_tables_and_arrays(self) -> None:
        """An array of another length differs as a whole."""
        server = ServerConfig(type="imap", addr=Endpoint("", 143))
        one, two = Config(servers=(server,)), Config(servers=(server, server))
        self.assertEqual(changes(one, one), [])
        self.assertEqual(changes(one, two), [("servers",)])
        other = evolve(one, servers=(evolve(server, trusted_networks=(ip_network("::1"),)),))
        self.assertEqual(changes(one, other), [("servers", 0, "trusted_networks")])


class SignalTests(TestCase):
    """Real signals to this process."""

    async def test_signals_are_answered_while_the_service_runs(self) -> None:
        """SIGHUP reloads; afterwards it does what it did before."""
        done: Deferred[None] = Deferred()

        def read() -> object:
            done.callback(None)
            return loads(BEFORE)

        def handler() -> object:
            return signal.getsignal(signal.SIGHUP)

        before = handler()
        reload = Reload(loads(BEFORE).config, read, output=None, certificates=[], servers=[])  # type: ignore[arg-type]
        service = Signals(reload, reactor)  # type: ignore[arg-type]
        service.startService()
        self.addCleanup(service.stopService)
        os.kill(os.getpid(), signal.SIGHUP)
        await done
        service.stopService()
        self.assertIs(handler(), before)
