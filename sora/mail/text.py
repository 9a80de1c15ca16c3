"""Text for search, sorting and preview."""

import re
import unicodedata
from typing import Final

MAX_PREVIEW: Final = 200
"""Characters of a preview (RFC 8970 §3.1)."""

# Enough for a preview when most of it is white space.
_PREVIEW_SOURCE: Final = 4000
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def fold(text: str) -> str:
    """The form in which texts are compared: caseless and compatible (Unicode §3.13, D147)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def clean(text: str) -> str:
    """`text` without what a database cannot store: NUL and lone surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    return _SURROGATES.sub("\ufffd", text)


def one_line(text: str) -> str:
    """`text` with each run of white space as one space, and none at its ends."""
    return " ".join(text.split())


def preview(text: str) -> str:
    """The beginning of a text, on one line, for the list of messages (RFC 8970)."""
    line = one_line(text[:_PREVIEW_SOURCE])
    if len(line) <= MAX_PREVIEW:
        return line
    cut = line[:MAX_PREVIEW]
    # Better to end with a whole word, if the last space is not far away.
    space = cut.rfind(" ", MAX_PREVIEW - 30)
    return cut[:space] if space > 0 and line[MAX_PREVIEW] != " " else cut
