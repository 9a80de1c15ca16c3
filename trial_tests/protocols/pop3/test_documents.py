"""docs/pop3.md says what is true."""

import re
from pathlib import Path

import sora
from sora.mailbox.maildrops import LEASE, RENEWALS
from sora.mailbox.read_ahead import AHEAD, ALLOWANCE, GROUP_MESSAGES, GROUP_OCTETS
from sora.mailbox.retrieval import PLACE_OCTETS, PLACES, SMALL
from sora.protocols.pop3.services import Settings
from sora.protocols.pop3.spoken import COMMANDS
from sora.protocols.pop3.wire.reader import MAX_LINE, MAX_SASL_LINE
from trial_tests.protocols.pop3.world import POP3TestCase

ROOT = Path(sora.__file__).parent.parent
KIB, MIB = 1024, 1024 * 1024


class DocumentTests(POP3TestCase):
    services = {"tls": "context"}

    def setUp(self) -> None:
        super().setUp()
        self.page = (ROOT / "docs" / "pop3.md").read_text()

    def test_files_exist(self) -> None:
        named = re.findall(r"`((?:sora|trial_tests)/[^`]+)`", self.page)
        self.assertTrue(named)
        self.assertEqual([path for path in named if not (ROOT / path).exists()], [])

    def test_all_commands_and_capabilities_are_named(self) -> None:
        words = [word.decode() for word in COMMANDS]
        lines = self.pop.ask(b"CAPA").decode().split("\r\n")[1:-2]
        words += [line.split()[0] for line in lines]
        self.assertEqual([word for word in words if word not in self.page], [])

    def test_bounds_are_those_of_the_code(self) -> None:
        for value, text in (
            (MAX_LINE, "255 octets"),
            (MAX_SASL_LINE // KIB, "12 KiB"),
            (int(LEASE), "60 seconds"),
            (int(LEASE / RENEWALS), "every 20"),
            (GROUP_MESSAGES, "64 messages"),
            (GROUP_OCTETS // KIB, "512 KiB, "),
            (AHEAD, "the next 2 are"),
            (PLACES * PLACE_OCTETS // MIB, "1 MiB for places"),
            (AHEAD + 1, "3 groups of"),
            (ALLOWANCE // MIB, "64 MiB a process"),
            (SMALL // KIB, "256 KiB"),
            (Settings().bad_commands_before_login, "5 before the login"),
            (Settings().bad_commands, "50 after it"),
            (Settings().failed_logins, "5, beside"),
            (int(Settings().idle_timeout // 60), "10 minutes"),
            (int(Settings().login_timeout), "60 seconds"),
        ):
            [number] = re.findall(r"\d+", text)
            self.assertEqual(value, int(number))
            self.assertIn(text, self.page)
