"""mboxmetadata and servermetadata (RFC 5490 §3.3, §3.4, §4)."""

from twisted.trial.unittest import SynchronousTestCase

from trial_tests.sieve.filters import World, holds

ENTRY = "/private/vendor/vendor.isode/auto-replies"


class Metadata(SynchronousTestCase):
    def test_table(self) -> None:
        for test, expected in (
            (f'metadata :is "INBOX" "{ENTRY}" "ON"', True),
            (f'metadata :is "INBOX" "{ENTRY}" "off"', False),
            (f'metadata :contains "Other" "{ENTRY}" ""', False),
            ('metadata :contains "INBOX" "/private/none" ""', False),
            (f'metadataexists "INBOX" "{ENTRY}"', True),
            (f'metadataexists "INBOX" ["{ENTRY}", "/private/none"]', False),
            ('servermetadata :matches "/shared/uri" "mailto:*"', True),
            ('servermetadata "/shared/none" ""', False),
            ('servermetadataexists ["/shared/uri"]', True),
            ('servermetadataexists ["/shared/uri", "/shared/none"]', False),
        ):
            world = World(
                mailboxes={"INBOX": {ENTRY: "on"}}, server={"/shared/uri": "mailto:a@example.com"}
            )
            found = holds(test, requires="mboxmetadata servermetadata", world=world)
            self.assertEqual(found, expected, test)
            self.assertEqual(len(world.asked), 1)
