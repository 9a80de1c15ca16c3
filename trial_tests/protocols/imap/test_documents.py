"""docs/imap.md says what is true."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import sora
from sora.protocols.imap.capabilities import When
from sora.protocols.imap.services import Limits
from sora.protocols.imap.spoken import DIALECT

ROOT = Path(sora.__file__).parent.parent


class DocumentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.page = (ROOT / "docs" / "imap.md").read_text()

    def test_files_exist(self) -> None:
        named = re.findall(r"`((?:sora|trial_tests)/[^`]+)`", self.page)
        self.assertEqual([path for path in named if not (ROOT / path).exists()], [])

    def test_capabilities_are_named(self) -> None:
        told = {
            *DIALECT.capabilities(When.AFTER_LOGIN),
            *DIALECT.capabilities(When.BEFORE_LOGIN | When.MAY_LOG_IN),
        }
        names = [re.sub(r"=\d+\Z", "", name.decode()).removeprefix("AUTH=") for name in told]
        missing = [name for name in names if name not in self.page]
        self.assertEqual(missing, [])

    def test_limits_are_those_of_the_code(self) -> None:
        limits = Limits()
        for value, text in {
            limits.line_before_login: "32 KiB",
            limits.line: "64 KiB",
            limits.literals_before_login: "4 KiB",
            limits.literals: "1 MiB",
            limits.skip_before_login: "16 MiB",
            limits.skip: "256 MiB",
        }.items():
            number, unit = text.split()
            self.assertEqual(value, int(number) * {"KiB": 1024, "MiB": 1024**2}[unit])
            self.assertIn(text, self.page)
