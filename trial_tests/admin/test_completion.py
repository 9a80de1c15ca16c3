"""Completion in real shells, and the manual pages."""

import os
import pty
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.admin.commands import all_commands
from sora.admin.completion import SHELLS, script
from sora.admin.main import shapes
from sora.app.manual import main, pages
from trial_tests.support.programs import require_program

ROOT = Path(__file__).parents[2]


class CompletionTests(SynchronousTestCase):
    def completed(self, *words: str) -> list[str]:
        """What bash offers for the last of these words."""
        bash = require_program(self, "bash", "bash")
        quoted = " ".join(f"'{word}'" for word in words)
        text = (
            f"{script('bash', shapes())}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
            '_sora_admin\nprintf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run([bash, "-c", text], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_words_and_options(self) -> None:
        """Of groups, of commands, and behind options that have a value."""
        for words, offered in (
            ("twistd so", ["sora", "sora-admin"]),
            ("twistd sora-admin acc", ["accounts"]),
            ("/opt/sora/bin/twistd sora-admin accounts credentials ", ["add", "list"]),
            ("sora-admin accounts create --email a@b --password-h", ["--password-hash"]),
            ("twistd -n sora-admin sieve ac", ["activate"]),
            ("twistd sora-admin accounts nothing x", []),
        ):
            self.assertEqual(self.completed(*words.split(" ")), offered, words)

    def test_a_zsh_at_a_terminal(self) -> None:
        """Somebody types a word in part, and the tabulator."""
        zsh = require_program(self, "zsh", "zsh")
        with tempfile.NamedTemporaryFile("w", suffix=".zsh") as file:
            file.write(script("zsh", shapes()))
            file.flush()
            pid, terminal = pty.fork()
            if pid == 0:  # pragma: no cover
                os.execve(zsh, [zsh, "-f", "-i"], {"TERM": "dumb", "PATH": os.defpath})
            os.write(
                terminal, f"PROMPT='> '; source {file.name}; print ASK ME | tr A-Z a-z\n".encode()
            )
            self.read_until(terminal, b"ask me")
            os.write(terminal, b"twistd sora-admin accounts cred\t")
            self.read_until(terminal, b"credentials")
            os.write(terminal, b"\x15exit\n")
            self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def read_until(self, terminal: int, wanted: bytes) -> None:
        said = b""
        while wanted not in said:
            said += os.read(terminal, 4096)

    def test_every_command_is_known(self) -> None:
        text = script("zsh", shapes())
        for command in all_commands():
            self.assertIn(f'        "{" ".join(command.words)}") echo "', text)
        self.assertEqual(SHELLS, ("bash", "zsh"))


class ManualPageTests(SynchronousTestCase):
    def test_they_are_what_the_help_says(self) -> None:
        """`python -m sora.app.manual` writes them."""
        self.assertEqual(main(["--check"], ROOT), 0, "the pages below etc/man are stale")

    def test_every_command_has_its_examples_there(self) -> None:
        page = pages()["sora-admin.8"].replace("\\-", "-")
        for command in all_commands():
            self.assertIn(f".SS {' '.join(command.words)}\n", page)
            for example in command.examples:
                self.assertIn(f"sora-admin {example}".replace("\\", "\\e"), page)

    def test_groff_has_nothing_to_say(self) -> None:
        groff = require_program(self, "groff", "groff-base")
        for name in pages():
            done = subprocess.run(
                [groff, "-man", "-ww", "-Tutf8", ROOT / "etc/man" / name],
                capture_output=True,
                text=True,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_mandoc_has_no_warning(self) -> None:
        """The other program that shows manual pages."""
        mandoc = require_program(self, "mandoc", "mandoc")
        for name in pages():
            page = ROOT / "etc/man" / name
            done = subprocess.run(
                [mandoc, "-T", "lint", "-W", "warning", page], capture_output=True, text=True
            )
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), name)
