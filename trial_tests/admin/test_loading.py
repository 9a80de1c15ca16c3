"""What a process of `sora-admin` loads: modules are counted, not seconds."""

import ast
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import sora

ROOT = Path(sora.__path__[0])
PROGRAM = """\
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from twisted.scripts.twistd import run
run()
"""
HEAVY = {
    "botocore",
    "sora.app.assemble",
    "sora.app.doctor",
    "sora.exchange",
    "sora.mailbox.delivery",
    "sora.mailbox.scripts",
    "sora.protocols",
    "sora.sieve",
    "sora.storage.s3",
    "treq",
    "twisted.web.client",
}
"""what none of these commands needs"""
LIGHT = {"sora.exchange", "sora.sieve"}
HEAVIER = {"sora.exchange.importer", "sora.exchange.imap_client", "sora.sieve.compile"}
"""what is heavy in these"""
ABOVE_THE_PARSER = (
    "sora.app.admin_store",
    "sora.storage",
    "sora.config",
    "twisted.internet.reactor",
)
"""what nobody needs who asks for the version"""


class LoadingTests(SynchronousTestCase):
    """Each command line in a process of its own."""

    def loaded(self, *words: str, code: int = 0) -> set[str]:
        """The names of all modules at the end of it."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "sora-admin", *words],
            capture_output=True,
            text=True,
            cwd=ROOT.parent,
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return set(done.stderr.splitlines()[-1].split())

    def assert_without(self, loaded: set[str], *names: str) -> None:
        """Neither these modules nor anything below them."""
        found = [one for one in loaded if one.startswith(tuple(f"{name}." for name in names))]
        self.assertEqual(sorted([*found, *loaded.intersection(names)]), [])

    def test_the_version_needs_nothing(self) -> None:
        """But the parser."""
        loaded = self.loaded("version")
        self.assertIn("sora.admin.main", loaded)
        self.assert_without(loaded, *HEAVY, *ABOVE_THE_PARSER)

    def test_the_help_of_a_command_needs_that_command(self) -> None:
        """And no other."""
        loaded = self.loaded("accounts", "list", "--help")
        self.assertIn("sora.admin.accounts", loaded)
        self.assert_without(
            loaded, *HEAVY, "sora.admin.mailbox", "sora.app.admin_store", "sora.storage.postgres"
        )

    def test_the_help_of_all_needs_no_database(self) -> None:
        """And nothing else that does the work; nor does completion, which is made of it."""
        for words in (["--help"], ["completion", "bash"]):
            loaded = self.loaded(*words)
            self.assertIn("sora.admin.sieve_filter", loaded)
            self.assertIn("sora.admin.importing", loaded)
            above = ["sora.app.admin_store", "sora.storage.postgres", "twisted.internet.reactor"]
            self.assert_without(loaded, *HEAVY.difference(LIGHT), *HEAVIER, *above)

    def test_a_command_needs_the_database(self) -> None:
        """Here there is none, which it finds when all is loaded."""
        config = Path(self.mktemp())
        config.write_text(
            '[database]\nhost = "127.0.0.1"\nport = 1\npassword = "word"\nacquire_timeout = "0.1s"\n'
        )
        for words in (["accounts", "list"], ["mailbox", "list", "--email", "ann@example.com"]):
            loaded = self.loaded(*words, "--config", str(config.absolute()), code=1)
            self.assertIn("sora.storage.postgres.accounts", loaded)
            self.assert_without(loaded, *HEAVY)


class ImportTests(SynchronousTestCase):
    """Imports stand at the beginning of files, where readers and tools see them."""

    EXCEPTIONS = {
        "app/admin.py": "help and the version need nothing that works",
        "app/opening.py": "what one command needs is no burden to the others",
        "app/plugin.py": "twistd chooses the reactor after it has loaded this",
        "app/tracing.py": "OpenTelemetry is only installed where it is wanted",
        "config/shape.py": "two modules that name each other",
    }

    def test_imports_in_functions_are_exceptions(self) -> None:
        """In these files, and each of them says why."""
        found = set()
        for path in ROOT.rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    inside = ast.walk(function)
                    if any(isinstance(each, ast.Import | ast.ImportFrom) for each in inside):
                        found.add(str(path.relative_to(ROOT)))
        self.assertEqual(found, set(self.EXCEPTIONS))
