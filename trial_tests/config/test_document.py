"""The example and the manual say what the classes say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import NOTHING, Attribute, evolve, fields
from twisted.trial.unittest import SynchronousTestCase

from sora.config.config import Config
from sora.config.document import EXAMPLE, MANUAL, example, main, manual
from sora.config.keys import about, array_of, table_of
from sora.config.load import loads
from sora.config.overrides import from_environment
from sora.config.servers import ServerConfig

ROOT = Path(__file__).parents[2]
KEY = re.compile(r"^#(?=[\w\[])", re.MULTILINE)


def keys(kind: type, path: tuple[str, ...] = ()) -> Iterator[tuple[str, "Attribute[Any]"]]:
    """Every key below a table."""
    for attribute in fields(kind):
        inner = table_of(attribute) or array_of(attribute)
        here = (*path, attribute.name)
        if inner:
            yield from keys(inner, here)
        else:
            yield ".".join(here), attribute


class DocumentTests(SynchronousTestCase):
    """Two files are written from the classes."""

    def test_the_files_are_what_the_classes_write(self) -> None:
        """python -m sora.config.document writes them anew."""
        self.assertEqual((ROOT / EXAMPLE).read_text("utf-8"), example())
        self.assertEqual((ROOT / MANUAL).read_text("utf-8"), manual())

    def test_a_stale_file_is_found(self) -> None:
        """By `--check`, which writes nothing."""
        directory = Path(self.mktemp())
        for name in ("etc", "docs"):
            (directory / name).mkdir(parents=True)
        self.assertEqual(main(["--check"], directory), 1)
        self.assertEqual(main([], directory), 0)
        self.assertEqual(main(["--check"], directory), 0)
        (directory / MANUAL).write_text("old")
        self.assertEqual(main(["--check"], directory), 1)

    def test_the_example_loads_and_serves_imap_and_lmtp(self) -> None:
        """As it is, everything else has its default."""
        config = loads(example(), "example").config
        self.assertEqual([server.type for server in config.servers], ["imap", "lmtp"])
        self.assertEqual(evolve(config, servers=()), Config())

    def test_the_example_names_every_key_with_its_default(self) -> None:
        """With every # taken away it loads, and still says the defaults."""
        # A secret and its file together are refused: the files are left out here.
        text = re.sub(r"^#\w+_file = \"\"$", "", example(), flags=re.MULTILINE)
        text = KEY.sub("", text)
        config = loads(text, "example").config
        for name in ("process", "limits", "logging", "upload", "cleanup", "health", "cache"):
            self.assertEqual(getattr(config, name), getattr(Config(), name))
        full = next(server for server in config.servers if server.addr.port == 993)
        wanted = ServerConfig(type="imap", addr=full.addr, insecure_auth=False)
        self.assertEqual(
            evolve(full, client_filters=(), api_keys=(), auth_rate_limit=wanted.auth_rate_limit),
            wanted,
        )
        for path, attribute in keys(Config):
            self.assertRegex(example(), rf"(?m)^#?{attribute.name} = ", path)

    def test_every_key_is_explained(self) -> None:
        """By a sentence, in the manual too; required ones have an example."""
        text = manual()
        for path, attribute in keys(Config):
            described = about(attribute)
            self.assertRegex(described.doc, r"[.)]$", path)
            self.assertIn(f"| `{attribute.name}` |", text)
            if attribute.default is NOTHING:
                self.assertIsNotNone(described.example, path)

    def test_every_key_has_one_name_in_the_environment(self) -> None:
        """Underscores make no two keys the same."""
        names = [path.replace(".", "_") for path, _ in keys(Config)]
        self.assertEqual(len(names), len(set(names)))
        for path, attribute in keys(Config):
            arrays = ("servers", "read_endpoints", "encryption_keys", "imap_events")
            if any(name in path for name in arrays):
                continue
            found, ignored = from_environment({f"SORA_{path.replace('.', '_').upper()}": "1"})
            self.assertEqual([".".join(map(str, one.path)) for one in found], [path])
            self.assertEqual(ignored, [])
            self.assertEqual(found[0].path[-1], attribute.name)
