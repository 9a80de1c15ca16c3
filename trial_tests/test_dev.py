"""`./dev test --scope NAME`: which tests a name stands for.

`dev` is run as it is, in an environment whose Python says what it was asked to do and does nothing.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "trial_tests"
PLACES = (TESTS, TESTS / "protocols", TESTS / "storage")
PROMISED = {"imap", "pop3", "lmtp", "managesieve", "http", "sieve", "storage", "postgres", "system"}
"""scopes that documents name, or that somebody types without looking"""


class ScopeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.venv = Path(tempfile.mkdtemp(prefix="sora-dev-"))
        self.addCleanup(shutil.rmtree, self.venv, True)
        (self.venv / "bin").mkdir()
        python = self.venv / "bin" / "python"
        python.write_text(
            '#!/bin/sh\n[ "$2" = trial_tests.support.run_postgres ] || exit 0\necho "$@"\n'
        )
        python.chmod(0o755)

    def asked(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [ROOT / "dev", "test", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin", "SORA_DEV_VENV": str(self.venv), "SORA_DEV_JOBS": "3"},
        )

    def run_by(self, *arguments: str) -> list[str]:
        """What trial is asked to run."""
        done = self.asked(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        words = done.stdout.split()
        return words[words.index("3") + 1 :]

    def scopes(self) -> dict[str, str]:
        """Names, and the package that each stands for; the first place counts."""
        found: dict[str, str] = {}
        for place in PLACES:
            for package in sorted(place.iterdir()):
                if (package / "__init__.py").is_file():
                    dotted = ".".join(package.relative_to(ROOT).parts)
                    found.setdefault(package.name, dotted)
        return found

    def test_each_scope_is_its_package_and_nothing_else(self) -> None:
        scopes = self.scopes()
        self.assertEqual(PROMISED - set(scopes), set())
        for name in sorted(PROMISED):
            self.assertEqual(self.run_by("--scope", name), [scopes[name]])
            tests = ROOT / scopes[name].replace(".", "/")
            self.assertTrue(any(tests.rglob("test_*.py")), name)
        self.assertEqual(scopes["imap"], "trial_tests.protocols.imap")

    def test_without_one_everything_is_run(self) -> None:
        self.assertEqual(self.run_by(), ["trial_tests"])

    def test_several_and_what_stands_beside(self) -> None:
        words = self.run_by("--scope=pop3", "--scope", "mail", "-u", "trial_tests.test_retry")
        packages = ["trial_tests.protocols.pop3", "trial_tests.mail", "trial_tests.test_retry"]
        self.assertEqual(words, ["-u", *packages])

    def test_a_name_that_is_none_is_refused_with_those_that_there_are(self) -> None:
        done = self.asked("--scope", "smtp")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        listed = set(done.stderr.partition("scopes are: ")[2].split())
        self.assertEqual(set(self.scopes()) - listed, set())
