"""NAMESPACE (RFC 2342)."""

from sora.mail.mailbox_names import encode_utf7
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.write import quoted


class Namespace(Command):
    """NAMESPACE: one's own with an empty prefix; and where those of others are, if there are any.

    What is past is a second namespace of one's own: it belongs to the user, and is shared with
    nobody, so it is neither of the others. Clients make mailboxes in the first one.
    """

    word = b"NAMESPACE"
    states = State.LOGGED_IN
    capability = b"NAMESPACE"

    async def run(self, session: Session) -> bytes | None:
        places = session.account.places
        own = b'("" "/")'
        if places.past is not None and places.past.prefix:
            own += _described(places.past.prefix, session)
        shared = b"NIL"
        if places.namespace is not None:
            shared = b"(" + _described(places.namespace.prefix, session) + b")"
        session.untagged(b"NAMESPACE (" + own + b") NIL " + shared)
        return None


def _described(prefix: str, session: Session) -> bytes:
    """Namespace-Descr, but for its parentheses around all (RFC 2342 §6)."""
    octets = prefix.encode() if session.takes_utf8 else encode_utf7(prefix)
    return b"(" + quoted(octets) + b' "/")'
