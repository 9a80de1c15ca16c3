"""`[history] namespace` as the house takes it."""

from twisted.trial.unittest import SynchronousTestCase

from sora.app.past import past_namespace, past_prefix
from sora.config.config import Config
from sora.config.history import HistoryConfig
from sora.config.problems import ConfigError
from sora.config.shared_mailboxes import SharedMailboxesConfig


class PastNamespaceTests(SynchronousTestCase):
    def config(self, namespace: str, shared: str = "") -> Config:
        sharing = SharedMailboxesConfig(bool(shared), shared or "Shared/")
        return Config(history=HistoryConfig(namespace=namespace), shared_mailboxes=sharing)

    def test_nothing_is_shown_by_default(self) -> None:
        storage: object = object()
        self.assertIsNone(past_namespace(Config(), storage))  # type: ignore[arg-type]

    def test_what_the_key_says(self) -> None:
        storage: object = object()
        namespace = past_namespace(self.config("Deleted/"), storage)  # type: ignore[arg-type]
        assert namespace is not None
        self.assertEqual((namespace.prefix, namespace.storage), ("Deleted/", storage))
        self.assertEqual(past_prefix(self.config("Old/Mail/", "Old/Shared/")), "Old/Mail/")
        # As long as nothing is shared, that name is free.
        self.assertEqual(past_prefix(self.config("Shared/")), "Shared/")

    def test_what_cannot_be_is_refused_at_start(self) -> None:
        for namespace, shared in (
            ("Deleted", ""),
            ("/", ""),
            ("Deleted//", ""),
            ("inbox/", ""),
            ("INBOX/Deleted/", ""),
            ("a@b/", ""),
            ("../", ""),
            ("Shared/", "Shared/"),
            ("Shared/Deleted/", "Shared/"),
            ("Deleted/", "Deleted/Shared/"),
        ):
            error = self.assertRaises(ConfigError, past_prefix, self.config(namespace, shared))
            [problem] = error.problems
            self.assertIn("history.namespace", str(problem))
