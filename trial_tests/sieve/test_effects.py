"""Snapshots of edited messages."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import Edited

ORIGINAL = b"Subject: a\r\n\r\nBody\r\n"


class Snapshots(SynchronousTestCase):
    def test_header(self) -> None:
        """Only the header was edited: the body is that of the message as it arrived (G46)."""
        edited = Edited(b"Subject: longer\r\n\r\n", body_start=14)
        self.assertEqual(edited.octets(ORIGINAL), b"Subject: longer\r\n\r\nBody\r\n")
        self.assertEqual(edited.size(len(ORIGINAL)), len(edited.octets(ORIGINAL)))

    def test_body(self) -> None:
        edited = Edited(b"Subject: a\r\n\r\n", b"New\r\n", 14)
        self.assertEqual(edited.octets(ORIGINAL), b"Subject: a\r\n\r\nNew\r\n")
        self.assertEqual(edited.size(len(ORIGINAL)), len(edited.octets(ORIGINAL)))
