"""SAVEDATE (RFC 8514)."""

from datetime import UTC, datetime

from trial_tests.support.transcript import TranscriptTestCase


class SaveDateTests(TranscriptTestCase):
    def setUp(self) -> None:
        super().setUp()
        for day in (1, 2, 3):
            self.append(b"Subject: x\r\n\r\n", date=datetime(2014, 12, day, tzinfo=UTC))
            self.clock.advance(86400)
        self.client = self.new_client()
        self.client.ask(b"s SELECT INBOX")

    def test_fetch(self) -> None:
        """The example of §4.2: it is not the internal date, with which it was appended."""
        self.converse("""
            C: A101 FETCH 3 (SAVEDATE INTERNALDATE)
            S: * 3 FETCH (SAVEDATE " 3-Aug-2026 12:00:00 +0000" INTERNALDATE " 3-Dec-2014 00:00:00 +0000")
            S: A101 OK FETCH completed
            C: A102 FETCH 3 SAVEDATE
            S: * 3 FETCH (SAVEDATE " 3-Aug-2026 12:00:00 +0000")
            S: A102 OK FETCH completed
        """)

    def test_search(self) -> None:
        """The examples of §4.3."""
        self.converse("""
            C: A102 SEARCH SAVEDON 2-Aug-2026
            S: * SEARCH 2
            S: A102 OK SEARCH completed
            C: A103 SEARCH SAVEDSINCE 2-Aug-2026
            S: * SEARCH 2 3
            S: A103 OK SEARCH completed
            C: A104 SEARCH SAVEDBEFORE 2-Aug-2026 SAVEDATESUPPORTED
            S: * SEARCH 1
            S: A104 OK SEARCH completed
            C: A105 SEARCH SAVEDBEFORE tomorrow
            S: A105 BAD ...
        """)

    def test_a_copy_has_its_own(self) -> None:
        """§3."""
        self.client.ask(b"c CREATE frop")
        self.client.ask(b"c COPY 1 frop")
        self.client.ask(b"c SELECT frop")
        self.converse("""
            C: a FETCH 1 (SAVEDATE INTERNALDATE)
            S: * 1 FETCH (SAVEDATE " 4-Aug-2026 12:00:00 +0000" INTERNALDATE " 1-Dec-2014 00:00:00 +0000")
            S: a OK FETCH completed
        """)
