"""`sora-admin sieve test` and `sieve filter`, as they are typed."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from attrs import fields_dict
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from sora.admin.command import CommandFailed, Store, Terminal
from sora.admin.main import parse, prepare, run
from sora.mailbox.scripts import Compiler
from sora.operations.sieve_trial import SieveTrials
from sora.sieve.dialect import SIEVE
from sora.sieve.limits import Limits
from trial_tests.support.transcript import ThreadsHere
from trial_tests.support.whole_sora import WholeSoraTestCase

MESSAGE = "From: carl@example.net\nSubject: Lunch\nMessage-ID: <1@x>\n\nAt noon?\n"


class TestCommandTests(SynchronousTestCase):
    """A script is tried without a database."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        compiler = Compiler(SIEVE, Limits(), ThreadsHere().run)
        others: dict[str, Any] = dict.fromkeys(fields_dict(Store))
        trials = SieveTrials(compiler, lambda: 1_716_000_000.0)
        self.store = Store(**others | {"trials": lambda: trials, "close": self.close})

    async def close(self) -> None:
        """There is nothing to close."""

    async def open(self, given: object) -> Store:
        return self.store

    def file(self, name: str, text: str) -> str:
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def admin(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        given = parse(["sieve", "test", *words])
        stdout, stderr = StringIO(), StringIO()
        try:
            prepare(given, Terminal(StringIO(stdin), stderr))
        except CommandFailed as error:
            return 1, "", str(error)
        work = run(given, self.open, stdout, stderr)
        code = self.successResultOf(Deferred.fromCoroutine(work))
        return code, stdout.getvalue(), stderr.getvalue()

    def try_script(self, source: str, *words: str) -> tuple[int, str, str]:
        return self.admin(
            *words, self.file("main.sieve", source), self.file("message.eml", MESSAGE)
        )

    def test_actions_and_trace_line_by_line(self) -> None:
        code, text, error = self.try_script(
            'require ["fileinto", "copy"];\n'
            'if header :contains "subject" "lunch" {\n'
            '    fileinto :copy "Meals";\n'
            "} elsif true {\n"
            "    discard;\n"
            "}\n"
        )
        self.assertEqual((code, error), (0, ""))
        lines = text.splitlines()
        self.assertEqual(
            lines,
            [
                "2:4: header :contains: ['Lunch'] against ['lunch']",
                "2:4: header: true",
                "3:5: fileinto mailbox='Meals'",
                "",
                "what is done:",
                "  fileinto mailbox='Meals'",
                "  keep",
            ],
        )

    def test_what_it_is_told_of_the_world(self) -> None:
        source = (
            'require ["envelope", "subaddress", "mailbox", "duplicate", "date", "body"];'
            'if allof (envelope "from" "eve@example.net", envelope :detail "to" "x",'
            ' mailboxexists "Work", not mailboxexists "Home", duplicate,'
            ' currentdate "year" "2020", body :contains "noon") { discard; }'
        )
        words = ("--from", "eve@example.net", "--to", "ann+x@example.com", "--mailbox", "Work")
        code, text, _ = self.try_script(
            source, *words, "--duplicate", "--at", "2020-02-03T12:00:00", "--no-trace"
        )
        self.assertEqual((code, text), (0, "what is done:\n  discard\n"))

    def test_address_books_are_empty(self) -> None:
        """The default one is always there (RFC 6134 §2.5)."""
        source = (
            'require "extlists"; if allof (valid_ext_list ":addrbook:default",'
            ' not valid_ext_list ":addrbook:x", not header :list "from" ":addrbook:default")'
            " { discard; }"
        )
        code, text, _ = self.try_script(source, "--no-trace")
        self.assertEqual((code, text), (0, "what is done:\n  discard\n"))

    def test_scripts_that_lie_beside_it_are_included(self) -> None:
        self.file("other.sieve", 'require "fileinto"; fileinto "Work";')
        code, text, _ = self.try_script('require "include"; include "other";')
        self.assertEqual(code, 0)
        self.assertIn("other:1:21: fileinto mailbox='Work'", text)

    def test_an_error_at_run_time_is_told_with_its_place(self) -> None:
        code, text, error = self.try_script('require "include";\ninclude "missing";')
        self.assertEqual(code, 1)
        self.assertIn("what is done:\n  keep\n", text)
        self.assertIn("line 2, column 1: There is no script", error)

    def test_a_script_that_does_not_compile(self) -> None:
        code, text, error = self.try_script('fileinto "x";')
        self.assertEqual((code, text), (1, ""))
        self.assertIn("main.sieve, line 1, column 1", error)

    def test_json(self) -> None:
        code, text, _ = self.try_script('keep; redirect "bob@example.net";', "--json")
        told = json.loads(text)
        self.assertEqual((code, told["actions"]), (0, ["redirect address='bob@example.net'"]))
        self.assertEqual((told["keep"], told["error"]), ("keep", None))
        self.assertEqual(told["trace"][0]["line"], 1)

    def test_the_message_from_standard_input_and_wrong_arguments(self) -> None:
        script = self.file("main.sieve", 'if header "subject" "Lunch" { discard; }')
        code, text, _ = self.admin(script, "-", stdin=MESSAGE)
        self.assertEqual(code, 0)
        self.assertIn("discard", text)
        self.assertIn("/nowhere cannot be read", self.admin(script, "/nowhere")[2])
        self.assertIn("is not a time", self.admin("--at", "noon", script, "-")[2])


class FilterCommandTests(WholeSoraTestCase):
    """A mailbox is filtered while its server runs; bodies are in a directory."""

    async def test_filter(self) -> None:
        sora = await self.sora()
        await self.account(sora, "ann@example.com")
        wire = await sora.imap("ann@example.com")
        for number in range(3):
            letter = f"Subject: n\r\n\r\nbody {number}\r\n".encode()
            wire.send(b"a APPEND INBOX {%d+}\r\n" % len(letter) + letter + b"\r\n")
            await wire.until(rb"(?m)^a OK [^\r\n]*\r\n")
        script = Path(self.mktemp())
        script.write_text(
            'require ["body", "fileinto", "mailbox"];'
            'if body :contains "body 1" { fileinto :create "One"; }'
        )
        config = Path(self.mktemp())
        config.write_text(sora.text)

        def admin(*words: str) -> "subprocess.CompletedProcess[str]":
            command = ["sieve", "filter", "--email", "ann@example.com", "--mailbox", "INBOX"]
            program = "from twisted.scripts.twistd import run; run()"
            return subprocess.run(
                [sys.executable, "-c", program, "sora-admin", *command, *words, str(script)]
                + ["--config", str(config)],
                capture_output=True,
                text=True,
                timeout=60,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                check=False,
            )

        dry = await deferToThread(admin, "--dry-run")
        self.assertEqual((dry.returncode, dry.stderr), (0, ""))
        self.assertIn("2: moved to One (n)\n", dry.stdout)
        self.assertIn("3 messages: 2 kept, 1 moved", dry.stdout)
        done = await deferToThread(admin, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        told = json.loads(done.stdout)
        self.assertEqual((told["messages"], told["kept"], told["moved"]), (3, 2, 1))
        self.assertIn(b"MESSAGES 1", await wire.ask(b"STATUS One (MESSAGES)"))
        self.assertIn(b"MESSAGES 2", await wire.ask(b"STATUS INBOX (MESSAGES)"))
        script.write_text('redirect "bob@example.net";')
        refused = await deferToThread(admin, "--send")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("No relay is configured", refused.stderr)
        queue = Path(self.mktemp())
        queue.mkdir()
        config.write_text(
            f'{sora.text}\n[relay]\ntype = "smtp"\nsmtp_host = "127.0.0.1:9"\n'
            f'[relay.queue]\npath = "{queue.absolute()}"\n'
        )
        sent = await deferToThread(admin, "--send")
        self.assertEqual((sent.returncode, sent.stderr), (0, ""))
        self.assertIn("2 kept, 0 moved", sent.stdout)
        self.assertIn("; 2 sent on", sent.stdout)
        waiting = [path.read_bytes() for path in queue.glob("*/waiting/*")]
        self.assertEqual(sum(b"bob@example.net" in octets for octets in waiting), 2)
