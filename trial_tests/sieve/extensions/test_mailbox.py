"""mailbox (RFC 5490 §3.1, §3.2)."""

from twisted.trial.unittest import SynchronousTestCase

from sora.sieve.effects import FileInto, MailboxExists
from trial_tests.sieve.filters import World, ran


class Mailbox(SynchronousTestCase):
    def test_exists(self) -> None:
        script = """
            require ["fileinto", "mailbox"];
            if mailboxexists ["Partners", "Friends"] { fileinto "Partners"; } else { discard; }
        """
        world = World(mailboxes={"Partners": {}, "Friends": {}})
        self.assertEqual(ran(script, world=world).actions, (FileInto("Partners"),))
        self.assertEqual(world.asked, [MailboxExists(("Partners", "Friends"))])
        self.assertNotEqual(
            ran(script, world=World(mailboxes={"Partners": {}})).actions, (FileInto("Partners"),)
        )

    def test_create(self) -> None:
        outcome = ran('require ["fileinto", "mailbox"]; fileinto :create "a";')
        self.assertEqual(outcome.actions, (FileInto("a", create=True),))

    def test_questions_in_tests(self) -> None:
        """Below `not`, `anyof` and `allof`, from left to right, no more than needed."""
        script = """
            require ["fileinto", "mailbox"];
            if anyof (mailboxexists "a", not allof (mailboxexists "b", mailboxexists "c"), mailboxexists "d") {
                fileinto "yes";
            }
        """
        world = World(mailboxes={"b": {}})
        self.assertEqual(ran(script, world=world).actions, (FileInto("yes"),))
        self.assertEqual(world.asked, [MailboxExists((name,)) for name in "abc"])
