"""LIST-MYRIGHTS (RFC 8440): what one may do with mailboxes, with their names."""

from collections.abc import Sequence

from sora.mailbox.listing import Listed
from sora.protocols.imap.capabilities import Capability
from sora.protocols.imap.commands.acl import my_rights
from sora.protocols.imap.dialect import Extension
from sora.protocols.imap.list_options import ReturnOption
from sora.protocols.imap.session import Session


class ReturnMyRights(ReturnOption):
    """MYRIGHTS"""

    def lines(self, listed: Listed, session: Session) -> Sequence[bytes]:
        # §3, §4: none for a name that is listed for its children alone.
        if listed.rights is None or not listed.is_chosen:
            return ()
        return (my_rights(session, listed.name, listed.rights),)


EXTENSION = Extension(
    Capability(b"LIST-MYRIGHTS", needs=(b"LIST-EXTENDED", b"ACL")),
    return_options={b"MYRIGHTS": ReturnMyRights},
)
