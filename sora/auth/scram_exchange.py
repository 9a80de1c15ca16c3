"""SCRAM-SHA-256 as a server speaks it (RFC 5802, RFC 7677), with and without channel binding.

Four messages: the client says who it is, the server with which salt the password was made into
keys, the client proves that it knows the password, the server that it knew it before. The
exchange verifies a proof against keys that it is given; where they come from, and what a failure
costs, is the authenticator's. Pure.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from attrs import field, frozen

from sora.addresses import fold_local
from sora.auth.scram import saslprep
from sora.errors import AuthenticationFailed, BadSyntax

_NONCE = rb"[\x21-\x2b\x2d-\x7e]{1,512}"
_BASE64 = r"[A-Za-z0-9+/]{1,1000}={0,2}"
_FIRST = re.compile(
    rb"(?P<header>(?:[ny]|p=(?P<binding>[A-Za-z0-9.-]{1,40})),(?:a=(?P<authzid>[^,]*))?,)"
    rb"(?P<bare>n=(?P<user>[^,]+),r=(?P<nonce>%b)(?:,.*)?)\Z" % _NONCE
)
_FINAL = re.compile(
    rb"(?P<without>c=(?P<header>%b),r=(?P<nonce>%b)(?:,.*)?),p=(?P<proof>%b)\Z"
    % (_BASE64.encode(), _NONCE, _BASE64.encode())
)
_KEYS = re.compile(rf"SCRAM-SHA-256\$(\d{{1,7}}):({_BASE64})\$({_BASE64}):({_BASE64})\Z")

Binding = Callable[[str], bytes | None]
"""The data of a type of channel binding, such as `tls-exporter`; None where there is none."""


@frozen
class ScramKeys:
    """What is stored of a password (RFC 5802 §3)."""

    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def parse(cls, verifier: str) -> "ScramKeys | None":
        """From the stored form, as `sora.auth.scram` makes it; None for what is none."""
        found = _KEYS.match(verifier)
        if found is None:
            return None
        try:
            salt, stored, server = (b64decode(part, validate=True) for part in found.groups()[1:])
        except (Base64Error, ValueError):
            return None
        return cls(int(found[1]), salt, stored, server)


class ScramExchange:
    """One exchange: `begin`, `challenge`, `verify`, in this order.

    `plus` says that it is SCRAM-SHA-256-PLUS; `offered` are the types of channel binding that this
    connection could have.
    """

    def __init__(self, *, plus: bool, binding: Binding, offered: Sequence[str]) -> None:
        self._plus = plus
        self._binding = binding
        self._offered = tuple(offered)
        self._bare = self._header = self._nonce = self._server_first = b""
        self._data = b""
        self._keys: ScramKeys | None = None

    def begin(self, message: bytes) -> str:
        """Take the client's first message; gives who it says to be.

        Raises:
            BadSyntax: it is none.
            AuthenticationFailed: it wants to act as somebody else, or binds wrongly.
        """
        found = _FIRST.match(message)
        if found is None:
            raise BadSyntax("This is not the first message of SCRAM")
        user = _name(found["user"])
        authzid = _name(found["authzid"] or b"")
        if authzid and fold_local(authzid) != fold_local(user):
            raise AuthenticationFailed
        self._data = self._bound(found["header"][:1], (found["binding"] or b"").decode("ascii"))
        self._header, self._bare, self._nonce = found["header"], found["bare"], found["nonce"]
        return user

    def _bound(self, flag: bytes, kind: str) -> bytes:
        """The data that the client has to have bound to (RFC 5802 §6)."""
        if self._plus != (flag == b"p"):
            raise BadSyntax("Channel binding goes with SCRAM-SHA-256-PLUS, and only with it")
        if flag == b"y" and self._offered:
            # The client believes that we cannot: somebody has taken -PLUS out of the list.
            raise AuthenticationFailed
        if not kind:
            return b""
        data = self._binding(kind) if kind in self._offered else None
        if data is None:
            raise BadSyntax("There is no channel binding of this type")
        return data

    def challenge(self, keys: ScramKeys, nonce: bytes) -> bytes:
        """The server's first message; `nonce` is its part, printable and without commas."""
        self._keys = keys
        self._nonce += nonce
        salt = b64encode(keys.salt)
        self._server_first = b"r=%b,s=%b,i=%d" % (self._nonce, salt, keys.iterations)
        return self._server_first

    def verify(self, message: bytes) -> bytes:
        """Take the client's proof; gives the server's, its last message.

        Raises:
            BadSyntax: it is none.
            AuthenticationFailed: the proof is not right.
        """
        found = _FINAL.match(message)
        keys = self._keys
        if found is None or keys is None:
            raise BadSyntax("This is not the final message of SCRAM")
        try:
            header = b64decode(found["header"], validate=True)
            proof = b64decode(found["proof"], validate=True)
        except (Base64Error, ValueError):
            raise BadSyntax("This is not the final message of SCRAM") from None
        text = b"%b,%b,%b" % (self._bare, self._server_first, found["without"])
        signature = hmac_digest(keys.stored_key, text, "sha256")
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=False))
        is_right = compare_digest(sha256(client_key).digest(), keys.stored_key)
        is_bound = compare_digest(header, self._header + self._data)
        if not (is_right and is_bound and compare_digest(found["nonce"], self._nonce)):
            raise AuthenticationFailed
        return b"v=" + b64encode(hmac_digest(keys.server_key, text, "sha256"))


def _name(octets: bytes) -> str:
    """saslname: `=2C` is a comma, `=3D` an equals sign (RFC 5802 §5.1)."""
    if re.search(rb"=(?!2C|3D)", octets):
        raise BadSyntax("The user is not written as SCRAM wants it")
    try:
        text = octets.replace(b"=2C", b",").replace(b"=3D", b"=").decode("utf-8")
        return saslprep(text)
    except ValueError:
        raise BadSyntax("The user is not written as SCRAM wants it") from None
