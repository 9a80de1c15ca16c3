"""The options of `twistd sora`, and what a wrong start says."""

import os
import socket
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from attrs import evolve
from twisted.application.service import Application, IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from sora.app.authorities import require_authorities
from sora.app.available import SERVERS, require_available
from sora.app.logging import LogOutput
from sora.app.plugin import Options
from sora.app.postgres_binaries import PostgresRefused
from sora.app.servers import BUILDERS
from sora.app.start import ExitCode, Root, StartError, explain
from sora.app.tree import OrderedServices
from sora.config.load import loads
from sora.config.logging import LoggingConfig
from sora.config.problems import ConfigError, Problem
from sora.errors import Unavailable
from sora.net.listener import CannotListen
from sora.tls.self_signed import self_signed
from trial_tests.support.postgres import temporary_directory

GOOD = '[s3]\nprovider = "filesystem"\n[[servers]]\ntype = "imap"\naddr = "127.0.0.1:143"\n'


class OptionsTests(SynchronousTestCase):
    """Command lines."""

    def options(self, *words: str) -> Options:
        options = Options()
        options.parseOptions(list(words))
        return options

    def test_a_configuration_is_loaded_with_what_overrides_it(self) -> None:
        """`--set` may be repeated."""
        file = Path(self.mktemp())
        file.write_text(GOOD)
        options = self.options("-c", str(file), "--set", "database.port=1", "--set", "s3.path=/x")
        self.assertEqual(options.loaded.config.database.port, 1)
        self.assertEqual(options.loaded.config.s3.path, "/x")
        self.assertIsNone(options.embedded)

    def test_without_one_it_is_the_embedded_mode(self) -> None:
        """In a directory that is made."""
        top = temporary_directory("sora-plugin-")
        self.addCleanup(rmtree, top, True)
        directory = top / "var"
        options = self.options("--dir", str(directory), "--base-port", "20000")
        assert options.embedded is not None
        self.assertEqual(options.embedded.directory, directory.absolute())
        self.assertEqual(options.loaded.config.servers[0].addr.port, 20143)

    def test_options_of_the_embedded_mode_exclude_a_configuration(self) -> None:
        """And the base port is a port."""
        self.assertRaises(UsageError, self.options, "-c", "f", "--dir", "x")
        self.assertRaises(UsageError, self.options, "-c", "f", "--password", "x")
        self.assertRaises(UsageError, self.options, "--base-port", "many")
        self.assertRaises(UsageError, self.options, "--base-port", "65000")

    def test_a_wrong_configuration_ends_with_code_1_and_all_problems(self) -> None:
        """On stderr, without a traceback."""
        file = Path(self.mktemp())
        file.write_text(GOOD + "[database]\nprot = 1\nport = 'x'\n")
        stderr = StringIO()
        self.patch(sys, "__stderr__", stderr)
        error = self.assertRaises(SystemExit, self.options, "-c", str(file))
        self.assertEqual(error.code, 1)
        lines = stderr.getvalue().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(line.startswith("sora: ") for line in lines))

    def test_systemd_is_told_what_is_wrong_with_a_configuration(self) -> None:
        """`systemctl status` shows the first problem."""
        directory = Path(mkdtemp(prefix="sora-notify-"))
        self.addCleanup(rmtree, directory)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(str(directory / "notify"))
        listener.setblocking(False)
        self.patch(os, "environ", {**os.environ, "NOTIFY_SOCKET": str(directory / "notify")})
        self.patch(sys, "__stderr__", StringIO())
        file = directory / "config.toml"
        file.write_text(GOOD + "[database]\nprot = 1\n")
        self.assertRaises(SystemExit, self.options, "-c", str(file))
        said = listener.recv(4096).decode()
        self.assertRegex(said, rf"^STATUS={file}:\d+: database\.prot: ")

    def test_a_server_of_a_later_version_is_an_error_only_if_it_is_to_start(self) -> None:
        """So is what must not be passed over in silence; the rest is said."""
        proxy = GOOD + '[[servers]]\ntype = "imap_proxy"\naddr = ":1143"\n'
        for text, expected in (
            (proxy, "servers of type imap_proxy are not available in this version"),
            (GOOD + "[process]\nworkers = 4", "more than one process is not available"),
            (GOOD + '[process]\nworkers = "auto"', "more than one process is not available"),
            (
                GOOD + '[tls]\nenabled = true\nprovider = "letsencrypt"',
                "letsencrypt is not available",
            ),
        ):
            config = loads(text).config
            error = self.assertRaises(ConfigError, require_available, config)
            self.assertIn(expected, str(error))
        config = loads(proxy + "start = false\n[cluster]\nenabled = true").config
        [said] = require_available(config)
        self.assertIn("cluster.enabled", said)

    def test_files_of_authorities_are_read_before_they_are_needed(self) -> None:
        file = Path(self.mktemp()).absolute()
        file.write_text("no certificate")
        good = self_signed(Path(self.mktemp()).absolute(), "localhost", datetime.now(UTC)).cert_file
        config = loads(GOOD).config
        s3 = config.s3
        second = evolve(s3, second=evolve(s3.second, ca_file=str(file)))
        for changed, expected in (
            (evolve(s3, ca_file="/nowhere/ca.pem"), "s3.ca_file: /nowhere/ca.pem cannot be read"),
            (evolve(s3, ca_file=str(file)), f"s3.ca_file: {file} has no certificate in PEM"),
            (second, f"s3.second.ca_file: {file} has no certificate in PEM"),
        ):
            error = self.assertRaises(ConfigError, require_authorities, evolve(config, s3=changed))
            self.assertIn(expected, str(error))
        require_authorities(evolve(config, s3=evolve(s3, ca_file=str(good))))

    def test_the_servers_that_there_are_can_be_built(self) -> None:
        """Known without what builds them, which takes a second to load."""
        self.assertEqual(SERVERS, set(BUILDERS))

    def test_what_has_no_effect_yet_is_said_when_it_is_changed(self) -> None:
        text = GOOD + "[cluster]\nenabled = true\n[health]\ncheck_interval = '5s'\n"
        said = require_available(loads(text).config)
        self.assertEqual([one.partition(":")[0] for one in said], ["cluster.enabled"])
        self.assertEqual(require_available(loads(GOOD).config), [])


