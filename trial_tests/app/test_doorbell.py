import os
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from sora.app.doorbell import directory_of
from sora.config.process import ProcessConfig


class DirectoryTests(SynchronousTestCase):
    """All processes of a user come to the same directory, whatever their environment."""

    def test_what_is_configured(self) -> None:
        config = evolve(ProcessConfig(), doorbell="/somewhere")
        self.assertEqual(directory_of(config), Path("/somewhere"))

    def test_the_one_of_the_system_if_it_is_ours(self) -> None:
        there = Path(self.mktemp())
        there.mkdir()
        self.assertEqual(directory_of(ProcessConfig(), there), there)

    def test_else_one_in_tmp(self) -> None:
        there = Path(self.mktemp())
        self.assertEqual(directory_of(ProcessConfig(), there), Path(f"/tmp/sora-{os.geteuid()}"))
