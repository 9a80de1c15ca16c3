"""Sora installed from a wheel and in editable mode: twistd finds both of its plugins."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from tempfile import mkdtemp

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.support.programs import require_program

ROOT = Path(__file__).parents[1]


class InstallTests(SynchronousTestCase):
    """Each in an environment of its own, which sees the libraries of this one but not Sora."""

    timeout = 180

    def setUp(self) -> None:
        self.directory = Path(mkdtemp(prefix="sora-install-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.source = self.directory / "source"
        self.source.mkdir()
        for name in ("setup.cfg", "pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, self.source)
        for name in ("sora", "twisted"):
            ignored = shutil.ignore_patterns("__pycache__", "dropin.cache")
            shutil.copytree(ROOT / name, self.source / name, ignore=ignored)

    def environment(self) -> Path:
        """A virtual environment with the libraries of this one, without pip's downloads."""
        place = self.directory / "environment"
        self.run_([sys.executable, "-m", "venv", "--without-pip", str(place)])
        libraries = self.directory / "libraries"
        libraries.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            # Neither Sora nor what its own editable install has put on the path.
            if "sora" not in entry.name and not entry.name.endswith((".pth", ".egg-link")):
                (libraries / entry.name).symlink_to(entry)
        [packages] = place.glob("lib/python*/site-packages")
        (packages / "libraries.pth").write_text(f"{libraries}\n")
        return place

    def run_(self, command: list[str]) -> str:
        """Run something that must succeed; gives its output."""
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP"))
        }
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.directory, env=environment
        )
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def pip(self, place: Path, *words: str) -> None:
        require_program(self, str(place / "bin" / "python"), "python3-venv")
        self.run_(
            [
                str(place / "bin" / "python"),
                *("-m", "pip", "--quiet", "--disable-pip-version-check", "install"),
                *("--no-build-isolation", "--no-deps", "--no-index"),
                *words,
            ]
        )

    def lists_both(self, place: Path) -> None:
        python = str(place / "bin" / "python")
        text = self.run_([python, "-m", "twisted", "--help"])
        self.assertIn("Usage", text)
        program = (
            "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"
        )
        text = self.run_([python, "-c", program, "--help"])
        self.assertRegex(text, r"(?m)^\s+sora\s")
        self.assertRegex(text, r"(?m)^\s+sora-admin\s")
        text = self.run_([python, "-c", program, "sora-admin", "version"])
        self.assertRegex(text, r"^sora \d")
        text = self.run_([python, "-c", program, "sora", "--help"])
        self.assertIn("--base-port", text)

    def test_a_wheel_has_both_plugins_and_the_migrations(self) -> None:
        """And nothing of the tests; it leaves Twisted's own files alone."""
        place = self.environment()
        self.run_(
            [
                str(place / "bin" / "python"),
                *("-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"),
                *("--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir"),
                *(str(self.directory), str(self.source)),
            ]
        )
        [wheel] = self.directory.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        self.assertIn("twisted/plugins/sora_plugin.py", names)
        self.assertTrue([name for name in names if name.endswith(".sql")])
        self.assertEqual([name for name in names if "__init__" in name and "twisted" in name], [])
        self.assertEqual([name for name in names if name.startswith("trial_tests")], [])
        self.pip(place, str(wheel))
        self.lists_both(place)

    def test_an_editable_install_has_both_plugins(self) -> None:
        """In compat mode: otherwise Twisted does not see the plugin."""
        place = self.environment()
        self.pip(place, "--config-settings", "editable_mode=compat", "--editable", str(self.source))
        self.lists_both(place)


class DevTests(SynchronousTestCase):
    """`./dev` as far as it goes without an environment."""

    def dev(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(ROOT / "dev"), *words],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], **environment},
        )

    def test_help_names_every_command(self) -> None:
        """Also without one."""
        for words in ((), ("help",), ("--help",)):
            done = self.dev(*words)
            self.assertEqual(done.returncode, 0)
            for command in ("run", "test", "lint", "format", "bench"):
                self.assertIn(f"./dev {command}", done.stdout)

    def test_an_unknown_command_is_an_error(self) -> None:
        """With the help."""
        done = self.dev("walk")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no command walk", done.stderr)

    def test_an_unknown_scope_names_those_that_are_there(self) -> None:
        """Nothing is installed for it."""
        done = self.dev("test", "--scope", "nothing", SORA_DEV_VENV="/nonexistent/venv")
        self.assertNotEqual(done.returncode, 0)
        for scope in ("imap", "lmtp", "storage", "mail", "config"):
            self.assertIn(f" {scope} ", done.stderr)

    def test_without_a_python_it_says_what_mends_it(self) -> None:
        """One command; nothing else happens."""
        directory = Path(mkdtemp(prefix="sora-dev-"))
        self.addCleanup(shutil.rmtree, directory, True)
        for name in ("sh", "dirname", "id", "cat", "cksum", "tr", "rm"):
            (directory / name).symlink_to(shutil.which(name) or "/bin/false")
        script = directory / "dev"
        # The interpreters that are named by their path are not there either.
        script.write_text((ROOT / "dev").read_text().replace("/usr/bin/python", "/nonexistent/p"))
        script.chmod(0o755)
        done = subprocess.run(
            [str(script), "run"], capture_output=True, text=True, env={"PATH": str(directory)}
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("Sora needs Python 3.11 or newer", done.stderr)
        self.assertIn("SORA_DEV_PYTHON", done.stderr)
