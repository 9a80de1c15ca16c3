"""Names of Sieve scripts (RFC 5804 §1.6): Net-Unicode (RFC 5198), so UTF-8 in NFC."""

import re
import unicodedata
from typing import Final

from sora.errors import BadName

MAX_NAME: Final = 128
"""characters of a name; a server has to allow as many"""

# C0, DEL, C1, the line and paragraph separators, and lone surrogates, which are not UTF-8.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def script_name(text: str) -> str:
    """The name under which a script is kept. Raises BadName."""
    if not text:
        raise BadName("The name of a script cannot be empty")
    if len(text) > 2 * MAX_NAME:
        raise _too_long()
    name = unicodedata.normalize("NFC", text)
    if len(name) > MAX_NAME:
        raise _too_long()
    if _FORBIDDEN.search(name):
        raise BadName("The name of a script cannot have control characters")
    return name


def _too_long() -> BadName:
    return BadName(f"The name of a script has at most {MAX_NAME} characters")
