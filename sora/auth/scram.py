"""SCRAM-SHA-256 keys (RFC 5802, RFC 7677), made when a password is set.

They are stored as `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` with base64 parts, the
form that PostgreSQL and others use. The password cannot be read back from them, and a client
that proves itself with them never sends it.
"""

import stringprep
import unicodedata
from base64 import b64decode, b64encode
from hashlib import pbkdf2_hmac, sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from re import compile as compile_regex
from typing import Final

SALT_OCTETS: Final = 16
DEFAULT_ITERATIONS: Final = 10_000
"""RFC 7677 §4 asks for 4096 at least; every client repeats them at each login."""
MAX_ITERATIONS: Final = 1_000_000
"""more (here half a second) are not verified"""
_FORM = compile_regex(r"SCRAM-SHA-256\$([1-9]\d{0,6}):([A-Za-z0-9+/=]+)\$")


def scram_sha_256_keys(password: str, salt: bytes, iterations: int | None = None) -> str:
    """The stored form of the keys of `password` (RFC 5802 §3)."""
    count = DEFAULT_ITERATIONS if iterations is None else iterations
    salted = pbkdf2_hmac("sha256", prepared(password), salt, count)
    client_key = hmac_digest(salted, b"Client Key", "sha256")
    server_key = hmac_digest(salted, b"Server Key", "sha256")
    stored_key = sha256(client_key).digest()
    return f"SCRAM-SHA-256${count}:{_b64(salt)}${_b64(stored_key)}:{_b64(server_key)}"


def verify_scram_sha_256(password: str, keys: str) -> bool:
    """Whether keys in their stored form are those of `password`."""
    form = _FORM.match(keys)
    if form is None or int(form[1]) > MAX_ITERATIONS:
        return False
    try:
        salt = b64decode(form[2], validate=True)
    except ValueError:
        return False
    return compare_digest(scram_sha_256_keys(password, salt, int(form[1])), keys)


def prepared(password: str) -> bytes:
    """The octets of a password after SASLprep (RFC 4013).

    One that SASLprep forbids is used as it is: a client that cannot prepare it does the same.
    """
    try:
        return saslprep(password).encode("utf-8")
    except ValueError:
        return password.encode("utf-8", "surrogatepass")


def saslprep(text: str) -> str:
    """RFC 4013: map, normalise, and look for what is prohibited.

    Raises:
        ValueError: it holds what is prohibited, or mixes directions (RFC 3454 §6).
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    result = unicodedata.normalize("NFKC", mapped)
    if any(table(character) for character in result for table in _PROHIBITED):
        raise ValueError("a prohibited character")
    if any(map(stringprep.in_table_d1, result)) and (
        any(map(stringprep.in_table_d2, result))
        or not (stringprep.in_table_d1(result[0]) and stringprep.in_table_d1(result[-1]))
    ):
        raise ValueError("mixed directions of writing")
    return result


_PROHIBITED: Final = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def _b64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
