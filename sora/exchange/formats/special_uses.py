"""Special uses of mailboxes (RFC 6154) by the names that programs give them."""

from typing import Final

_NAMES: Final = {
    "sent": "\\Sent",
    "sent items": "\\Sent",
    "sent mail": "\\Sent",
    "sent messages": "\\Sent",
    "drafts": "\\Drafts",
    "trash": "\\Trash",
    "deleted items": "\\Trash",
    "deleted messages": "\\Trash",
    "junk": "\\Junk",
    "junk e-mail": "\\Junk",
    "junk mail": "\\Junk",
    "spam": "\\Junk",
    "archive": "\\Archive",
    "archives": "\\Archive",
}


def special_use_of(name: str) -> str | None:
    """What a mailbox of this name is used for, None when it does not say."""
    return _NAMES.get(name.casefold())
