"""`docs/deployment.md` as somebody with a new machine follows it: its commands are typed in the order
in which they stand there, in an empty root, up to a login over TLS.

Paths of the document lead below the root, that of the configuration, too, which `sora-admin` finds by
itself otherwise; and ports to free ones. What belongs to the machine and
not to Sora (installing packages, making accounts, systemd) is done by the small programs of
`MACHINE`; pip gets its wheels from what is installed here, and no others.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.app.house import PATIENCE
from sora.config.checks import check
from sora.config.limits import LimitsConfig
from sora.config.load import loads
from trial_tests.support.ports import free_port
from trial_tests.support.postgres import temporary_directory
from trial_tests.support.programs import require_program
from trial_tests.support.scram_postgres import ScramPostgres
from trial_tests.support.sora_process import CLEAN_ENDS
from trial_tests.support.wheelhouse import fill

PROJECT = Path(__file__).parents[2]
DOCUMENT = PROJECT / "docs" / "deployment.md"
UNIT = PROJECT / "etc" / "sora.service"
PATHS = ("/opt/sora", "/etc/sora", "/var/lib/sora", "/var/spool/sora", "/etc/systemd/system")
PASSWORD = "correct horse battery"
WAIT_SECONDS = 90
_BLOCK = re.compile(r"^<!-- (typed|checked)(?:: (\S+))? -->\n```\w+\n(.*?)^```$", re.M | re.S)

MACHINE = {
    "apt-get": 'echo "apt-get $*" >>"$ROOT/asked"',
    "useradd": 'echo "useradd $*" >>"$ROOT/asked"',
    "systemctl": 'echo "systemctl $*" >>"$ROOT/asked"',
    "chgrp": 'echo "chgrp $*" >>"$ROOT/asked"',
    # The superuser of the server, without its account.
    "runuser": '[ "$1 $2 $3" = "-u postgres --" ] && shift 3 && PGUSER=postgres exec "$@"',
    # There is no account sora here.
    "install": """
for word; do
    shift
    case $word in
        -o | -g) skip=1 ;;
        *) [ -n "$skip" ] || set -- "$@" "$word"; skip= ;;
    esac
done
exec /usr/bin/install "$@"
""",
}
"""programs that stand before the system's, each a script of the shell"""


def blocks(kind: str) -> list[tuple[str, str]]:
    """The blocks of the document that are marked so: the name of a file, or nothing, and the text."""
    found = _BLOCK.findall(DOCUMENT.read_text("utf-8"))
    return [(name, text) for marked, name, text in found if marked == kind]


def unit_keys() -> Mapping[str, str]:
    """The keys of `[Service]` in the unit; of one that is there several times the last."""
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    return unit["Service"]


