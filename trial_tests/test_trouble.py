"""Trouble that lasts."""

from twisted.logger import LogEvent, Logger, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from sora.errors import Unavailable
from sora.trouble import Trouble


class TroubleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[LogEvent] = []
        self.log = Logger(namespace="test", observer=self.events.append)

    def said(self) -> list[tuple[LogLevel, str]]:
        return [(event["log_level"], formatEvent(event)) for event in self.events]

    def test_it_is_told_once_each_time(self) -> None:
        trouble = Trouble(self.log, "nothing is learned", "it goes on")
        trouble.is_over()
        self.assertEqual(self.said(), [])
        for _ in range(2):
            for number in range(3):
                trouble.has(Unavailable(f"{{db{number}}} is away"))
            for _ in range(3):
                trouble.is_over()
        began = (LogLevel.info, "nothing is learned: {db0} is away")
        self.assertEqual(self.said(), 2 * [began, (LogLevel.info, "it goes on")])

    def test_what_is_bad_is_a_warning(self) -> None:
        trouble = Trouble(self.log, "nothing is learned", "it goes on", is_bad=True)
        trouble.has(Unavailable())
        trouble.is_over()
        self.assertEqual([level for level, _ in self.said()], [LogLevel.warn, LogLevel.info])
