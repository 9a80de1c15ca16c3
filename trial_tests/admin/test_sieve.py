"""`sora-admin sieve`, on a storage in memory."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

from attrs import fields_dict
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sora.addresses import parse_address
from sora.admin.command import CommandFailed, Store, Terminal
from sora.admin.main import parse, prepare, run
from sora.mailbox.scripts import Compiler, ScriptStore
from sora.operations.owners import OwnerLookup
from sora.operations.sieve import SieveOperations
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits
from sora.storage.memory.storage import memory_storage
from sora.storage.rows import ScriptLimits
from trial_tests.support.transcript import ThreadsHere

EMAIL = "ann@example.com"


class SieveTests(SynchronousTestCase):
    def setUp(self) -> None:
        storage = memory_storage(Clock())
        storage.accounts.create(parse_address(EMAIL), [], [])
        scripts = ScriptStore(
            storage.scripts,
            Compiler(SIEVE, Limits(), ThreadsHere().run),
            ScriptLimits(1000, 10, 10_000),
        )
        owners = OwnerLookup(storage.accounts, storage.rights)
        sieve = SieveOperations(owners, storage.rights, scripts)
        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        self.store = Store(**others | {"sieve": lambda: sieve, "close": self.close})

    async def close(self) -> None:
        """There is nothing to close."""

    async def open(self, given: object) -> Store:
        """The storage of this test."""
        return self.store

    def admin(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a command; gives exit code, stdout and stderr."""
        given = parse(["sieve", *words])
        stdout, stderr = StringIO(), StringIO()
        try:
            prepare(given, Terminal(StringIO(stdin), stderr))
        except CommandFailed as error:
            return 1, "", f"sora-admin: {error}\n"
        work = run(given, self.open, stdout, stderr)
        code = self.successResultOf(Deferred.fromCoroutine(work))
        return code, stdout.getvalue(), stderr.getvalue()

    def test_scripts_of_a_user(self) -> None:
        """Put from a file and from stdin, listed, shown, activated, renamed, deleted."""
        ann = ("--email", EMAIL)
        Path("main.sieve").write_bytes(b'require "fileinto";\r\nkeep;\r\n')
        for words, stdin, said in (
            (("put", *ann, "--name", "main", "main.sieve"), "", f"kept main of {EMAIL}\n"),
            (("put", *ann, "--name", "b", "--activate"), "# \u00e9\n", f"kept b of {EMAIL}\n"),
            (("show", *ann), "", "# \u00e9\n"),
            (("activate", *ann, "--name", "main"), "", f"main of {EMAIL} runs now\n"),
            (("rename", *ann, "--name", "main", "--to", "a"), "", f"main of {EMAIL} is a now\n"),
            (("delete", *ann, "--name", "b", "--yes"), "", f"deleted b of {EMAIL}\n"),
        ):
            code, stdout, stderr = self.admin(*words, stdin=stdin)
            self.assertEqual((code, stdout, stderr), (0, said, ""), words)
        code, stdout, _ = self.admin("list", *ann, "--json")
        rows = json.loads(stdout)
        self.assertEqual([(row["name"], row["runs"]) for row in rows], [("a", "active")])
        code, stdout, _ = self.admin("show", *ann, "--name", "a", "--json")
        self.assertEqual(json.loads(stdout)["source"], 'require "fileinto";\r\nkeep;\r\n')
        for words, stdin, expected in (
            (("put", *ann, "--name", "a", "-"), "keep;\nnono;\n", "line 2, column 1: "),
            (("put", *ann, "--name", "a"), "", "A script cannot be empty"),
            (("put", *ann, "--name", "a", "nowhere"), "", "nowhere cannot be read"),
            (("put", *ann), "keep;", "say --name"),
            (("put", *ann, "--name", "a", "--position", "after"), "keep;", "goes with --domain"),
            (("delete", *ann, "--name", "a", "--yes"), "", "The script a is active."),
            (("delete", *ann, "--name", "b", "--yes"), "", "There is no script b."),
            (("activate", *ann, "--name", "b"), "", "There is no script b."),
            (("list", "--email", "nobody@example.com"), "", "nobody@example.com"),
        ):
            code, stdout, stderr = self.admin(*words, stdin=stdin)
            self.assertEqual((code, stdout, stderr.count("\n")), (1, "", 1), stderr)
            self.assertIn(expected, stderr)
        code, stdout, _ = self.admin("deactivate", *ann)
        self.assertEqual(code, 0)
        code, stdout, stderr = self.admin("show", *ann)
        self.assertEqual((code, stderr), (1, f"sora-admin: No script of {EMAIL} is active\n"))

    def test_scripts_of_a_domain(self) -> None:
        """One before and one after those of its users; others to be included."""
        domain = ("--domain", "Example.COM")
        code, stdout, stderr = self.admin("list", *domain)
        self.assertEqual((code, stdout, stderr), (0, "NAME  SIZE  RUNS  CHANGED\n", ""))
        for words in (
            ("put", *domain, "--position", "before"),
            ("put", *domain, "--position", "after", "--name", "archive"),
            ("put", *domain, "--name", "library"),
        ):
            code, _, stderr = self.admin(*words, stdin="keep;")
            self.assertEqual((code, stderr), (0, ""))
        code, stdout, _ = self.admin("list", *domain, "--json")
        self.assertEqual(
            [(row["name"], row["runs"]) for row in json.loads(stdout)],
            [("archive", "after"), ("before", "before"), ("library", None)],
        )
        code, stdout, _ = self.admin("show", *domain, "--position", "after")
        self.assertEqual((code, stdout), (0, "keep;\n"))
        code, stdout, _ = self.admin("deactivate", *domain, "--position", "after")
        self.assertEqual(code, 0)
        code, stdout, _ = self.admin("list", *domain, "--position", "before")
        self.assertEqual(stdout.count("\n"), 2, stdout)
        for words, expected in (
            (("activate", *domain, "--name", "library"), "say --position"),
            (("show", *domain), "say --name, --position before or --position after"),
            (("show", *domain, "--position", "after"), "No script of"),
            (("show", "--domain", "other.example", "--name", "x"), "has no scripts"),
            (("put", "--domain", "other.example", "--name", "x"), "There is no domain"),
        ):
            code, stdout, stderr = self.admin(*words, stdin="keep;")
            self.assertEqual((code != 0, stdout, stderr.count("\n")), (True, "", 1), stderr)
            self.assertIn(expected, stderr)
