"""SASL mechanisms as generators of challenges (RFC 4422): PLAIN (RFC 4616) and LOGIN.

A mechanism yields a challenge and is sent the client's response, and returns the `Claim` that
the responses add up to. It verifies nothing. `Negotiation` drives one for a protocol, which
does the base64 and its own cancel sign (`decode_response`).
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Generator, Mapping
from typing import Final

from attrs import field, frozen

from sora.addresses import fold_local
from sora.errors import AuthenticationFailed, BadArgument, BadSyntax

MAX_RESPONSE_OCTETS: Final = 4096
"""of one decoded response"""


@frozen
class Claim:
    """Who somebody says to be, and the password that is to show it."""

    login: str
    password: str = field(repr=False)


Exchange = Generator[bytes, bytes, Claim]
"""Yields challenges, is sent responses, returns the claim."""


def plain() -> Exchange:
    """PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd`.

    To act as somebody else is not allowed: an authzid has to be the authcid (G53).
    """
    parts = (yield b"").split(b"\0")
    if len(parts) != 3:
        raise BadSyntax("PLAIN needs an identity, a user and a password, with NULs between")
    authzid, authcid, password = map(_text, parts)
    if not authcid or not password:
        raise BadSyntax("PLAIN needs a user and a password")
    if authzid and fold_local(authzid) != fold_local(authcid):
        raise AuthenticationFailed
    return Claim(authcid, password)


def login() -> Exchange:
    """LOGIN (draft-murchison-sasl-login): two questions."""
    user = _text((yield b"Username:"))
    password = _text((yield b"Password:"))
    if not user or not password:
        raise BadSyntax("LOGIN needs a user and a password")
    return Claim(user, password)


MECHANISMS: Final[Mapping[str, Callable[[], Exchange]]] = {"PLAIN": plain, "LOGIN": login}
"""by name, in the order in which they are offered"""


class Negotiation:
    """One exchange on its way.

    `challenge` is what is to be sent now; when it is None, `claim` is there. An initial
    response answers the first challenge before it is asked (RFC 4422 §3).
    """

    def __init__(self, mechanism: str, initial: bytes | None = None) -> None:
        """Begin. Raises BadArgument for an unknown mechanism."""
        make = MECHANISMS.get(mechanism.upper())
        if make is None:
            raise BadArgument(f"The mechanism {mechanism[:32]!r} is not supported")
        self._exchange = make()
        self.claim: Claim | None = None
        self.challenge: bytes | None = next(self._exchange)
        if initial is not None:
            self.respond(initial)

    def respond(self, response: bytes) -> None:
        """Take the client's answer to `challenge`.

        Raises:
            BadSyntax: it is not what the mechanism wants.
            AuthenticationFailed: it asks for what nobody may.
        """
        if len(response) > MAX_RESPONSE_OCTETS:
            raise BadSyntax("The response is too long")
        try:
            self.challenge = self._exchange.send(response)
        except StopIteration as end:
            self.challenge, self.claim = None, end.value


def decode_response(line: bytes) -> bytes:
    """A response as the client wrote it on a line: base64, or `=` for an empty one.

    Raises:
        BadSyntax: it is not base64.
    """
    if line == b"=":
        return b""
    try:
        return b64decode(line, validate=True)
    except (Base64Error, ValueError):
        raise BadSyntax("The response is not base64") from None


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSyntax("User and password have to be UTF-8") from None
