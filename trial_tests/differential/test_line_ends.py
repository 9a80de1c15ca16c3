"""The same message with CRLF and with bare LF has the same parts (no Dovecot is needed)."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.message import Part, parse
from sora.mail.section import Section, describe, locate, render
from trial_tests.differential.compare import SECTIONS, Path, places
from trial_tests.differential.two_servers import MESSAGES, SEED, message
from trial_tests.support.nasty_messages import with_bare_line_feeds, with_crlf


def sections(root: Part, data: bytes, paths: list[Path]) -> dict[tuple[Path, str], bytes | None]:
    """The octets of all sections of these parts."""
    parts = describe(root)
    found = {}
    for path in paths:
        for what in SECTIONS:
            word, _, names = what.partition(" ")
            section = Section(path, word, tuple(names.strip("()").split()))
            extent = locate(section, parts)
            octets = data[extent.start : extent.end] if extent else None
            found[path, what] = render(section, b"", data[: root.body], parts, octets)
    return found


class LineEndTests(SynchronousTestCase):
    def test_bare_line_feeds_change_no_part(self) -> None:
        """Sections have the line ends that the message has, and are the same otherwise."""
        for seed in range(SEED, SEED + MESSAGES):
            data = message(seed)
            bare = with_bare_line_feeds(Random(seed), data)
            root, other = parse(data), parse(bare)
            paths = list(places(root))
            self.assertEqual(paths, list(places(other)), f"seed {seed}")
            expected, found = sections(root, data, paths), sections(other, bare, paths)
            for name, octets in expected.items():
                value = found[name]
                self.assertEqual(octets, value and with_crlf(value), f"seed {seed}: {name}")
