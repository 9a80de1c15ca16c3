"""What commands of the server that Sora succeeds are called here: for hands that know them."""

from collections.abc import Sequence
from typing import Final

OLDER: Final = {
    "accounts purge-domain": "domains purge --domain DOMAIN",
    "credentials add": "accounts credentials add",
    "credentials list": "accounts credentials list",
    "acl grant": "acl set",
    "acl revoke": "acl delete",
    "acl list": "acl show",
    "import maildir": "import-maildir",
    "export maildir": "export-maildir",
    "auth-cache status": "stats auth",
    "stats blocked": "auth blocked",
    "health status": "health",
    "uploader resolve": "verify --repair",
    "relay requeue": "relay retry",
    "verify s3": "verify",
    "migrate version": "migrate status",
    "config dump": "config show",
    "config validate": "config check",
}
"""the words of a command there, and what does the same here"""


def named_here(arguments: Sequence[str]) -> str | None:
    """What does here what these words did there; None for words that it did not have."""
    return OLDER.get(" ".join(arguments[:2]))
