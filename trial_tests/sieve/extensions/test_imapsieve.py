"""imapsieve (RFC 6785): what is different where a client has led to a script. What leads to one, and
what becomes of its actions, is in `trial_tests.mailbox.test_event_scripts`."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import holds, ran

DELIVERY = (
    ('reject "no";', "reject"),
    ('ereject "no";', "ereject"),
    ('vacation "away";', "vacation"),
)


class ImapSieve(SynchronousTestCase):
    def test_a_delivery_has_no_items(self) -> None:
        """§4.2, §4.5"""
        for name in ("imap.user", "imap.email", "imap.changedflags", "imap.cause"):
            self.assertTrue(holds(f'environment "{name}" ""', requires="environment"), name)

    def test_the_flags_of_the_message(self) -> None:
        """§3.8: they are those that scripts see, change, and keep."""
        script = 'require "imap4flags"; if hasflag "a" { addflag "c"; removeflag "b"; }'
        outcome = ran(script, is_event=True, flags=("a", "b"))
        assert outcome.keep is not None
        self.assertEqual(outcome.keep.flags, ("a", "c"))

    def test_what_is_for_deliveries(self) -> None:
        """§3.11: where it is required, and where it is used."""
        for use, name in DELIVERY:
            outcome = ran(f'require ["{name}", "imapsieve"]; keep;', is_event=True)
            assert outcome.error is not None
            self.assertIn(f"'{name}' is for deliveries", outcome.error.text)
            outcome = ran(f'require "ihave"; if ihave "{name}" {{ {use} }}', is_event=True)
            assert outcome.error is not None
            self.assertIn("Only at a delivery", outcome.error.text)
            self.assertIsNone(ran(f'require ["{name}", "imapsieve"]; {use}').error, name)

    def test_there_is_no_envelope(self) -> None:
        """§4.6"""
        outcome = ran('require "envelope"; if envelope "to" "a" { stop; }', is_event=True)
        assert outcome.error is not None
        self.assertIn("has no envelope", outcome.error.text)
