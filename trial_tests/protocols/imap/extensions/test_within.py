"""WITHIN (RFC 5032)."""

from datetime import UTC, datetime, timedelta

from trial_tests.support.transcript import EPOCH, TranscriptTestCase


class WithinTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        now = datetime.fromtimestamp(EPOCH, UTC)
        for age in (10, 259200, 259201, 0):
            self.append(b"\r\n", date=now - timedelta(seconds=age))
        self.client.ask(b"s SELECT INBOX")
        self.client.ask(b"s STORE 1 +FLAGS.SILENT (\\Seen)")

    def test_to_the_second_with_the_bound_itself(self) -> None:
        """§2 and §4."""
        self.converse("""
            C: a1 SEARCH UNSEEN YOUNGER 259200
            S: * SEARCH 2 4
            S: a1 OK SEARCH completed
            C: a2 SEARCH OLDER 259200
            S: * SEARCH 2 3
            S: a2 OK SEARCH completed
            C: a3 SEARCH NOT OLDER 10 younger 1
            S: * SEARCH 4
            S: a3 OK SEARCH completed
            C: a4 SEARCH OLDER 4294967295
            S: * SEARCH
            S: a4 OK SEARCH completed
        """)

    def test_what_cannot_be(self) -> None:
        for argument in ("", " 0", " -1", " 4294967296", " x"):
            said = self.client.ask(f"a SEARCH OLDER{argument}".encode())
            self.assertTrue(said.startswith(b"a BAD "), (argument, said))
