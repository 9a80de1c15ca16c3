"""HTML -> the text that a reader sees, for search and preview.

Not a parser of HTML: the source is cut at each "<", and each piece is a tag and the text after it.
That is linear in the source for anything that arrives, and fast.
"""

import html
import re
from typing import Final

# Their begin and end separate words; everything else ("<b>", "<span>") does not.
_BLOCKS: Final = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4",
    "h5", "h6", "head", "header", "hr", "html", "legend", "li", "main", "nav", "ol", "option",
    "p", "pre", "section", "select", "table", "tbody", "td", "tfoot", "th", "thead", "title",
    "tr", "ul",
))  # fmt: skip
_HIDDEN: Final = frozenset(("script", "style", "title", "template"))
_TAG: Final = re.compile(r"(/?)([A-Za-z][A-Za-z0-9:-]{0,40})")
# No possessive group: Python before 3.11.5 restores a wrong place after one that failed.
_REST: Final = re.compile(r"(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*>")
# Bounded, because a number of a million digits is work, and refused by `int`.
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")


def to_text(source: str) -> str:
    """The visible text, one line for each block, with runs of white space as one space."""
    text = _without_tags(" ".join(source.split()))
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join([line for line in lines if line])


def _without_tags(source: str) -> str:
    first, *pieces = source.split("<")
    kept = [first]
    comment = False
    hidden = ""
    for piece in pieces:
        if comment or piece.startswith("!--"):
            end = piece.find("-->", 0 if comment else 1)
            comment = end < 0
            if not comment and not hidden:
                kept.append(piece[end + 3 :])
            continue
        tag = _TAG.match(piece)
        if tag is None:
            if not hidden:
                # A declaration, or a "<" that begins no tag.
                kept.append(piece.partition(">")[2] if piece[:1] in "!?/" else "<" + piece)
            continue
        name = tag[2].lower()
        if hidden:
            if not (tag[1] and name == hidden):
                continue
            hidden = ""
        elif name in _HIDDEN and not tag[1]:
            hidden = name
            continue
        rest = _REST.match(piece, tag.end())
        end = rest.end() if rest else piece.find(">") + 1
        if name in _BLOCKS:
            kept.append("\n")
        if end:
            kept.append(piece[end:])
    return "".join(kept)
