"""Names of annotations (RFC 5464 §3.2): `/private/comment`, `/shared/vendor/kolab/color`.

A name is caseless, and kept in lower case. Its first component says who sees the value; what is
behind it is the path.
"""

import re
from typing import Final

from attrs import frozen

from sora.errors import BadSyntax

MAX_NAME: Final = 1000
"""octets of a name"""

# No wildcards, nothing but US-ASCII, no control characters (§3.2).
_COMPONENT: Final = rb"/[\x20-\x24\x26-\x29\x2b-\x2e\x30-\x7e]+"
_NAME: Final = re.compile(rb"/(private|shared)((?:%b)*)" % _COMPONENT, re.IGNORECASE)


@frozen(order=True)
class Entry:
    """An entry: `path` is the name in lower case without /private or /shared, with which
    `is_private` deals. An empty path stands for all entries below it."""

    is_private: bool
    path: str

    @property
    def name(self) -> str:
        """The whole name."""
        return ("/private" if self.is_private else "/shared") + self.path

    @property
    def has_value(self) -> bool:
        """Whether there can be a value of this name, and not only of names below it: those of
        vendors have at least four components (§3.2)."""
        parts = self.path.split("/")[1:]
        return bool(parts) and (parts[0] != "vendor" or len(parts) >= 3)

    def is_below(self, other: "Entry", depth: int | None) -> bool:
        """Whether it is `other`, or at most `depth` levels below it (None: at any)."""
        if self.is_private != other.is_private:
            return False
        if self.path == other.path:
            return True
        if not self.path.startswith(other.path + "/"):
            return False
        return depth is None or self.path.count("/") - other.path.count("/") <= depth


def parse_entry(name: bytes) -> Entry:
    """A name as a client sends it. Raises BadSyntax for one that is not allowed."""
    found = _NAME.fullmatch(name)
    if found is None or len(name) > MAX_NAME:
        shown = name[:80].decode("ascii", "backslashreplace")
        raise BadSyntax(f"{shown!r} is no name of an annotation")
    return Entry(found[1].lower() == b"private", found[2].decode("ascii").lower())


SPECIAL_USE: Final = Entry(is_private=True, path="/specialuse")
"""What a mailbox is used for (RFC 6154 §4)."""
ADMIN: Final = Entry(is_private=False, path="/admin")
"""How to reach who runs the server: a URI (RFC 5464 §6.2.2)."""
COMMENT: Final = Entry(is_private=False, path="/comment")
EVENT_SCRIPT: Final = Entry(is_private=False, path="/imapsieve/script")
"""The script that runs when something is done to a mailbox (RFC 6785 §2.3.1)."""
OWN_EVENT_SCRIPT: Final = Entry(is_private=True, path="/vendor/sora/imapsieve/script")
"""The same for all mailboxes of an account that have none: what a client calls the server's."""
