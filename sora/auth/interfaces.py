"""What protocols ask of authentication."""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.auth.scram_exchange import ScramKeys
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


class ScramAttempt(Protocol):
    """Somebody who is about to show by SCRAM that he knows a password; exactly one of the three
    methods ends it.

    `keys` are those of the user; of one who is not there or has none, keys that nothing proves.
    """

    @property
    def keys(self) -> ScramKeys:
        """What the proof is verified against."""

    @property
    def random(self) -> Callable[[int], bytes]:
        """Where nonces come from."""

    def succeeded(self) -> Identity:
        """The proof was right. Raises AuthenticationFailed where it does not help."""

    def failed(self) -> None:
        """The proof was wrong."""

    def given_up(self) -> None:
        """There was none."""


class IAuthenticator(Interface):
    """Credentials to identities."""

    def password(login: str, password: str, peer: Peer, protocol: str) -> "Deferred[Identity]":
        """Verify a password (LOGIN, USER/PASS, SASL PLAIN and LOGIN).

        Unknown user, wrong password, blocked and disabled give the same answer after the
        same work (G51). Raises AuthenticationFailed; Unavailable when nobody can tell now.
        """

    def scram(login: str, peer: Peer, protocol: str) -> "Deferred[ScramAttempt]":
        """The keys of somebody who wants to log in by SCRAM, as many or few as there are of him
        (G51). Raises AuthenticationFailed when there were too many failures; Unavailable.
        """
