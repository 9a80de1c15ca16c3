"""index (RFC 5260 §6): `:index` and `:last` choose one of several fields of a name.

What they do is in `fields.chosen`, which all tests of header fields use.
"""

from typing import Final

from sora.sieve.call import Call
from sora.sieve.checking import Checking
from sora.sieve.extension import Extension, Kind, Tag


def check_index(checking: Checking, call: Call) -> None:
    """Fields are counted from 1."""
    if call.number("index") < 1:
        checking.error(call.ats["index"], "':index' counts from 1")


def check_last(checking: Checking, call: Call) -> None:
    """RFC 5260 §6: `:last` without `:index` is an error."""
    if not call.has("index"):
        checking.error(call.ats["last"], "':last' needs ':index'")


TAGS: Final = (
    Tag("index", Kind.NUMBER, check=check_index),
    Tag("last", check=check_last),
)

EXTENSION: Final = Extension("index", tags=dict.fromkeys(("header", "address", "date"), TAGS))
