"""Completion in a real shell, and the manual pages."""

import subprocess
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
            ("sora-admin accounts create --email a@b --pass", ["--password"]),
            ("twistd -n sora-admin sieve ac", ["activate"]),
            ("twistd sora-admin accounts nothing x", []),
        ):
            self.assertEqual(self.completed(*words.split(" ")), offered, words)

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
