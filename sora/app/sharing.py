"""`[shared_mailboxes]` as the house takes it."""

from sora.config.problems import ConfigError, Path, Problem, dotted
from sora.config.shared_mailboxes import SharedMailboxesConfig
from sora.errors import BadName, BadRights
from sora.mail.mailbox_names import DELIMITER, INBOX, normalise
from sora.mail.rights import parse_rights
from sora.mailbox.places import SharedNamespace


def shared_namespace(config: SharedMailboxesConfig) -> SharedNamespace | None:
    """Where the mailboxes of others appear; None when nothing is shared. Raises ConfigError."""
    if not config.enabled:
        return None
    if not is_prefix(config.namespace_prefix):
        mend = 'this must be the name of a mailbox other than INBOX, with "/" at its end: "Shared/"'
        raise _problem(("shared_mailboxes", "namespace_prefix"), mend)
    try:
        rights = parse_rights(config.default_rights)
    except BadRights as error:
        mend = f"{error.text}: write letters of lrswipkxtea"
        raise _problem(("shared_mailboxes", "default_rights"), mend) from None
    return SharedNamespace(
        prefix=config.namespace_prefix,
        allow_user_create=config.allow_user_create,
        default_rights=rights,
    )


def is_prefix(prefix: str) -> bool:
    """Whether names can begin so: with that of a mailbox other than INBOX, and a delimiter."""
    try:
        is_name = normalise(prefix) + DELIMITER == prefix
    except BadName:
        return False
    return is_name and prefix.split(DELIMITER)[0] != INBOX and "@" not in prefix


def _problem(path: Path, text: str) -> ConfigError:
    return ConfigError([Problem("", dotted(path), text)])
