"""What the documents tell somebody to type is understood: every `sora-admin` line by our own parser,
every request by an endpoint, every configuration by our own loader.

A line of a block of code, of an example of the help or of an alert is parsed as a whole. What stands
in the middle of a sentence (`sora-admin relay list --state failed`) has placeholders and leaves things
out, so its command has to be there, and each of its options.
"""

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from sora.admin.main import parse, shapes
from sora.admin.shape import Shape
from sora.config.checks import check
from sora.config.load import loads
from sora.protocols.http.spoken import ENDPOINTS
from trial_tests.test_documents import ROOT, documents

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
_SPAN = re.compile(r"`([^`]+)`")
_ADMIN = re.compile(r"(?:^|[\s/;(])sora-admin\b(.*)", re.S)
_WORD = re.compile(r"[a-z][a-z-]*")
_SECRET_FILE = re.compile(r'_file = "(/[^"]+)"')
_SCRIPT_FILE = re.compile(r'"(/etc/sora/[a-z-]+\.sieve)"')
SHELLS = ("sh", "bash")
TRANSCRIPTS = ("console", "")
OF_EVERY_COMMAND = {"--help", "--config", "--dir", "--set", "--json", "--yes"}
DIGEST = "sha256:" + "0f" * 32
A_STORE = {"provider": "filesystem", "path": "/var/lib/sora/objects"}
"""what a part of a configuration without one is completed with"""


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """The blocks of code: language and text."""
    for _, language, block in _BLOCK.findall(text):
        yield language, block


def prose(text: str) -> str:
    """A document without its blocks of code; a `|` that a table hides is a `|`."""
    return _BLOCK.sub("", text).replace("\\|", "|")


def typed_lines(block: str, language: str) -> Iterator[str]:
    """Commands of a shell, each in one line; of a transcript what stands behind its prompt."""
    block = block.replace("\\\n", " ")
    if language in TRANSCRIPTS:
        yield from re.findall(r"^\$ (.*)$", block, re.M)
    else:
        yield from block.splitlines()