class StubReactor:
    """Only what a failed start needs."""

    def __init__(self) -> None:
        self.stopped = 0

    def stop(self) -> None:
        self.stopped += 1


class Failing(Service):
    """A part whose start fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def startService(self) -> "Deferred[None]":
        failed: Deferred[None] = Deferred()
        failed.errback(self.error)
        return failed


class RootTests(SynchronousTestCase):
    """What happens when the start fails."""

    def setUp(self) -> None:
        self.stderr = StringIO()
        self.patch(sys, "__stderr__", self.stderr)
        self.reactor = StubReactor()
        self.exit_code = ExitCode()

    def start(self, error: Exception) -> Root:
        tree = OrderedServices(Clock())
        tree.addService(Failing(error))
        root = Root(tree, self.exit_code, self.reactor)
        root.startService()
        return root

    def test_what_an_operator_can_mend_is_a_sentence(self) -> None:
        """Exit code 1, the process stops, no traceback."""
        for error in (
            StartError("it cannot"),
            Unavailable("it cannot"),
            CannotListen("it cannot"),
            PostgresRefused("it cannot"),
            OSError(13, "it cannot", "/var/lib/sora"),
            ConfigError([Problem("f:1", "a.b", "it cannot")]),
        ):
            self.reactor.stopped = self.exit_code.code = 0
            self.start(error)
            self.assertEqual((self.reactor.stopped, self.exit_code.code), (1, 1))
            self.assertIn("it cannot", self.stderr.getvalue().splitlines()[-1])
            self.assertEqual(self.flushLoggedErrors(), [])
        self.assertIn("/var/lib/sora", self.stderr.getvalue())

    def test_a_bug_shows_its_traceback_in_the_log(self) -> None:
        """And still ends the process."""
        self.start(KeyError("unexpected"))
        self.assertEqual(self.exit_code.code, 1)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(explain(KeyError("unexpected")), [])

    def test_the_log_becomes_a_component_of_the_application(self) -> None:
        """Where twistd looks for its observer."""
        output = LogOutput(LoggingConfig(), StringIO())
        application = Application("sora")
        root = Root(OrderedServices(Clock()), self.exit_code, self.reactor, output)
        root.setServiceParent(application)
        self.assertIs(application.getComponent(ILogObserver), output)
        self.assertTrue(IService.providedBy(root))
