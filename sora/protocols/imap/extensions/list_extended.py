"""LIST-EXTENDED (RFC 5258): what is listed, and what is said of it."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.list_options import ReturnOption, ReturnSubscribed, SelectionOption

EXTENSION = Extension(
    Capability(b"LIST-EXTENDED"),
    selection_options={
        b"SUBSCRIBED": SelectionOption.SUBSCRIBED,
        b"REMOTE": SelectionOption.REMOTE,
        b"RECURSIVEMATCH": SelectionOption.RECURSIVE_MATCH,
    },
    return_options={b"SUBSCRIBED": ReturnSubscribed, b"CHILDREN": ReturnOption},
)
