"""What protocols ask of authentication."""

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.net.peer import Peer


@frozen
class Identity:
    """Somebody who has logged in, or to whom mail is delivered.

    `address` is the primary address of the account; `login` is what was typed, folded.
    """

    account_id: int
    scope_id: int
    address: str
    login: str = ""


class IAuthenticator(Interface):
    """Credentials to identities."""

    def password(login: str, password: str, peer: Peer, protocol: str) -> "Deferred[Identity]":
        """Verify a password (LOGIN, USER/PASS, SASL PLAIN and LOGIN).

        Unknown user, wrong password, blocked and disabled give the same answer after the
        same work (G51). Raises AuthenticationFailed; Unavailable when nobody can tell now.
        """