def administered(line: str) -> Iterator[list[str]]:
    """The arguments of each `sora-admin` in a line of the shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    for token in [*lexer, ";"]:
        if set(token) <= set("();<>|&"):
            if words is not None:
                yield words
            words = None
        elif words is not None:
            words.append(token)
        elif token.rpartition("/")[2] == "sora-admin":
            words = []


def method_of(line: str) -> str:
    """What a `curl` line asks with."""
    named = re.search(r"(?:-X|--request) ?([A-Z]+)", line)
    if named is not None:
        return named[1]
    return "POST" if re.search(r" (?:-d|--data|--json)\b", line) else "GET"


def refusal(words: list[str]) -> str:
    """What `sora-admin` says of a command line that it does not understand."""
    said = io.StringIO()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(said):
            parse(words)
    except SystemExit as ended:
        return said.getvalue() if ended.code else ""
    return ""


def source(file: Path) -> str:
    """A file with the strings that go over several lines in one."""
    return re.sub(r'"\s*\n\s*f?"', "", file.read_text("utf-8"))


class Mentions:
    """Knows which commands there are, and their options."""

    def __init__(self) -> None:
        self.shapes = {shape.words: shape for shape in shapes()}

    def wrong(self, text: str) -> str:
        """What is not there of a command that is mentioned: its words, then options."""
        shape, rest = self._named(text.split())
        if not shape.words:
            return "" if not rest or not _WORD.fullmatch(rest[0]) else f"no command {rest[0]}"
        if shape.below and rest and _WORD.fullmatch(rest[0]):
            return f"no command {' '.join(shape.words)} {rest[0]}"
        known = {flag for argument in shape.arguments for flag in argument.flags} | {"--help"}
        for below in self.shapes.values() if shape.below else ():
            if below.words[: len(shape.words)] == shape.words:
                known |= {flag for argument in below.arguments for flag in argument.flags}
        unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - known
        return f"no {', '.join(sorted(unknown))} in {' '.join(shape.words)}" if unknown else ""

    def _named(self, words: list[str]) -> tuple[Shape, list[str]]:
        shape = self.shapes[()]
        while words and words[0] in shape.below:
            named = (*shape.words, words[0])
            shape = self.shapes.get(named, Shape(named, "", (), (), ()))
            words = words[1:]
        return shape, words


def mentioned(text: str) -> Iterator[str]:
    """What stands behind `sora-admin` in code within sentences."""
    for span in _SPAN.findall(prose(text)):
        found = _ADMIN.search(f" {span}")
        if found is not None:
            yield found[1]


class CommandTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.mentions = Mentions()

    def test_every_line_in_a_block_is_understood(self) -> None:
        """Options that are wanted are given, values are of those that there are."""
        lines = [
            (document.name, line)
            for document in documents()
            for language, block in blocks(document.read_text("utf-8"))
            if language in (*SHELLS, *TRANSCRIPTS)
            for line in typed_lines(block, language)
            if _ADMIN.search(line.partition("#")[0])
        ]
        self.assertGreater(len(lines), 20)
        wrong = [
            f"{name}: {line}: {refusal(words)}"
            for name, line in lines
            for words in administered(line)
            if refusal(words)
        ]
        self.assertEqual(wrong, [])

    def test_every_example_of_the_help_is_understood(self) -> None:
        wrong = [
            f"{example}: {refusal(words)}"
            for shape in self.mentions.shapes.values()
            for example in shape.examples
            for words in administered(f"sora-admin {example}")
            if refusal(words)
        ]
        self.assertEqual(wrong, [])

    def test_every_command_within_a_sentence_is_there(self) -> None:
        """In documents, in alerts, and in what health and the log say that one should do."""
        texts = {
            document.name: list(mentioned(document.read_text("utf-8"))) for document in documents()
        }
        groups = "|".join(self.mentions.shapes[()].below)
        rules = ROOT / "etc/prometheus-rules.yml"
        for file in [rules, *sorted((ROOT / "sora").rglob("*.py"))]:
            found = re.findall(rf"sora-admin ((?:{groups})\b[a-z -]*)", source(file))
            texts[str(file.relative_to(ROOT))] = found
        self.assertGreater(sum(map(len, texts.values())), 100)
        wrong = [
            f"{name}: sora-admin {text}: {self.mentions.wrong(text)}"
            for name, found in texts.items()
            for text in found
            if self.mentions.wrong(text)
        ]
        self.assertEqual(wrong, [])

    def test_every_whole_line_within_a_sentence_is_understood(self) -> None:
        """What begins with the program and has no placeholder is typed as it stands."""
        lines = [
            (document.name, span)
            for document in documents()
            for span in _SPAN.findall(prose(document.read_text("utf-8")))
            if re.match(r"\S*twistd sora-admin [a-z]", span) and not re.search(r"[A-Z…\[]{2}", span)
        ]
        self.assertGreater(len(lines), 30)
        wrong = [
            f"{name}: {line}: {refusal(words)}"
            for name, line in lines
            for words in administered(line.replace("<(", "; "))
            if refusal(words)
        ]
        self.assertEqual(wrong, [])

    def test_every_line_of_the_table_of_commands_is_right(self) -> None:
        """`docs/admin-cli.md`: commands with all that they take, and nothing else."""
        text = prose((ROOT / "docs/admin-cli.md").read_text("utf-8"))
        rows = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", text, re.M)
        lines = [span for row in rows for span in _SPAN.findall(row)]
        wrong = [
            f"{line}: {self.mentions.wrong(line)}" for line in lines if self.mentions.wrong(line)
        ]
        self.assertEqual([line for line in wrong if "no command" not in line], [])
        told: dict[tuple[str, ...], str] = {}
        for line in lines:
            shape, _ = self.mentions._named(line.split())
            told[shape.words] = f"{told.get(shape.words, '')} {line} "
        missing = [
            f"{' '.join(shape.words)}: {argument.flags[-1]}"
            for shape in self.mentions.shapes.values()
            if shape.words and not shape.below
            for argument in shape.arguments
            if argument.flags
            and not OF_EVERY_COMMAND.intersection(argument.flags)
            and argument.flags[-1] not in re.findall(r"--[a-z-]+", told.get(shape.words, ""))
        ]
        self.assertEqual(missing, [])

    def test_what_the_page_for_the_night_shows_is_what_is_said(self) -> None:
        """`docs/paged.md`: each mend in what it shows is one of ours."""
        said = "".join(source(file) for file in sorted((ROOT / "sora").rglob("*.py")))
        page = (ROOT / "docs/paged.md").read_text("utf-8")
        mends = {
            mend
            for language, block in blocks(page)
            if language == "console"
            for mend in re.findall(r"^ +-> (.+)$", block, re.M)
        }
        self.assertGreater(len(mends), 4)
        # In the middle some have what the configuration says.
        self.assertEqual([m for m in mends if m[:12] not in said or m[-40:] not in said], [])

    def test_what_is_wrong_is_found(self) -> None:
        for line, part in (
            ("twistd sora-admin accounts made", "invalid choice"),
            ("twistd sora-admin accounts create", "--email"),
            ("/opt/sora/bin/twistd sora-admin health --detialed | grep x", "--detialed"),
        ):
            (words,) = administered(line)
            self.assertIn(part, refusal(words))
        (words,) = administered("twistd sora-admin health | grep -i cluster")
        self.assertEqual(refusal(words), "")
        for text, part in (
            ("accounts made", "no command accounts made"),
            ("walk", "no command walk"),
            ("relay list --stat failed", "no --stat in relay list"),
            ("relay list --state failed", ""),
        ):
            self.assertEqual(self.mentions.wrong(text), part)


class RequestTests(SynchronousTestCase):
    def test_every_request_in_a_block_is_served(self) -> None:
        """`curl` lines with the HTTP API: path and method are those of an endpoint."""
        known = [
            (one.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", one.path))) for one in ENDPOINTS
        ]
        asked = []
        for document in documents():
            for language, block in blocks(document.read_text("utf-8")):
                for line in typed_lines(block, language) if language in SHELLS else ():
                    found = re.search(r"\bcurl .*/admin(/[^\s'\"?]+)", line)
                    if found is not None and found[1] != "/openapi.json":
                        asked.append((method_of(line), found[1].rstrip(")"), line))
        self.assertGreater(len(asked), 2)
        wrong = [
            f"{method} {path}"
            for method, path, _ in asked
            if not any(verb == method and shape.fullmatch(path) for verb, shape in known)
        ]
        self.assertEqual(wrong, [])


class ConfigurationTests(SynchronousTestCase):
    def test_every_configuration_is_understood(self) -> None:
        """Parts of one, too; files of secrets and scripts that they name are there."""
        found = [
            (document.name, text)
            for document in documents()
            for language, text in blocks(document.read_text("utf-8"))
            if language == "toml"
        ]
        self.assertGreater(len(found), 8)
        with TemporaryDirectory(prefix="sora-documented-") as directory:
            for name, text in found:
                store = [] if "[s3]\n" in text else A_STORE.items()
                settings = [f"s3.{key}={value}" for key, value in store]
                loaded = loads(self.with_files(text, Path(directory)), name, {}, settings)
                self.assertEqual(loaded.warnings, ())
                check(loaded.config, loaded.where)

    def with_files(self, text: str, directory: Path) -> str:
        """A key where one is named, a script where one is."""
        text = text.replace("sha256:…", DIGEST)
        for number, path in enumerate(_SECRET_FILE.findall(text)):
            file = directory / f"secret-{number}"
            file.write_text("D" * 43 + "=\n")
            file.chmod(0o600)
            text = text.replace(f'"{path}"', f'"{file}"')
        for path in _SCRIPT_FILE.findall(text):
            file = directory / Path(path).name
            file.write_text("keep;\n")
            text = text.replace(f'"{path}"', f'"{file}"')
        return text
