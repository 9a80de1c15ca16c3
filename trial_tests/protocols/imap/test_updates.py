"""What changed -> lines, for each kind of client."""

from twisted.trial.unittest import SynchronousTestCase

from sora.mail.flags import FLAGGED, SEEN, Keywords
from sora.mail.numbers import NumberSet
from sora.mail.rights import ALL
from sora.mailbox.updates import FlagUpdate, Updates
from sora.protocols.imap.enabled import Enabled
from sora.protocols.imap.updates import RANGES, update_lines, vanished_lines

FLAGS = [FlagUpdate(3, 7, SEEN, 900), FlagUpdate(4, 9, FLAGGED, 901, recent=True)]


class UpdateLineTests(SynchronousTestCase):
    def lines(self, updates: Updates, *enabled: bytes) -> list[str]:
        said = Enabled({b"QRESYNC": (b"CONDSTORE",)})
        for name in enabled:
            said.add(name)
        lines = update_lines(updates, Keywords(), ALL, said)
        return [line.decode().removesuffix("\r\n") for line in lines]

    def test_each_kind_of_client(self) -> None:
        """G25, G30; RFC 7162 §3.2.10, RFC 9586 §3.6"""
        updates = Updates(expunged=[(2, 5), (2, 6), (5, 12)], exists=6, recent=1, flags=FLAGS)
        for enabled, expected in {
            (): [
                "* 2 EXPUNGE",
                "* 2 EXPUNGE",
                "* 5 EXPUNGE",
                "* 6 EXISTS",
                "* 1 RECENT",
                "* 3 FETCH (UID 7 FLAGS (\\Seen))",
                "* 4 FETCH (UID 9 FLAGS (\\Flagged \\Recent))",
            ],
            (b"CONDSTORE",): [
                "* 2 EXPUNGE",
                "* 2 EXPUNGE",
                "* 5 EXPUNGE",
                "* 6 EXISTS",
                "* 1 RECENT",
                "* 3 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (900))",
                "* 4 FETCH (UID 9 FLAGS (\\Flagged \\Recent) MODSEQ (901))",
            ],
            (b"QRESYNC",): [
                "* VANISHED 5:6,12",
                "* 6 EXISTS",
                "* 1 RECENT",
                "* 3 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (900))",
                "* 4 FETCH (UID 9 FLAGS (\\Flagged \\Recent) MODSEQ (901))",
            ],
            (b"UIDONLY",): [
                "* VANISHED 5:6,12",
                "* 6 EXISTS",
                "* 1 RECENT",
                "* 7 UIDFETCH (FLAGS (\\Seen))",
                "* 9 UIDFETCH (FLAGS (\\Flagged \\Recent))",
            ],
            (b"UIDONLY", b"QRESYNC"): [
                "* VANISHED 5:6,12",
                "* 6 EXISTS",
                "* 1 RECENT",
                "* 7 UIDFETCH (FLAGS (\\Seen) MODSEQ (900))",
                "* 9 UIDFETCH (FLAGS (\\Flagged \\Recent) MODSEQ (901))",
            ],
        }.items():
            self.assertEqual(self.lines(updates, *enabled), expected, enabled)

    def test_nothing_is_no_line(self) -> None:
        self.assertEqual(self.lines(Updates(), b"QRESYNC"), [])
        self.assertEqual(vanished_lines(NumberSet(), earlier=True), [])

    def test_lines_of_vanished_are_bounded(self) -> None:
        gone = NumberSet.of(range(1, 4 * RANGES, 2))
        lines = vanished_lines(gone, earlier=True)
        self.assertEqual(len(lines), 4 * RANGES // 2 // RANGES)
        self.assertTrue(all(line.startswith(b"* VANISHED (EARLIER) ") for line in lines))
