"""NAMESPACE (RFC 2342)."""

from sora.mail.mailbox_names import encode_utf7
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.write import quoted


class Namespace(Command):
    """NAMESPACE: one's own with an empty prefix; and where those of others are, if there are any"""

    word = b"NAMESPACE"
    states = State.LOGGED_IN
    capability = b"NAMESPACE"

    async def run(self, session: Session) -> bytes | None:
        namespace = session.account.places.namespace
        shared = b"NIL"
        if namespace is not None:
            prefix = namespace.prefix
            octets = prefix.encode() if session.takes_utf8 else encode_utf7(prefix)
            shared = b"((" + quoted(octets) + b' "/"))'
        session.untagged(b'NAMESPACE (("" "/")) NIL ' + shared)
        return None
