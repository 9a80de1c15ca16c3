"""`[history] namespace` as the house takes it."""

from sora.app.sharing import is_prefix
from sora.config.config import Config
from sora.config.problems import ConfigError, Problem
from sora.mailbox.past import PastNamespace
from sora.storage.interfaces import IPast


def past_prefix(config: Config) -> str:
    """Below which names what was expunged appears; empty when it is not shown. Raises
    ConfigError."""
    prefix = config.history.namespace
    if not prefix:
        return ""
    if not is_prefix(prefix):
        raise _problem(
            'this must be the name of a mailbox other than INBOX, with "/" at its end: "Deleted/"'
        )
    shared = config.shared_mailboxes
    if shared.enabled and (
        prefix.startswith(shared.namespace_prefix) or shared.namespace_prefix.startswith(prefix)
    ):
        raise _problem(
            f"this and [shared_mailboxes] namespace_prefix ({shared.namespace_prefix!r}) must not"
            " be one below the other: choose another name"
        )
    return prefix


def past_namespace(config: Config, storage: IPast) -> PastNamespace | None:
    """Where what was expunged appears; None when it is not shown. Raises ConfigError."""
    prefix = past_prefix(config)
    return PastNamespace(prefix, storage) if prefix else None


def _problem(text: str) -> ConfigError:
    return ConfigError([Problem("", "history.namespace", text)])
