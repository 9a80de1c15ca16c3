"""The ledger: what has to be there after what clients were told."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.faults.ledger import Found, Ledger, Place, Presence, digest_of, key_of

OCTETS = b"X-Key: k1\r\n\r\nbody\r\n"
INBOX, ARCHIVE = Place("INBOX", 1), Place("Archive", 7)


class LedgerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ledger = Ledger()
        self.letter = self.ledger.new("ann", "k1", OCTETS)

    def found(self, *places: Place, octets: bytes = OCTETS, flags: tuple[str, ...] = ()) -> str:
        """The first words of what is wrong, joined."""
        there = [
            Found("ann", key_of(octets), digest_of(octets), place, frozenset(flags))
            for place in places
        ]
        return "; ".join(text.partition(":")[0] for text in self.ledger.check(there))

    def test_what_was_not_answered_is_there_once_at_most(self) -> None:
        self.assertEqual(self.found(), "")
        self.assertEqual(self.found(INBOX), "")
        self.assertEqual(self.found(INBOX, ARCHIVE), "too often")

    def test_what_was_acknowledged_is_there_once(self) -> None:
        self.letter.least = 1
        self.assertEqual(self.found(), "lost")
        self.assertEqual(self.found(INBOX), "")
        self.assertEqual(self.found(INBOX, ARCHIVE), "too often")

    def test_what_is_added_on_the_way_does_not_count_and_all_else_does(self) -> None:
        self.assertEqual(self.found(INBOX, octets=b"Received: x\r\n" + OCTETS), "")
        self.assertIn("not intact", self.found(INBOX, octets=OCTETS[:-1]))
        self.assertIn("nobody sent", self.found(INBOX, octets=OCTETS.replace(b"k1", b"k2")))

    def test_a_place_that_was_told_holds(self) -> None:
        sighting = self.letter.see(INBOX)
        self.assertIn("not where it was", self.found(ARCHIVE))
        sighting.presence = Presence.UNKNOWN
        self.assertEqual(self.found(ARCHIVE), "")
        self.assertEqual(self.found(INBOX), "")
        sighting.presence = Presence.GONE
        self.assertIn("came back", self.found(INBOX))

    def test_flags_lie_between_what_was_acknowledged_and_what_was_tried(self) -> None:
        self.letter.see(INBOX, ["\\Seen"], tried=["\\Flagged"])
        self.assertEqual(self.found(INBOX, flags=("\\Seen",)), "")
        self.assertEqual(self.found(INBOX, flags=("\\Seen", "\\Flagged")), "")
        self.assertIn("flags lost", self.found(INBOX))
        self.assertIn("nobody set", self.found(INBOX, flags=("\\Seen", "\\Draft")))

    def test_a_wrong_that_a_client_saw_stays(self) -> None:
        self.ledger.read("ann", b"X-Key: k1\r\n\r\n", "FETCH")
        self.assertEqual(len(self.ledger.check([])), 1)
        self.assertIn("not intact (13 octets)", self.ledger.wrongs[0])
