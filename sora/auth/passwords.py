"""Hash schemes of stored passwords: verify them, and make new ones.

A verifier is a hash with its scheme in braces, as Dovecot writes it, or a bare hash that
says its scheme itself (`$2b$…`, `$6$…`, `$5$…`).

Verified: bcrypt (`$2a$ $2b$ $2y$`, `{BLF-CRYPT}`, `{BCRYPT}`), `{SSHA512}`, `{SHA512}`,
`{SSHA256}`, `{SHA256}`, `{SSHA}`, `{SHA}` (each also with `.B64` or `.HEX`), `{SHA512-CRYPT}`,
`{SHA256-CRYPT}` and `{CRYPT}` around one of the self-describing ones, and SCRAM-SHA-256 keys.
Cleartext (`{PLAIN}`) is refused: nobody can log in with it. Made: bcrypt, ssha512, sha512.

Everything here takes time on purpose (bcrypt with cost 12: a fifth of a second): call it in
a thread.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from binascii import unhexlify
from collections.abc import Callable, Sequence
from hashlib import new as new_hash
from hmac import compare_digest
from re import compile as compile_regex
from typing import Final

import bcrypt

from sora.auth.scram import SALT_OCTETS, scram_sha_256_keys, verify_scram_sha_256
from sora.auth.sha_crypt import sha_crypt
from sora.errors import BadArgument
from sora.storage.rows import NewSecret

SCHEMES: Final = ("bcrypt", "ssha512", "sha512")
"""what new passwords can be hashed with"""
DEFAULT_COST: Final = 12
"""bcrypt's work factor, the logarithm of its rounds"""
MAX_BCRYPT_OCTETS: Final = 72
"""bcrypt does not look at what comes after"""
MAX_PASSWORD_OCTETS: Final = 1024
"""a longer one is never right, and is not hashed"""
MAX_BCRYPT_COST: Final = 17
"""a stored hash that asks for more work (here 6 seconds) than this is not verified"""
MAX_CRYPT_ROUNDS: Final = 200_000
"""the same for SHA-crypt (here half a second)"""

Random = Callable[[int], bytes]
"""Gives so many random octets, as `os.urandom` does."""

