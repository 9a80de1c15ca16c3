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
    """The form in which texts are searched: caseless and compatible (Unicode §3.13, D147), and
    decomposed, so that it finds all that i;unicode-casemap finds (RFC 5051, RFC 5255 §4.2)."""
    if text.isascii():
        return text.lower()
    # The dotless i is the only letter that RFC 5051 takes for another one and casefold does not.
    folded = unicodedata.normalize("NFKD", text).casefold().replace("\u0131", "i")
    return unicodedata.normalize("NFKD", folded)


def casemap(text: str) -> str:
    """The form in which texts are sorted, by code point: i;unicode-casemap (RFC 5051 §2)."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(map(_titlecase, text)))


def _titlecase(character: str) -> str:
    """The simple mapping, which is always one character."""
    title = character.title()
    return title if len(title) == 1 else character


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
