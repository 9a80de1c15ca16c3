"""docs/lmtp.md says what LHLO offers, and what an RFC asks for is where the page says."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sora.protocols.lmtp.keywords import keywords
from sora.protocols.lmtp.wire.attributes import XCLIENT, XFORWARD

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "lmtp.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([\d, ]+) \| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)


class PageTests(SynchronousTestCase):
    def test_every_keyword_has_a_row(self) -> None:
        offered = keywords(
            max_message_size=1,
            max_recipients=1,
            offers_tls=True,
            sends_reports=True,
            is_trusted=True,
        )
        what = "\n".join(row[1] for row in ROWS)
        for line in offered:
            word = line.split()[0]
            if word not in ("XCLIENT", "XFORWARD"):
                self.assertRegex(what, rf"\b{word}\b")

    def test_every_row_names_files_that_are_there_and_cite_the_rfc(self) -> None:
        self.assertGreater(len(ROWS), 10)
        for rfcs, _, status, where in ROWS:
            self.assertTrue(status.startswith("complete"), status)
            files = re.findall(r"`(sora/[^`]+)`", where)
            text = "".join((ROOT / name).read_text("utf-8") for name in files)
            cited = [rfc for rfc in rfcs.split(", ") if re.search(rf"(?s)RFC\s+{rfc}\b", text)]
            self.assertTrue(cited, rfcs)

    def test_the_attributes_are_those_that_are_read(self) -> None:
        for name, readers in (("XCLIENT", XCLIENT), ("XFORWARD", XFORWARD)):
            self.assertIn(f"**{name}** `{' '.join(readers)}`", PAGE)
