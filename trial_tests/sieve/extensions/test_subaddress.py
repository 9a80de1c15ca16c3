"""subaddress (RFC 5233)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, Redirect
from sora.sieve.message import Envelope
from trial_tests.sieve.filters import holds, ran


class Subaddress(SynchronousTestCase):
    def test_table(self) -> None:
        for address, test, expected in (
            ("ken+list@example.com", ':user "to" "ken"', True),
            ("ken+list@example.com", ':detail "to" "list"', True),
            ("ken+list+more@example.com", ':detail "to" "list+more"', True),
            ("ken@example.com", ':user "to" "ken"', True),
            # Without a detail it matches nothing, with an empty one the empty string.
            ("ken@example.com", ':detail :contains "to" ""', False),
            ("ken+@example.com", ':detail "to" ""', True),
            ("ken+list@example.com", ':localpart "to" "ken+list"', True),
            ("+list@example.com", ':user "to" "+list"', True),
            ("nodomain+x", ':detail "to" "x"', False),
        ):
            octets = f"To: {address}\r\n\r\n".encode()
            self.assertEqual(
                holds(f"address {test}", octets, "subaddress"), expected, (address, test)
            )

    def test_separator(self) -> None:
        octets = b"To: ken--list@example.com\r\n\r\n"
        self.assertTrue(holds('address :detail "to" "list"', octets, "subaddress", separator="--"))
        self.assertFalse(
            holds('address :detail :contains "to" ""', octets, "subaddress", separator="")
        )

    def test_example(self) -> None:
        """RFC 5233 §4"""
        script = """
            require ["envelope", "subaddress", "fileinto"];
            if envelope :user "to" "postmaster" { fileinto "inbox.postmaster"; stop; }
            if envelope :detail "to" "mta-filters" { fileinto "inbox.ietf-mta-filters"; }
            if envelope :detail "to" "foo" { redirect "ken@example.net"; }
        """
        for recipient, action in (
            ("postmaster+x@example.com", FileInto("inbox.postmaster")),
            ("ken+mta-filters@example.com", FileInto("inbox.ietf-mta-filters")),
            ("ken+foo@example.com", Redirect("ken@example.net")),
        ):
            outcome = ran(script, envelope=Envelope("a@example.com", recipient))
            self.assertEqual(outcome.actions, (action,))
