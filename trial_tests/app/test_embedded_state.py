"""What commands with `--dir` know of an embedded Sora."""

import sys
from io import StringIO
from pathlib import Path
from shutil import copytree, rmtree
from stat import S_IMODE

from twisted.trial.unittest import SynchronousTestCase

from sora.app.embedded_state import kept_configuration, least_configuration
from sora.app.plugin import Options
from sora.config.config import Config
from sora.config.dump import as_tables
from trial_tests.support.postgres import temporary_directory


class StateTests(SynchronousTestCase):
    """A directory, started in and looked at."""

    def setUp(self) -> None:
        # One that the account of PostgreSQL can enter, whoever runs the tests.
        self.top = temporary_directory("sora-state-")
        self.addCleanup(rmtree, self.top, True)
        self.directory = self.top / "var"

    def start(self, *words: str) -> Config:
        """As far as a start goes before anything runs; gives its configuration."""
        options = Options()
        options.parseOptions(["--dir", str(self.directory), "--base-port", "20000", *words])
        return options.loaded.config

    def kept(self, *settings: str, directory: Path | None = None) -> Config | None:
        """What a command is told."""
        loaded = kept_configuration(directory or self.directory, {}, settings)
        return None if loaded is None else loaded.config

    def test_it_is_the_configuration_of_the_last_start(self) -> None:
        """With what was set for it; what is set for the command counts more."""
        started = self.start("--set", "database.max_conns=7", "--set", "cache.path=/x")
        kept = self.kept()
        assert kept is not None
        self.assertEqual(as_tables(kept), as_tables(started))
        self.assertTrue(any(one.tls_cert_file for one in kept.servers))
        again = self.kept("database.max_conns=9")
        assert again is not None
        self.assertEqual((again.database.max_conns, again.cache.path), (9, "/x"))
        self.assertEqual(as_tables(self.start()), as_tables(self.kept()))

    def test_only_its_owner_reads_it(self) -> None:
        self.start("--set", "relay.password=secret")
        for name in ("config.toml", "settings.json"):
            self.assertEqual(S_IMODE((self.directory / name).stat().st_mode), 0o600)

    def test_a_wrong_start_changes_nothing(self) -> None:
        self.start()
        before = (self.directory / "settings.json").read_text()
        self.patch(sys, "__stderr__", StringIO())
        self.assertRaises(SystemExit, self.start, "--set", "database.max_conns=many")
        self.assertEqual((self.directory / "settings.json").read_text(), before)

    def test_where_nothing_was_started(self) -> None:
        """A copy speaks of the database of the original until it is started itself; and whatever
        somebody has written there is no reason to end."""
        self.assertIsNone(self.kept())
        self.start()
        copy = self.top / "copy"
        copytree(self.directory, copy)
        self.assertIsNone(self.kept(directory=copy))
        for text in ("{", "7", "null"):
            (self.directory / "settings.json").write_text(text)
            self.assertIsNone(self.kept())
        config = least_configuration(self.directory, {}, ()).config
        self.assertTrue(config.database.host.startswith("/"))
        self.assertEqual(config.s3.path, str(self.directory / "objects"))