class DeploymentTests(SynchronousTestCase):
    timeout = 300

    def setUp(self) -> None:
        for program in ("openssl", "curl", "swaks"):
            require_program(self, program, program)
        require_program(self, "createuser", "postgresql")
        self.root = Path(tempfile.mkdtemp(prefix="sora-root-"))
        self.addCleanup(shutil.rmtree, self.root, True)
        for path in ("bin", "home", "opt", "etc/systemd/system", "var/lib", "var/spool"):
            (self.root / path).mkdir(parents=True)
        for name, script in MACHINE.items():
            program = self.root / "bin" / name
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        (self.root / "bin" / "python3").symlink_to(sys.executable)
        self.postgres = self.new_postgres()
        self.ports = {port: free_port() for port in (24, 143, 993, 8080)}
        self.checkout()

    def new_postgres(self) -> ScramPostgres:
        """A server as a package of Debian leaves it: with a superuser `postgres` alone."""
        postgres = ScramPostgres(temporary_directory("sora-test-deployment-"), settings={})
        self.addCleanup(postgres.remove)
        postgres.start()
        postgres.as_debian_has_it()
        return postgres

    def checkout(self) -> None:
        """What is tracked of the project, as far as it is installed; and wheels for pip."""
        self.source = self.root / "checkout"
        self.source.mkdir()
        for name in ("setup.cfg", "pyproject.toml", "README.md", "MANIFEST.in"):
            shutil.copy(PROJECT / name, self.source)
        for name in ("sora", "twisted", "etc"):
            ignored = shutil.ignore_patterns("__pycache__", "dropin.cache")
            shutil.copytree(PROJECT / name, self.source / name, ignore=ignored)
        unit = self.source / "etc" / "sora.service"
        unit.write_text(self.below_root(unit.read_text()))
        settings = ConfigParser()
        settings.read(PROJECT / "setup.cfg")
        wheels = self.root / "wheels"
        wheels.mkdir()
        wanted = settings["options"]["install_requires"].strip().splitlines()
        fill(wheels, [*wanted, "setuptools"])

    # ------------------------------------------------------------------ the machine

    def below_root(self, text: str) -> str:
        """With paths below the root, and ports that are free."""
        for path in PATHS:
            text = text.replace(path, f"{self.root}{path}")
        for port, free in self.ports.items():
            text = re.sub(rf"(:|--port ){port}\b", rf"\g<1>{free}", text)
        where = f"{self.root}/etc/sora/config.toml"
        text = re.sub(r"(?m)^(\S+/twistd sora-admin .*)$", rf"\1 --config {where}", text)
        return text.replace('addr = ":', 'addr = "127.0.0.1:')

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this process's, but for what the machine has by itself."""
        return {
            "PATH": f"{self.root}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": f"{self.root}/home",
            "LANG": "C.UTF-8",
            "ROOT": str(self.root),
            "PGHOST": str(self.postgres.socket),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": f"{self.root}/wheels",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def type(self, commands: str) -> str:
        """Somebody types them, one after the other; gives what was said."""
        return "".join(map(self.type_one, re.findall(r"(?:.*\\\n)*.+\n", commands)))

    def type_one(self, command: str) -> str:
        """And the password of Ann, when he is asked."""
        done = subprocess.run(
            ["sh", "-eu", "-c", command],
            cwd=self.source,
            env=self.environment,
            input=f"{PASSWORD}\n",
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS * 2,
            start_new_session=True,  # without a terminal
        )
        said = f"{command}\n{done.stdout}\n{done.stderr}"
        self.assertEqual(done.returncode, 0, said)
        return said

    def start_unit(self) -> None:
        """What systemd does with the unit that was installed: its directories, and its ExecStart."""
        installed = self.root / "etc/systemd/system/sora.service"
        keys = re.findall(r"^(\w+)=(.*)$", installed.read_text(), re.M)
        command = dict(keys)["ExecStart"]
        self.assertEqual(command, self.below_root(unit_keys()["ExecStart"]))
        with (self.root / "journal").open("wb") as journal:
            self.sora = subprocess.Popen(
                shlex.split(command),
                cwd=dict(keys)["WorkingDirectory"],
                env={"PATH": "/usr/bin:/bin", "HOME": f"{self.root}/home", "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
                start_new_session=True,
            )
        self.addCleanup(self.end_sora)
        deadline = time.monotonic() + WAIT_SECONDS
        while not re.search(r"^ready", self.journal(), re.M):
            self.assertIs(self.sora.poll(), None, self.journal())
            self.assertLess(time.monotonic(), deadline, self.journal())
            time.sleep(0.1)

    def journal(self) -> str:
        return (self.root / "journal").read_text("utf-8", "replace")

    def end_sora(self) -> None:
        if self.sora.poll() is None:
            self.sora.kill()
            self.sora.wait()

    # ------------------------------------------------------------------ tests

    def test_the_document_leads_to_a_login(self) -> None:
        """Each line as it is written, by somebody who has nothing but the checkout."""
        said = ""
        for name, text in blocks("typed"):
            if name:
                text = text.replace('"127.0.0.1"', f'"{self.postgres.host}"', 1)
                Path(self.below_root(name)).write_text(self.below_root(text))
                continue
            said = self.type(self.below_root(text))
            if "systemctl enable --now sora\n" in text:
                self.start_unit()
        self.assertIn("Subject: test ", said)
        self.assertRegex(said, r"(\d+) parts were looked at, \1 are well")
        asked = (self.root / "asked").read_text()
        self.assertRegex(asked, r"useradd --system .* sora\n")
        self.sora.send_signal(signal.SIGTERM)
        self.assertIn(self.sora.wait(60), CLEAN_ENDS)
        self.assertEqual([path.name for path in (self.root / "home").iterdir()], [])

    def test_other_configurations_of_the_document_are_right(self) -> None:
        """Those that need other machines are read and checked, with the secrets they name."""
        configurations = blocks("checked")
        self.assertTrue(configurations)
        for _, text in configurations:
            for path in re.findall(r'_file = "(/etc/sora/[a-z0-9-]+)"', text):
                secret = Path(self.below_root(path))
                secret.parent.mkdir(exist_ok=True)
                secret.write_text("0f1e2d3c4b5a69788796a5b4c3d2e1f0\n")
            loaded = loads(self.below_root(text), "deployment.md", {}, [])
            check(loaded.config, loaded.where)


class UnitTests(SynchronousTestCase):
    def test_systemd_has_nothing_to_say_about_the_unit(self) -> None:
        """`systemd-analyze verify` is silent, in a root where what it starts is there."""
        analyze = require_program(self, "systemd-analyze", "systemd")
        root = Path(tempfile.mkdtemp(prefix="sora-unit-"))
        self.addCleanup(shutil.rmtree, root, True)
        program = root / "opt/sora/bin/twistd"
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
        unit = root / "sora.service"
        unit.write_text(UNIT.read_text().replace("/opt/sora", f"{root}/opt/sora"))
        done = subprocess.run(
            [analyze, "verify", "--recursive-errors=no", str(unit)],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "SYSTEMD_LOG_LEVEL": "notice"},
        )
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        looked = [analyze, "security", "--offline=true", "--threshold=20", str(unit)]
        done = subprocess.run(looked, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, "exposure above 2.0\n" + done.stdout)
        unit.write_text(unit.read_text().replace("[Service]", "[Service]\nExecStrat=/bin/false"))
        done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True)
        self.assertIn("ExecStrat", done.stderr)

    def test_its_end_and_its_reload_are_those_of_sora(self) -> None:
        """It is not killed while it may still end by itself (G67)."""
        keys = unit_keys()
        self.assertGreater(int(keys["TimeoutStopSec"]), LimitsConfig().shutdown_timeout + PATIENCE)
        self.assertEqual(keys["ExecReload"], """/bin/sh -c 'kill -HUP "$1"' reload $MAINPID""")
        self.assertEqual(keys["KillMode"], "mixed")

    def test_the_threads_of_passwords_may_step_back(self) -> None:
        """What `sora/auth/threads.py` asks of the kernel is allowed, and what is not allowed fails
        without ending the process: the first login did, under a unit that forbade it."""
        unit = re.findall(r"(?m)^(SystemCall\w+)=(.*)$", UNIT.read_text())
        filters = [words.split() for name, words in unit if name == "SystemCallFilter"]
        self.assertEqual(filters[0], ["@system-service"])
        self.assertEqual(filters[-1], ["setpriority"])
        self.assertIn(("SystemCallErrorNumber", "EPERM"), unit)

    def test_its_start_may_take_as_long_as_a_migration(self) -> None:
        """It waits for READY, which Sora says (`sora/app/supervisor.py`)."""
        keys = unit_keys()
        self.assertEqual(keys["Type"], "notify")
        self.assertEqual(keys["TimeoutStartSec"], "infinity")

    def test_a_start_is_tried_again_until_there_is_a_database(self) -> None:
        """systemd does not give up after some of them."""
        text = UNIT.read_text()
        self.assertIn("\nStartLimitIntervalSec=0\n", text)
        self.assertEqual(unit_keys()["Restart"], "on-failure")
