"""Comparators beyond those that every script may use (RFC 5228 §2.7.3): i;ascii-numeric (RFC 4790
§9.1) and i;unicode-casemap (RFC 5051)."""

from typing import Final

from sora.sieve.comparators import CASEMAP, NUMERIC, OCTET, UNICODE
from sora.sieve.extension import Extension

ALWAYS: Final = tuple(Extension(f"comparator-{one.name}") for one in (OCTET, CASEMAP))
"""They may be required, and need not be."""
ASCII_NUMERIC: Final = Extension("comparator-i;ascii-numeric", comparators=(NUMERIC,))
UNICODE_CASEMAP: Final = Extension("comparator-i;unicode-casemap", comparators=(UNICODE,))
