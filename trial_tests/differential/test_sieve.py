"""Pigeonhole's `sieve-test` and Sora come to the same with tests that are made by chance."""

import os
import re
import subprocess
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.message import Envelope
from trial_tests.differential.sieve_scripts import MESSAGE, RECIPIENT, SENDER, Tests
from trial_tests.sieve.filters import ran
from trial_tests.support.programs import require_program

SEEDS = range(int(os.environ.get("SORA_SIEVE_SEEDS", "5")))
_FLAGS = re.compile(r"add IMAP flags: (.*)")
_CONFIGURATION = """\
ssl = no
mail_location = maildir:{directory}/mail
postmaster_address = postmaster@example.com
log_path = /dev/stderr
first_valid_uid = 1
first_valid_gid = 1
"""


class Pigeonhole(SynchronousTestCase):
    def test_same(self) -> None:
        require_program(self, "sieve-test", "dovecot-sieve")
        # Pigeonhole becomes somebody else, who has to see it.
        directory = Path(mkdtemp(prefix="sora-sieve-"))
        self.addCleanup(rmtree, directory)
        directory.chmod(0o777)
        configuration = _CONFIGURATION.format(directory=directory)
        if os.getuid() == 0:
            configuration += "mail_uid = nobody\nmail_gid = nogroup\n"
        (directory / "x.conf").write_text(configuration)
        (directory / "x.eml").write_bytes(MESSAGE)
        compared = 0
        for seed in SEEDS:
            script = Tests(seed).script(60)
            ours = ran(script, MESSAGE, envelope=Envelope(SENDER, RECIPIENT))
            assert ours.error is None and ours.keep is not None, ours.error
            theirs = self.theirs(directory, script)
            if theirs is None:
                continue
            compared += 1
            different = set(ours.keep.flags or ()) ^ theirs
            told = [f"{flag}: {_line(script, flag)}" for flag in sorted(different)]
            self.assertEqual(told, [], f"seed {seed}")
        self.assertGreater(compared, 0)

    def theirs(self, directory: Path, script: str) -> set[str] | None:
        """The flags that Pigeonhole comes to; None if it crashed, as 2.3 does with some scripts."""
        (directory / "x.sieve").write_text(script)
        addresses = ["-f", SENDER, "-a", RECIPIENT, "-r", RECIPIENT]
        done = subprocess.run(
            ["sieve-test", "-c", "x.conf", "-C", *addresses, "x.sieve", "x.eml"],
            cwd=directory,
            env={**os.environ, "HOME": str(directory)},
            capture_output=True,
            timeout=60,
            check=False,
        )
        if done.returncode < 0 or b"Panic" in done.stderr:
            return None
        self.assertEqual(done.returncode, 0, done.stderr)
        found = _FLAGS.search(done.stdout.decode("utf-8", "replace"))
        return set(found[1].split()) if found else set()


def _line(script: str, flag: str) -> str:
    """The test that a flag stands for."""
    return script.splitlines()[1 + int(flag[1:].partition("_")[0])]
