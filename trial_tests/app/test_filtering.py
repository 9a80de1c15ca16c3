"""The server's scripts are read and compiled at start, and say what is wrong with them."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.app.filtering import ServerScripts, server_scripts, settings_of
from sora.config.config import Config
from sora.config.load import loads
from sora.config.problems import ConfigError
from sora.sieve.message import Header

ROOT = Path(__file__).parent.parent.parent


class ServerScriptTests(SynchronousTestCase):
    def config(self, **keys: str) -> Config:
        lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        return loads(f"[sieve]\n{lines}", "test", {}, []).config

    def written(self, text: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(text)
        return str(path)

    def test_there_are_none_by_default(self) -> None:
        self.assertEqual(server_scripts(self.config()), ServerScripts())

    def test_both(self) -> None:
        paths = [self.written(b"keep;"), self.written(b"stop;")]
        config = self.config(default_before=paths[0], default_after=paths[1])
        self.assertEqual(server_scripts(config), ServerScripts("keep;", "stop;"))

    def test_an_error_names_file_line_and_column(self) -> None:
        """All of them at once, as for the configuration itself."""
        wrong = self.written(b'keep;\n  fileinto "x";\nnothing;')
        config = self.config(default_before=wrong, default_after="/nonexistent.sieve")
        error = self.assertRaises(ConfigError, server_scripts, config)
        told = [str(problem) for problem in error.problems]
        self.assertTrue(
            told[0].startswith(f"sieve.default_before: {wrong}, line 2, column 3: "), told
        )
        self.assertTrue(told[1].startswith(f"sieve.default_before: {wrong}, line 3"), told)
        self.assertIn("/nonexistent.sieve: No such file", told[-1])

    def test_what_is_no_utf_8(self) -> None:
        config = self.config(default_after=self.written(b'keep; # "\xff"'))
        error = self.assertRaises(ConfigError, server_scripts, config)
        self.assertIn("has to be UTF-8", str(error))

    def test_the_example_compiles(self) -> None:
        config = self.config(default_before=str(ROOT / "etc" / "spam.sieve"))
        before = server_scripts(config).before
        assert before is not None
        self.assertIn("fileinto", before)

    def test_scores_of_spam_and_viruses(self) -> None:
        settings = settings_of(loads("[sieve]\nspam_score = 20\n", "test", {}, []).config.sieve)
        header = Header.of(b"X-Spam-Score: 15.0 / 20\r\nX-Virus-Status: Infected (x)\r\n\r\n")
        self.assertEqual(settings["spamtest"].read(header), 0.75)
        self.assertEqual(settings["virustest"].read(header), 1.0)
        self.assertEqual(settings["virustest"].read(Header.of(b"X-Virus-Status: No\r\n\r\n")), 0.0)
