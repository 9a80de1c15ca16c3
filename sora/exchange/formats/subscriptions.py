"""`subscriptions` in the root of a Dovecot's mail.

Version 2 begins with `V<tab>2` and an empty line, then a line for each name, with tabs between its
levels; in it \\001 escapes (`\\0011` itself, `\\001t` a tab, `\\001r`, `\\001n`). Version 1 has a
name in each line, with the separator of the layout between its levels.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from sora.errors import BadName
from sora.exchange.formats.maildir import folder_of
from sora.mail.mailbox_names import DELIMITER, encode_utf7

FILES: Final = ("subscriptions", "courierimapsubscribed")
_ESCAPES: Final = {b"0": b"\0", b"1": b"\1", b"t": b"\t", b"r": b"\r", b"n": b"\n"}
_ESCAPED: Final = re.compile(rb"\x01(.)")
_COURIER: Final = b"INBOX."


def parse_subscriptions(data: bytes, separator: bytes) -> Iterator[str]:
    """The names, as Sora calls them; those that cannot be a mailbox's are left out. `separator` is
    that of version 1. Names below INBOX are Courier's way to write those beside it."""
    lines = data.split(b"\n")
    is_second = lines[0] == b"V\t2"
    for line in lines[1:] if is_second else lines:
        levels = [_unescaped(level) for level in line.split(b"\t")] if is_second else None
        if not line:
            continue
        if levels is None:
            name = line.rstrip(b"\r")
            if separator == b"." and name.startswith(_COURIER):
                name = name[len(_COURIER) :]
            levels = name.split(separator)
        try:
            yield folder_of(levels)
        except BadName:
            continue


def subscriptions_text(names: Iterable[str]) -> bytes:
    """The file, in version 2."""
    lines = [b"\t".join(encode_utf7(level) for level in name.split(DELIMITER)) for name in names]
    return b"V\t2\n\n" + b"".join(line + b"\n" for line in lines)


def _unescaped(level: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), level)