_BRACED = compile_regex(r"\{([A-Za-z0-9-]+)(?:\.([A-Za-z0-9]+))?\}(.*)\Z")
_BCRYPT = compile_regex(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}\Z")
DIGESTS: Final = {
    "SHA": ("sha1", 20, False),
    "SHA1": ("sha1", 20, False),
    "SSHA": ("sha1", 20, True),
    "SHA256": ("sha256", 32, False),
    "SSHA256": ("sha256", 32, True),
    "SHA512": ("sha512", 64, False),
    "SSHA512": ("sha512", 64, True),
}
"""algorithm, octets, and whether there is a salt"""
OTHERS: Final = ("BCRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "SCRAM-SHA-256")
"""what is verified, beside them"""


def verify(password: str, verifier: str) -> bool:
    """Whether `password` is the one that `verifier` was made from.

    A verifier of an unknown or refused scheme, or a damaged one, is verified by nothing.
    """
    octets = password.encode("utf-8", "surrogatepass")
    if not octets or len(octets) > MAX_PASSWORD_OCTETS or b"\0" in octets:
        return False
    scheme, encoding, rest = split_verifier(verifier)
    if scheme == "SCRAM-SHA-256":
        return verify_scram_sha_256(password, rest)
    if scheme == "BCRYPT":
        return _verify_bcrypt(octets, rest)
    if scheme in ("SHA512-CRYPT", "SHA256-CRYPT"):
        return _verify_sha_crypt(octets, rest)
    if scheme in DIGESTS:
        return _verify_digest(octets, *DIGESTS[scheme], encoding, rest)
    return False


def scheme_of(verifier: str) -> str:
    """What a verifier is made with, in small letters: one of those above, or `other`."""
    scheme = split_verifier(verifier)[0]
    known = scheme in DIGESTS or scheme in OTHERS
    return scheme.lower() if known else "other"


def first_match(password: str, verifiers: Sequence[str], dummy: str) -> int | None:
    """The place of the first verifier that `password` matches, or None.

    When nothing matches, and no bcrypt hash was among them, `dummy` is verified too: wrong
    password and unknown user take the same time (G51).
    """
    worked = False
    for place, verifier in enumerate(verifiers):
        if verify(password, verifier):
            return place
        worked = worked or split_verifier(verifier)[0] == "BCRYPT"
    if not worked:
        octets = password.encode("utf-8", "surrogatepass").replace(b"\0", b"") or b"?"
        _verify_bcrypt(octets, dummy)
    return None


def hash_password(password: str, scheme: str, random: Random, cost: int = DEFAULT_COST) -> str:
    """A verifier for a new password. `scheme` is one of `SCHEMES`.

    Raises:
        BadArgument: the password or the scheme cannot be used.
    """
    octets = _usable(password)
    match scheme:
        case "bcrypt":
            if len(octets) > MAX_BCRYPT_OCTETS:
                raise BadArgument(
                    f"The password has {len(octets)} octets and bcrypt uses only the first "
                    f"{MAX_BCRYPT_OCTETS}: choose a shorter one, or the hash ssha512"
                )
            if not 4 <= cost <= 31:
                raise BadArgument(f"bcrypt's cost is from 4 to 31, not {cost}")
            return bcrypt.hashpw(octets, _bcrypt_salt(cost, random)).decode("ascii")
        case "ssha512":
            salt = random(16)
            return "{SSHA512}" + _b64(new_hash("sha512", octets + salt).digest() + salt)
        case "sha512":
            return "{SHA512}" + _b64(new_hash("sha512", octets).digest())
    raise BadArgument(f"{scheme!r} is no hash for passwords: use one of {', '.join(SCHEMES)}")


def new_secrets(
    password: str,
    random: Random,
    scheme: str = "bcrypt",
    cost: int = DEFAULT_COST,
    iterations: int | None = None,
) -> tuple[NewSecret, ...]:
    """All that is stored when a password is set: its hash, and SCRAM-SHA-256 keys beside it.

    Raises:
        BadArgument: the password or the scheme cannot be used.
    """
    hashed = NewSecret("password", hash_password(password, scheme, random, cost))
    keys = scram_sha_256_keys(password, random(SALT_OCTETS), iterations)
    return hashed, NewSecret("scram-sha-256", keys)


def dummy_verifier(random: Random, cost: int = DEFAULT_COST) -> str:
    """A bcrypt hash that no password matches: what is verified for a user who is not there,
    so that the answer takes as long (G51)."""
    return _bcrypt_salt(cost, random).decode("ascii") + "." * 31


def _usable(password: str) -> bytes:
    try:
        octets = password.encode("utf-8")
    except UnicodeEncodeError:
        raise BadArgument("The password has characters that are not Unicode text") from None
    if not octets:
        raise BadArgument("The password is empty")
    if b"\0" in octets:
        raise BadArgument("The password has a NUL character")
    if len(octets) > MAX_PASSWORD_OCTETS:
        raise BadArgument(f"The password is longer than {MAX_PASSWORD_OCTETS} octets")
    return octets


def _bcrypt_salt(cost: int, random: Random) -> bytes:
    # bcrypt.gensalt has a source of randomness of its own; here it is an argument. bcrypt's
    # base64 has an alphabet of its own, without padding.
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    ours = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    salt = b64encode(random(16)).rstrip(b"=").translate(bytes.maketrans(alphabet, ours))
    return b"$2b$%02d$" % cost + salt


def split_verifier(verifier: str) -> tuple[str, str, str]:
    """The scheme (empty: nobody knows), how the hash is encoded (or empty), and the hash."""
    braced = _BRACED.match(verifier)
    if not braced:
        return _described(verifier), "", verifier
    scheme, encoding, rest = braced.groups()
    scheme = scheme.upper()
    if scheme in ("CRYPT", "BLF-CRYPT", "BCRYPT", "SHA512-CRYPT", "SHA256-CRYPT"):
        return _described(rest), "", rest
    return scheme, (encoding or "").upper(), rest


def _described(verifier: str) -> str:
    if _BCRYPT.match(verifier):
        return "BCRYPT"
    if verifier.startswith("SCRAM-SHA-256$"):
        return "SCRAM-SHA-256"
    return {"$6$": "SHA512-CRYPT", "$5$": "SHA256-CRYPT"}.get(verifier[:3], "")


def _verify_bcrypt(octets: bytes, verifier: str) -> bool:
    if int(verifier[4:6]) > MAX_BCRYPT_COST:
        return False
    try:
        # A longer password does the same work, and is wrong: it could not have been set.
        found = bcrypt.checkpw(octets[:MAX_BCRYPT_OCTETS], verifier.encode("ascii"))
    except ValueError:
        return False
    return found and len(octets) <= MAX_BCRYPT_OCTETS


def _verify_sha_crypt(octets: bytes, verifier: str) -> bool:
    try:
        return compare_digest(sha_crypt(octets, verifier, MAX_CRYPT_ROUNDS), verifier)
    except (ValueError, TypeError):
        return False


def _verify_digest(
    octets: bytes, algorithm: str, size: int, salted: bool, encoding: str, text: str
) -> bool:
    parts = digest_parts(size, salted, encoding, text)
    if parts is None:
        return False
    digest, salt = parts
    return compare_digest(new_hash(algorithm, octets + salt).digest(), digest)


def digest_parts(size: int, salted: bool, encoding: str, text: str) -> tuple[bytes, bytes] | None:
    """The digest and the salt; None for what is damaged."""
    if encoding not in ("", "B64", "BASE64", "HEX"):
        return None
    # Without an encoding it is base64, but for an unsalted digest whose length says hex.
    as_hex = encoding == "HEX" or (not encoding and not salted and len(text) == 2 * size)
    try:
        stored = unhexlify(text) if as_hex else b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    if len(stored) < size or (len(stored) > size) != salted:
        return None
    return stored[:size], stored[size:]


def _b64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
