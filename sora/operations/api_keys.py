"""Keys of the HTTP API: how they are made, and what of them is written into a configuration."""

from hashlib import sha256
from secrets import token_hex
from typing import Final

OCTETS: Final = 32
"""of chance, in a key"""
LEAST: Final = 16
"""characters of a key that somebody has made"""


def new_key() -> str:
    """A key that nobody can guess."""
    return token_hex(OCTETS)


def digest_of(key: str) -> str:
    """What is written into a configuration in the place of a key: `sha256:` and hexadecimal."""
    return "sha256:" + sha256(key.encode()).hexdigest()
