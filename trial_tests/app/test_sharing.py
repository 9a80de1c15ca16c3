"""`[shared_mailboxes]` as the house takes it."""

from twisted.trial.unittest import SynchronousTestCase

from sora.app.sharing import shared_namespace
from sora.config.problems import ConfigError
from sora.config.shared_mailboxes import SharedMailboxesConfig
from sora.mail.rights import ALL, parse_rights
from sora.mailbox.places import SharedNamespace


class SharingTests(SynchronousTestCase):
    def test_nothing_is_shared_by_default(self) -> None:
        self.assertIsNone(shared_namespace(SharedMailboxesConfig()))

    def test_what_the_table_says(self) -> None:
        config = SharedMailboxesConfig(enabled=True)
        self.assertEqual(shared_namespace(config), SharedNamespace("Shared/", False, ALL))
        config = SharedMailboxesConfig(True, "Public/Mail/", True, "lrk")
        expected = SharedNamespace("Public/Mail/", True, parse_rights("lrk"))
        self.assertEqual(shared_namespace(config), expected)

    def test_what_cannot_be_is_refused_at_start(self) -> None:
        for name, value in (
            ("namespace_prefix", ""),
            ("namespace_prefix", "Shared"),
            ("namespace_prefix", "/"),
            ("namespace_prefix", "Shared//"),
            ("namespace_prefix", "inbox/"),
            ("namespace_prefix", "INBOX/Shared/"),
            ("namespace_prefix", "a@b/"),
            ("namespace_prefix", "../"),
            ("default_rights", "lrz"),
            ("default_rights", "LR"),
        ):
            config = SharedMailboxesConfig(enabled=True, **{name: value})
            error = self.assertRaises(ConfigError, shared_namespace, config)
            [problem] = error.problems
            self.assertIn(f"shared_mailboxes.{name}", str(problem))
