"""What the documents say about the code is there: paths, links, numbers of guarantees and traps."""

import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.admin.commands import COMMANDS
from sora.protocols.http.spoken import ENDPOINTS

ROOT = Path(__file__).resolve().parent.parent
ROOTED = ("sora/", "trial_tests/", "docs/", "etc/", "bench/", "twisted/", ".ci/")
_CODE = re.compile(r"`([^`\s]+)`")
_PLAIN = re.compile(r"(?<![\w/.])((?:sora|trial_tests|docs|etc|bench)/[\w./-]*[\w/])")
_LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)


def documents() -> list[Path]:
    """README and all of docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def paths_in(text: str) -> Iterator[str]:
    """The paths of this project that a document names; none with a placeholder in it."""
    for found in {*_CODE.findall(text), *_PLAIN.findall(text)}:
        path = found.rstrip(".")
        if path.startswith(ROOTED) and not re.search(r"[<>*…{]|/a/|/a$", path):
            yield path


def anchors(document: Path) -> set[str]:
    """The names by which sections of a document are linked to."""
    text = _FENCED.sub("", document.read_text("utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


def tracked(*places: str) -> str:
    """All text of the Python and SQL files below some places."""
    texts = []
    for place in places:
        for file in sorted((ROOT / place).rglob("*")):
            if file.suffix in (".py", ".sql"):
                texts.append(file.read_text("utf-8"))
    return "\n".join(texts)


NOT_YET = {58, 60, 63, 64, 65}
"""guarantees about parts that are still to come"""


class DocumentTests(SynchronousTestCase):
    def test_paths_are_found_in_text_and_in_diagrams(self) -> None:
        text = "see `sora/errors.py`, `sora/<x>.py`\n  octets  sora/net/connection.py  reads.\n"
        self.assertEqual(sorted(paths_in(text)), ["sora/errors.py", "sora/net/connection.py"])

    def test_every_path_that_is_named_exists(self) -> None:
        missing = [
            f"{document.name}: {path}"
            for document in documents()
            for path in paths_in(document.read_text("utf-8"))
            if not (ROOT / path).exists()
        ]
        self.assertEqual(missing, [])

    def test_every_link_leads_somewhere(self) -> None:
        missing = [
            f"{document.name}: {link}"
            for document in documents()
            for link, _ in _LINK.findall(document.read_text("utf-8"))
            if not (document.parent / link).exists()
        ]
        self.assertEqual(missing, [])

    def test_the_readme_leads_to_every_document(self) -> None:
        text = (ROOT / "README.md").read_text("utf-8")
        _, *others = documents()
        self.assertEqual([each.name for each in others if f"(docs/{each.name})" not in text], [])

    def test_every_section_that_is_linked_is_there(self) -> None:
        missing = [
            f"{document.name}: {link}#{anchor}"
            for document in documents()
            for link, anchor in _LINK.findall(document.read_text("utf-8"))
            if anchor and anchor not in anchors(document.parent / link if link else document)
        ]
        self.assertEqual(missing, [])
        self.assertIn("two-commands", anchors(ROOT / "README.md"))

    def test_the_map_names_every_package(self) -> None:
        """Section 1 of the architecture: each place at the top, and those below storage."""
        text = (ROOT / "docs/architecture.md").read_text("utf-8")
        section = text.partition("\n## 1. ")[2].partition("\n## 2. ")[0]
        places = [*(ROOT / "sora").iterdir(), *(ROOT / "sora/storage").iterdir()]
        names = [
            f"{place.relative_to(ROOT)}{'/' if place.is_dir() else ''}"
            for place in places
            if place.is_dir() or place.suffix == ".py"
        ]
        unnamed = [n for n in names if f"`{n}`" not in section and "/__" not in n]
        self.assertEqual(sorted(unnamed), [])

    def test_every_command_has_its_operations_and_the_other_way(self) -> None:
        """What the command line can do, the HTTP API can, or the manual says why not; a new command
        and a new operation need a line there (docs/admin-api.md)."""
        text = (ROOT / "docs/admin-api.md").read_text("utf-8")
        part = text.partition("## What `sora-admin` has for it")[2].partition("\n## ")[0]
        commands, _, others = part.partition("\n`completion`")
        rows = re.findall(r"(?m)^\| `([^`]+)` \| (.+) \|$", commands)
        self.assertEqual(sorted(words for words, _ in rows), sorted(COMMANDS))
        reasons = [said for _, said in rows if said.startswith("none: ")]
        named = {
            name for _, said in rows if said not in reasons for name in re.findall(r"`(\w+)`", said)
        }
        without = dict(re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", others))
        self.assertEqual(named & set(without), set())
        self.assertEqual(named | set(without), {one.name for one in ENDPOINTS})
        for said in (*reasons, *without.values()):
            self.assertGreater(len(said), len("none: because"))

    def test_every_function_of_the_database_that_is_named_exists(self) -> None:
        migrations = tracked("sora/storage/postgres/migrations")
        text = (ROOT / "docs/architecture.md").read_text("utf-8")
        named = set(re.findall(r"`([a-z_]+_v\d+)`", text))
        self.assertTrue(named)
        self.assertEqual([name for name in named if f"function {name}(" not in migrations], [])

    def test_every_guarantee_that_is_cited_is_written_down(self) -> None:
        text = (ROOT / "docs/guarantees.md").read_text("utf-8")
        known = set(re.findall(r"^(\d+)\. ", text, re.M))
        cited = set(re.findall(r"\bG(\d{1,2})\b", tracked("sora", "trial_tests")))
        self.assertEqual(cited - known, set())

    def test_every_trap_that_is_cited_is_written_down(self) -> None:
        text = (ROOT / "docs/architecture.md").read_text("utf-8")
        traps = text.partition("Traps\n")[2].partition("\n## ")[0]
        known = set(re.findall(r"^(\d+)\. ", traps, re.M))
        cited = set(re.findall(r"\btrap (\d+)", tracked("sora", "trial_tests")))
        self.assertTrue(cited)
        self.assertEqual(cited - known, set())

    def test_every_guarantee_is_cited_by_a_test(self) -> None:
        text = (ROOT / "docs/guarantees.md").read_text("utf-8")
        numbers = {int(number) for number in re.findall(r"(?m)^(\d+)\. ", text)}
        self.assertEqual(numbers, set(range(1, len(numbers) + 1)))
        cited = {int(number) for number in re.findall(r"\bG(\d+)\b", tracked("trial_tests"))}
        self.assertEqual(numbers - cited - NOT_YET, set())
