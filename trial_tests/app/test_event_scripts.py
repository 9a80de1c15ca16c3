"""The operator's scripts for what IMAP clients do, and what IMAP tells of where scripts are managed."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.app.event_scripts import event_rules, sieve_url
from sora.config.config import Config
from sora.config.load import loads
from sora.config.problems import ConfigError

MANAGED = '[[servers]]\ntype = "managesieve"\naddr = ":{port}"\n'


def config(text: str) -> Config:
    return loads(text, "test", {}, []).config


class RuleTests(SynchronousTestCase):
    def rule(self, script: str, more: str = "") -> str:
        path = Path(self.mktemp())
        path.write_text(script)
        return f'[[sieve.imap_events]]\nscript = "{path}"\n{more}\n'

    def test_rules(self) -> None:
        text = self.rule("keep;", 'mailbox = "\\\\Junk"') + self.rule(
            "discard;", 'source = "Work"\ncauses = ["copy"]'
        )
        first, second = event_rules(config(text))
        self.assertEqual((first.mailbox, first.source), ("\\Junk", ""))
        self.assertEqual(first.causes, {"APPEND", "COPY"})
        self.assertEqual((second.mailbox, second.source, second.causes), ("", "Work", {"COPY"}))
        self.assertEqual((first.script.where, second.script.source), ("server", "discard;"))
        self.assertEqual(event_rules(Config()), ())

    def test_what_is_wrong_is_told_at_once(self) -> None:
        text = (
            self.rule("nonsense;")
            + self.rule("keep;", 'causes = ["MOVE"]')
            + '[[sieve.imap_events]]\nscript = "/nonexistent"\n'
        )
        error = self.assertRaises(ConfigError, event_rules, config(text))
        told = [str(problem) for problem in error.problems]
        for number, words in enumerate(("line 1, column 1", '"APPEND", "COPY", "FLAG"', "No such")):
            self.assertIn(f"sieve.imap_events.{number}.", told[number])
            self.assertIn(words, told[number])


class UrlTests(SynchronousTestCase):
    def test_where_scripts_are_managed(self) -> None:
        for text, expected in (
            ("", ""),
            (MANAGED.format(port=4190), "sieve://mail"),
            (MANAGED.format(port=4191), "sieve://mail:4191"),
            (MANAGED.format(port=4190) + "start = false\n", ""),
            ('[sieve]\nimapsieve_url = "sieve://other"\n', "sieve://other"),
            (MANAGED.format(port=4190) + "[sieve]\nimapsieve = false\n", ""),
        ):
            self.assertEqual(sieve_url(config(text), "mail"), expected, text)
