"""SPECIAL-USE and CREATE-SPECIAL-USE (RFC 6154)."""

from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.list_options import ReturnOption, SelectionOption

EXTENSION = Extension(
    Capability(b"SPECIAL-USE"),
    selection_options={b"SPECIAL-USE": SelectionOption.SPECIAL_USE},
    # The attributes are always told, as §2 allows; asking for them is understood.
    return_options={b"SPECIAL-USE": ReturnOption},
)
CREATE = Extension(Capability(b"CREATE-SPECIAL-USE", needs=(b"SPECIAL-USE",)))
