"""What stored verifiers are, in words, and hashes that come from elsewhere.

A hash is only taken where somebody can log in with it afterwards (`passwords.verify`).
"""

from re import compile as compile_regex
from typing import Final

from sora.auth.passwords import (
    DIGESTS,
    MAX_BCRYPT_COST,
    MAX_CRYPT_ROUNDS,
    digest_parts,
    split_verifier,
)
from sora.auth.scram import MAX_ITERATIONS
from sora.auth.scram_exchange import ScramKeys
from sora.errors import BadArgument
from sora.storage.rows import NewSecret

MAX_HASH: Final = 1024
"""characters of a hash that is given"""

_ROUNDS = compile_regex(r"\$[56]\$(?:rounds=(\d{1,9})\$)?[^$]{0,16}\$([./A-Za-z0-9]+)\Z")
_SCRAM = compile_regex(r"SCRAM-SHA-256\$(\d{1,9}):")
_BRACED_SCRAM = compile_regex(r"\{SCRAM-SHA-256\}(\d{1,9}),([^,]+),([^,]+),([^,]+)\Z")
_CLEAR: Final = ("PLAIN", "CLEARTEXT", "CLEAR", "PLAIN-TRUNC")
_UNKNOWN: Final = {"$1$": "MD5-crypt", "$y$": "yescrypt", "$7$": "scrypt", "$arg": "Argon2"}
_KNOWN: Final = (
    "bcrypt ($2b$...), SHA-crypt ($6$... or $5$...), {SSHA512}, {SHA512}, {SSHA256}, {SHA256},"
    " {SSHA}, {SHA} and SCRAM-SHA-256 are"
)


def description_of(verifier: str) -> str:
    """What a verifier is, without anything of the hash: `bcrypt, cost 12`."""
    if scram := _SCRAM.match(verifier):
        return f"SCRAM-SHA-256, {scram[1]} iterations"
    scheme, _, rest = split_verifier(verifier)
    if scheme == "BCRYPT":
        return f"bcrypt, cost {int(rest[4:6])}"
    if scheme in ("SHA512-CRYPT", "SHA256-CRYPT"):
        rounds = _ROUNDS.match(rest)
        return f"{scheme}, {(rounds and rounds[1]) or 5000} rounds"
    if scheme in DIGESTS:
        return scheme
    return f"{scheme or 'unknown'}, not verified"


def secrets_of_hash(text: str) -> tuple[NewSecret, ...]:
    """What is stored for a hash that was made elsewhere. SCRAM-SHA-256 keys, as PostgreSQL
    (`SCRAM-SHA-256$4096:...`) or Dovecot (`{SCRAM-SHA-256}4096,...`) has them, also verify a
    password that is sent.

    Raises:
        BadArgument: nobody could log in with it, or verifying it would cost too much.
    """
    given = text.strip()
    if not given or len(given) > MAX_HASH or not given.isascii() or not given.isprintable():
        raise BadArgument("A hash of a password is one line of ASCII, 1,024 characters at most")
    if braced := _BRACED_SCRAM.match(given):
        count, salt, stored, server = braced.groups()
        given = f"SCRAM-SHA-256${count}:{salt}${stored}:{server}"
    if given.startswith("SCRAM-SHA-256$"):
        _require_keys(given)
        return NewSecret("password", given), NewSecret("scram-sha-256", given)
    scheme, encoding, rest = split_verifier(given)
    if scheme in _CLEAR:
        raise BadArgument(f"{{{scheme}}} is a password and no hash: give it as the password")
    if scheme == "BCRYPT":
        _require_at_most(int(rest[4:6]), MAX_BCRYPT_COST, "a bcrypt cost")
    elif scheme in ("SHA512-CRYPT", "SHA256-CRYPT"):
        _require_sha_crypt(rest)
    elif scheme in DIGESTS:
        if digest_parts(*DIGESTS[scheme][1:], encoding, rest) is None:
            raise BadArgument(f"The {{{scheme}}} hash is damaged: its length or encoding is wrong")
    else:
        name = scheme or _UNKNOWN.get(rest[:3]) or _UNKNOWN.get(rest[:4]) or "Such"
        raise BadArgument(f"{name} hashes are not verified here: nobody could log in; {_KNOWN}")
    return (NewSecret("password", given),)


def _require_keys(given: str) -> None:
    keys = ScramKeys.parse(given)
    if keys is None or len(keys.stored_key) != 32 or len(keys.server_key) != 32:
        raise BadArgument("The SCRAM-SHA-256 keys are damaged")
    if not 4096 <= keys.iterations <= MAX_ITERATIONS:
        raise BadArgument(f"SCRAM-SHA-256 keys have 4096 to {MAX_ITERATIONS} iterations here")


def _require_sha_crypt(given: str) -> None:
    form = _ROUNDS.match(given)
    if form is None or len(form[2]) != (86 if given.startswith("$6$") else 43):
        raise BadArgument("The SHA-crypt hash is damaged: its form or length is wrong")
    _require_at_most(int(form[1] or 5000), MAX_CRYPT_ROUNDS, "SHA-crypt rounds")


def _require_at_most(given: int, most: int, what: str) -> None:
    if given > most:
        raise BadArgument(f"The hash asks for {what} of {given}; at most {most} are verified here")
