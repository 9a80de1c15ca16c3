"""`twistd sora-admin`: command lines, what they print, and their exit codes."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from sora.admin.command import CommandFailed, Terminal
from sora.admin.commands import all_commands
from sora.admin.main import parse, prepare
from sora.admin.older import OLDER
from sora.admin.output import size_text
from sora.admin.reports import JSONReport, TextReport
from trial_tests.support.postgres import DatabaseTestCase
from trial_tests.support.quick_twistd import shared_twistd

EMAIL = "ann@example.com"
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "admin-cli.md"


class ParseTests(SynchronousTestCase):
    """Command lines."""

    def ended(self, *words: str) -> tuple[int, str, str]:
        """The exit code and the output of a command line that ends by itself."""
        stdout, stderr = StringIO(), StringIO()
        self.patch(sys, "stdout", stdout)
        self.patch(sys, "stderr", stderr)
        error = self.assertRaises(SystemExit, parse, words)
        assert isinstance(error.code, int)
        return error.code, stdout.getvalue(), stderr.getvalue()

    def test_every_command_has_help_with_examples(self) -> None:
        """By `--help` and by the word `help`."""
        for command in all_commands():
            code, text, _ = self.ended(*command.words, "--help")
            self.assertEqual(code, 0)
            self.assertIn(f"twistd sora-admin {' '.join(command.words)}", text)
            self.assertIn("examples:\n", text)
            self.assertEqual(self.ended("help", *command.words), (0, text, ""))

    def test_the_examples_are_right(self) -> None:
        """Each of them is a command line that is understood."""
        for command in all_commands():
            for example in command.examples:
                words = example.partition(" <")[0].split()
                self.assertIsInstance(parse(words).command, command)

    def test_groups_and_the_whole_have_help(self) -> None:
        """Which names the commands below."""
        for words in ((), ("accounts",), ("accounts", "credentials"), ("credentials",)):
            code, text, _ = self.ended(*words, "--help")
            self.assertEqual(code, 0)
            self.assertIn("credentials", text)

    def test_commands_of_the_older_server_are_named(self) -> None:
        """Those that are called otherwise here; the manual has them all, and they are right."""
        manual = MANUAL.read_text("utf-8")
        here = {command.words for command in all_commands()}
        for there, name in OLDER.items():
            self.assertNotIn(tuple(there.split()), here)
            words = tuple(word for word in name.split() if word.islower() and word[0] != "-")
            self.assertIn(words, here)
            code, _, said = self.ended(*there.split(), "--email", EMAIL)
            self.assertEqual((code, said.count("\n")), (2, 1))
            self.assertIn(f"`{name}`", said)
            self.assertIn(f"| `{there}` | `{name}` |", manual)

    def test_what_is_no_command_of_the_store_has_help_too(self) -> None:
        """By the word `help`, itself included."""
        for words in ((), ("version",), ("completion",), ("help",), ("sieve",)):
            code, text, _ = self.ended("help", *words)
            self.assertEqual(code, 0)
            self.assertIn("usage: twistd sora-admin", text)
            self.assertEqual(self.ended(*words, "--help"), (0, text, ""))

    def test_the_version_is_printed(self) -> None:
        """That of the package."""
        code, text, _ = self.ended("version")
        self.assertEqual(code, 0)
        self.assertRegex(text, r"^sora \d+\.\d+")

    def test_a_wrong_command_line_is_one_line_and_code_2(self) -> None:
        """It says where help is."""
        for words in (
            ("accounts", "make"),
            ("nothing",),
            ("accounts", "create"),
            ("accounts", "create", "--email", EMAIL, "--hash", "md5"),
            ("accounts", "list", "--wrong"),
            ("help", "nothing"),
            ("accounts",),
        ):
            code, stdout, stderr = self.ended(*words)
            self.assertEqual((code, stdout), (2, ""), words)
            self.assertTrue(stderr.startswith("sora-admin: "))
            self.assertIn("--help", stderr)
            self.assertEqual(stderr.count("\n"), 1, stderr)


class Person(StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


class PrepareTests(SynchronousTestCase):
    """What is asked before anything is done."""

    def terminal(self, typed: str, *secrets: str, person: bool = True) -> Terminal:
        answers = iter(secrets)
        stdin = Person(typed) if person else StringIO(typed)
        self.asked = StringIO()
        return Terminal(stdin, self.asked, lambda prompt: next(answers))

    def test_a_password_is_asked_for_twice(self) -> None:
        """When none is given and somebody can answer."""
        given = parse(["accounts", "create", "--email", EMAIL])
        prepare(given, self.terminal("", "one", "one"))
        self.assertEqual(given.password, "one")
        self.assertRaises(
            CommandFailed,
            prepare,
            parse(["accounts", "update", "--email", EMAIL]),
            self.terminal("", "one", "two"),
        )

    def test_a_password_is_the_first_line_of_a_pipe(self) -> None:
        """An empty one is an error."""
        given = parse(["accounts", "create", "--email", EMAIL])
        prepare(given, self.terminal("from a file\nmore\n", person=False))
        self.assertEqual(given.password, "from a file")
        given = parse(["accounts", "create", "--email", EMAIL])
        self.assertRaises(CommandFailed, prepare, given, self.terminal("", person=False))

    def test_what_destroys_asks_unless_it_was_said(self) -> None:
        """Without a person it needs --yes."""
        words = ["accounts", "delete", "--email", EMAIL]
        prepare(parse([*words, "--yes"]), self.terminal("", person=False))
        prepare(parse(words), self.terminal("y\n"))
        self.assertIn(f"Delete the account {EMAIL}?", self.asked.getvalue())
        self.assertRaises(CommandFailed, prepare, parse(words), self.terminal("n\n"))
        self.assertRaises(CommandFailed, prepare, parse(words), self.terminal("\n"))
        error = self.assertRaises(
            CommandFailed, prepare, parse(words), self.terminal("y\n", person=False)
        )
        self.assertIn("--yes", str(error))


class ReportTests(SynchronousTestCase):
    """Tables and JSON."""

    rows = (
        {"email": "a@b.c", "messages": 1200, "size": 2048, "primary": True, "deleted": None},
        {"email": "longer@b.c", "messages": 7, "size": 5, "primary": False, "deleted": None},
    )

    def test_a_table_has_columns_of_their_width(self) -> None:
        """Numbers stand to the right."""
        stream = StringIO()
        TextReport(stream, StringIO()).table(
            ["email", "messages", "size", "primary", "deleted"], self.rows
        )
        self.assertEqual(
            stream.getvalue(),
            "EMAIL       MESSAGES    SIZE  PRIMARY  DELETED\n"
            "a@b.c           1200  2.0 KB  yes      -\n"
            "longer@b.c         7     5 B  no       -\n",
        )

    def test_what_others_have_chosen_stays_in_its_row(self) -> None:
        """A subject or a name of a mailbox neither colours a terminal nor makes rows of its own."""
        stream = StringIO()
        TextReport(stream, StringIO()).table(["name"], [{"name": "\x1b[31mred\nrow\u202e\udcff"}])
        self.assertEqual(stream.getvalue(), "NAME\n\\x1b[31mred\\nrow\\u202e\\udcff\n")

    def test_an_empty_table_is_its_headings(self) -> None:
        """So that one sees that there is nothing."""
        stream = StringIO()
        TextReport(stream, StringIO()).table(["email"], [])
        self.assertEqual(stream.getvalue(), "EMAIL\n")

    def test_json_has_all_fields(self) -> None:
        """Times in ISO 8601."""
        stream = StringIO()
        JSONReport(stream, StringIO()).table(
            ["email"], [{"email": "a", "at": datetime(2026, 1, 2, tzinfo=UTC)}]
        )
        self.assertEqual(
            json.loads(stream.getvalue()), [{"email": "a", "at": "2026-01-02T00:00:00+00:00"}]
        )

    def test_sizes_are_for_people(self) -> None:
        """Up to terabytes."""
        self.assertEqual(
            [size_text(octets) for octets in (0, 1023, 1536, 5 << 20, 3 << 30, 9 << 40)],
            ["0 B", "1023 B", "1.5 KB", "5.0 MB", "3.0 GB", "9.0 TB"],
        )


class CommandTests(DatabaseTestCase):
    """The program as an operator runs it, on a real database."""

    async def asyncSetUp(self) -> None:
        fresh = await self.fresh()
        directory = TemporaryDirectory(prefix="sora-admin-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.config = self.directory / "config.toml"
        server = fresh.server
        self.config.write_text(
            f'[database]\nhost = "{server.host}"\nport = {server.port}\nuser = "{server.user}"\n'
            f'password = "{server.password}"\ndbname = "{server.database}"\n'
        )

    async def admin(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        """Run it in a process of its own; gives exit code, stdout and stderr."""
        twistd = str(shared_twistd().programs / "twistd")

        def run() -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [twistd, "sora-admin", *words, "--config", str(self.config)],
                input=stdin,
                capture_output=True,
                text=True,
                cwd=self.directory,
                timeout=60,
            )

        ended = await deferToThread(run)
        return ended.returncode, ended.stdout, ended.stderr

    async def test_the_life_of_an_account(self) -> None:
        """From its creation over an alias to its restoration; nothing is left in the directory."""
        await self.asyncSetUp()
        code, stdout, stderr = await self.admin(
            "accounts", "create", "--email", EMAIL, "--password", "secret word", "--hash", "ssha512"
        )
        self.assertEqual((code, stdout, stderr), (0, f"created {EMAIL}\n", ""))
        code, stdout, stderr = await self.admin(
            *("accounts", "create", "--email", EMAIL, "--hash", "sha512"), stdin="again\n"
        )
        self.assertEqual((code, stdout), (1, ""))
        self.assertTrue(stderr.startswith("sora-admin: "), stderr)
        self.assertEqual(stderr.count("\n"), 1, stderr)
        code, stdout, _ = await self.admin("accounts", "list", "--json")
        [account] = json.loads(stdout)
        self.assertEqual((account["email"], account["mailboxes"]), (EMAIL, 6))
        alias = "sales@example.com"
        code, _, stderr = await self.admin(
            *("accounts", "credentials", "add", "--email", EMAIL, "--alias", alias),
            *("--password", "other word", "--hash", "sha512"),
        )
        self.assertEqual((code, stderr), (0, ""))
        code, stdout, _ = await self.admin("accounts", "credentials", "list", "--email", alias)
        self.assertIn(EMAIL, stdout)
        self.assertIn(alias, stdout)
        code, stdout, _ = await self.admin("credentials", "show", "--email", alias, "--json")
        self.assertEqual(json.loads(stdout)[0]["account"], EMAIL)
        self.assertNotIn("SHA512}", stdout)
        code, _, stderr = await self.admin("credentials", "delete", "--email", alias, "--yes")
        self.assertEqual((code, stderr), (0, ""))
        code, _, stderr = await self.admin("accounts", "delete", "--email", EMAIL)
        self.assertEqual(code, 1)
        self.assertIn("--yes", stderr)
        code, stdout, _ = await self.admin("accounts", "delete", "--email", EMAIL, "--yes")
        self.assertEqual((code, stdout), (0, f"deleted {EMAIL}\n"))
        code, stdout, _ = await self.admin("accounts", "list", "--deleted")
        self.assertIn(EMAIL, stdout)
        code, stdout, _ = await self.admin("accounts", "restore", "--email", EMAIL)
        self.assertEqual((code, stdout), (0, f"restored {EMAIL}\n"))
        self.assertEqual([file.name for file in self.directory.iterdir()], ["config.toml"])

    async def test_quotas_and_rights(self) -> None:
        """Set, shown, changed and taken away; of a user and of a domain."""
        await self.asyncSetUp()
        for name in ("ann", "bob"):
            await self.admin(
                *("accounts", "create", "--email", f"{name}@example.com"),
                *("--password", "secret word", "--hash", "sha512"),
            )
        code, stdout, stderr = await self.admin(
            "quota", "set", "--email", EMAIL, "--storage", "10gb", "--mailboxes", "20"
        )
        self.assertEqual((code, stderr), (0, ""))
        self.assertEqual(
            stdout.split(),
            [
                "RESOURCE",
                "USED",
                "LIMIT",
                "storage",
                "0",
                "B",
                "10.0",
                "GB",
                "messages",
                "0",
                "-",
                "mailboxes",
                "6",
                "20",
            ],
        )
        code, stdout, _ = await self.admin(
            "quota", "set", "--email", EMAIL, "--storage", "none", "--json"
        )
        self.assertEqual(
            [row["limit"] for row in json.loads(stdout)], [None, None, 20], (code, stdout)
        )
        code, stdout, _ = await self.admin("quota", "allow", "--email", EMAIL)
        self.assertEqual((code, stdout), (0, f"{EMAIL} may set quotas\n"))
        mailbox = ("--email", EMAIL, "--mailbox", "Archive", "--user", "bob@example.com")
        code, stdout, stderr = await self.admin("acl", "set", *mailbox, "--rights", "lrs")
        self.assertEqual((code, stderr), (0, ""))
        code, stdout, _ = await self.admin("acl", "set", *mailbox, "--rights=-s", "--json")
        self.assertEqual(json.loads(stdout)["rights"], "lr")
        code, stdout, _ = await self.admin("acl", "show", *mailbox[:4])
        self.assertEqual(stdout.split(), ["USER", "RIGHTS", "bob@example.com", "lr"])
        code, stdout, _ = await self.admin("acl", "delete", *mailbox)
        self.assertEqual(code, 0)
        domain = ("--domain", "example.com")
        code, stdout, stderr = await self.admin("shared", "list", *domain)
        self.assertEqual((code, stdout), (1, ""))
        self.assertIn("No mailboxes belong to the domain", stderr)
        code, stdout, stderr = await self.admin(
            *("shared", "create", *domain, "--mailbox", "Team/2026", "--user", "bob@example.com")
        )
        self.assertEqual((code, stdout, stderr), (0, "made Team/2026 of example.com\n", ""))
        code, stdout, _ = await self.admin("shared", "list", *domain, "--json")
        self.assertEqual([row["mailbox"] for row in json.loads(stdout)], ["Team", "Team/2026"])
        code, stdout, _ = await self.admin("acl", "show", *domain, "--mailbox", "Team", "--json")
        self.assertEqual(json.loads(stdout), [{"user": "bob@example.com", "rights": "lrswipkxtea"}])
        for words in (
            ("acl", "set", *mailbox, "--rights", "lqr"),
            ("acl", "set", *mailbox[:-1], EMAIL, "--rights", "lr"),
            ("acl", "show", "--email", EMAIL, "--mailbox", "Nowhere"),
            ("quota", "set", "--email", EMAIL),
            ("quota", "show", "--email", "nobody@example.com"),
        ):
            code, stdout, stderr = await self.admin(*words)
            self.assertEqual((code, stdout, stderr.count("\n")), (1, "", 1), stderr)

    async def test_mailboxes(self) -> None:
        """Made, renamed, shown, deleted, in the database."""
        await self.asyncSetUp()
        await self.admin(
            *("accounts", "create", "--email", EMAIL, "--password", "secret word"),
            *("--hash", "sha512"),
        )
        for words in (
            ("create", "--mailbox", "Work/Reports"),
            ("subscribe", "--mailbox", "Work/Reports"),
            ("rename", "--mailbox", "Work", "--to", "Old"),
            ("status", "--mailbox", "Old/Reports"),
        ):
            code, _, stderr = await self.admin("mailbox", words[0], "--email", EMAIL, *words[1:])
            self.assertEqual((code, stderr), (0, ""), words)
        _, stdout, _ = await self.admin("mailbox", "list", "--email", EMAIL, "--json")
        subscribed = {row["mailbox"]: row["subscribed"] for row in json.loads(stdout)}
        self.assertEqual((subscribed["Old"], subscribed["Old/Reports"]), (False, True))
        for name, expected in (("Old", 1), ("INBOX", 1), ("Old/Reports", 0), ("Old", 0)):
            code, *_ = await self.admin(
                "mailbox", "delete", "--email", EMAIL, "--mailbox", name, "--yes"
            )
            self.assertEqual(code, expected, name)

    async def test_aliases_and_domains(self) -> None:
        """Made, listed, shown, set and removed."""
        await self.asyncSetUp()
        await self.admin(
            *("accounts", "create", "--email", EMAIL, "--password", "secret word"),
            *("--hash", "sha512"),
        )
        alias = ("--alias", "Sales@Example.NET")
        code, stdout, stderr = await self.admin("aliases", "create", "--email", EMAIL, *alias)
        self.assertEqual(
            (code, stdout, stderr), (0, f"mail for Sales@example.net goes to {EMAIL}\n", "")
        )
        for words in (
            ("aliases", "list"),
            ("aliases", "list", "--email", EMAIL),
            ("aliases", "list", "--domain", "example.net"),
            ("aliases", "show", *alias),
        ):
            code, stdout, stderr = await self.admin(*words, "--json")
            self.assertEqual((code, stderr), (0, ""))
            [row] = json.loads(stdout)
            self.assertEqual((row["alias"], row["account"]), ("Sales@example.net", EMAIL))
        catch_all = ("--catch-all", "sales@example.net")
        code, stdout, _ = await self.admin("domains", "set", "--domain", "Example.com", *catch_all)
        self.assertEqual(code, 0)
        self.assertEqual(stdout.splitlines()[1].split()[:5], ["example.com", "1", "0", EMAIL, "-"])
        code, stdout, _ = await self.admin("domains", "create", "--domain", "bücher.example")
        self.assertEqual((code, stdout), (0, "made the domain xn--bcher-kva.example\n"))
        of = ("--alias-of", "example.com")
        code, stdout, _ = await self.admin("domains", "set", "--domain", "bücher.example", *of)
        self.assertEqual(code, 0)
        code, stdout, _ = await self.admin("domains", "list", "--json")
        self.assertEqual(
            [(row["domain"], row["catch-all"], row["alias of"]) for row in json.loads(stdout)],
            [
                ("example.com", EMAIL, None),
                ("example.net", None, None),
                ("xn--bcher-kva.example", None, "example.com"),
            ],
        )
        for words, expected in (
            (("aliases", "create", "--email", EMAIL, "--alias", EMAIL), "already"),
            (("aliases", "show", "--alias", EMAIL), "There is no alias"),
            (("domains", "delete", "--domain", "example.net", "--yes"), "has aliases"),
            (("domains", "set", "--domain", "example.com"), "nothing to set"),
            (("domains", "set", "--domain", "example.com", *of), "alias of itself"),
            (("domains", "show", "--domain", "example.org"), "There is no domain example.org"),
        ):
            code, stdout, stderr = await self.admin(*words)
            self.assertEqual((code, stdout, stderr.count("\n")), (1, "", 1), stderr)
            self.assertIn(expected, stderr)
        code, stdout, _ = await self.admin("aliases", "delete", *alias, "--yes")
        self.assertEqual((code, stdout), (0, "removed the alias Sales@Example.NET\n"))
        code, stdout, _ = await self.admin("domains", "delete", "--domain", "example.net", "--yes")
        self.assertEqual((code, stdout), (0, "removed the domain example.net\n"))
        code, stdout, _ = await self.admin(
            *("domains", "set", "--domain", "example.com", "--catch-all", "none", "--json")
        )
        self.assertIsNone(json.loads(stdout)[0]["catch-all"])

    async def test_a_script_is_checked_without_a_database(self) -> None:
        """Every error with its line and column; with the extensions that are configured."""
        await self.asyncSetUp()
        self.config.write_text('[database]\nhost = "/nowhere"\n[sieve]\nextensions = ["copy"]\n')
        (self.directory / "a.sieve").write_text("keep;\nnono;\nif true { nono2; }\n")
        code, stdout, stderr = await self.admin("sieve", "check", "a.sieve")
        self.assertEqual((code, stdout), (1, ""))
        lines = stderr.splitlines()
        self.assertTrue(lines[0].startswith("sora-admin: a.sieve, line 2, column 1: "), stderr)
        self.assertTrue(lines[1].startswith("sora-admin: a.sieve, line 3, column 11: "), stderr)
        code, stdout, stderr = await self.admin("sieve", "check", "--json", stdin="nono;")
        told = json.loads(stdout)
        self.assertEqual((code, told["valid"], told["errors"][0]["line"]), (1, False, 1))
        code, stdout, stderr = await self.admin("sieve", "check", stdin='require "copy"; keep;')
        self.assertEqual((code, stdout, stderr), (0, "the script is valid\n", ""))
        code, stdout, stderr = await self.admin("sieve", "check", stdin='require "fileinto"; keep;')
        self.assertEqual((code, stdout), (1, ""))
        self.assertIn("fileinto", stderr)
        self.config.write_text('[sieve]\nextensions = ["nono"]\n')
        code, stdout, stderr = await self.admin("sieve", "check", stdin="keep;")
        self.assertEqual((code, stdout), (1, ""))
        self.assertIn("There is no Sieve extension 'nono'", stderr)

    async def test_failures_are_one_line_and_code_1(self) -> None:
        """No account, no address, no database, no file; no traceback and no secret."""
        await self.asyncSetUp()
        text = self.config.read_text()
        for change, words, expected in (
            ("", ("accounts", "update", "--email", EMAIL, "--password", "x"), EMAIL),
            ("", ("credentials", "show", "--email", "nobody"), "nobody"),
            ("dbnam = 5\n", ("accounts", "list"), "did you mean `dbname`?"),
            (
                "[database]\nhost = '/nowhere'\npassword = 'hushhush'",
                ("accounts", "list"),
                "/nowhere",
            ),
        ):
            self.config.write_text(change if change.startswith("[") else text + change)
            code, stdout, stderr = await self.admin(*words)
            self.assertEqual((code, stdout), (1, ""), stderr)
            self.assertIn(expected, stderr)
            self.assertEqual(stderr.count("\n"), 1, stderr)
            self.assertNotIn("hushhush", stderr)
        self.config.unlink()
        code, _, stderr = await self.admin("accounts", "list")
        self.assertEqual(code, 1)
        self.assertIn("there is no such file", stderr)


class ManualTests(SynchronousTestCase):
    """docs/admin-cli.md."""

    def test_every_command_is_in_the_manual(self) -> None:
        """With its words."""
        manual = (Path(__file__).parents[2] / "docs" / "admin-cli.md").read_text("utf-8")
        for command in all_commands():
            self.assertIn(f"| `{' '.join(command.words)} ", manual)
