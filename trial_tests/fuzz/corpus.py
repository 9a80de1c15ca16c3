"""What fuzzing begins with: all that the dialogues of the tests say, and all shapes of messages."""

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from sora.protocols.imap.spoken import DIALECT
from trial_tests.support.messages import SHAPES, sample_messages
from trial_tests.support.nasty_messages import damaged, nasty_message

_DIALOGUES: Final = Path(__file__).parent.parent / "protocols" / "imap"
_TURN: Final = re.compile(r"^ *C: ?(.*)$", re.MULTILINE)
_DIALOGUE: Final = re.compile(r'"""(.*?)"""', re.DOTALL)


@cache
def sessions() -> list[bytes]:
    """What the clients of each dialogue say, from LOGIN on."""
    login = b"l LOGIN fred secret\r\ns SELECT INBOX\r\n"
    return [login + text for text in dialogues_below(_DIALOGUES)]


def dialogues_below(directory: Path) -> list[bytes]:
    """What the clients of each dialogue of these tests say."""
    found = []
    for file in sorted(directory.rglob("test_*.py")):
        for dialogue in _DIALOGUE.findall(file.read_text()):
            lines = _TURN.findall(dialogue)
            if lines:
                found.append("".join(f"{line}\r\n" for line in lines).encode())
    return found


@cache
def commands() -> list[bytes]:
    """Complete commands, with their literals; each word of the dialect at least once."""
    found = [b"a %s x" % word for word in DIALECT.commands]
    for text in sessions():
        # A line that ends in a literal goes on with what follows.
        found += re.split(rb"(?<!\})\r\n", text)
    return list(dict.fromkeys(found))


@cache
def messages() -> list[bytes]:
    """Shapes, samples, and generated ones."""
    random = Random(7)
    made = [nasty_message(random) for _ in range(100)]
    return [*SHAPES.values(), *sample_messages(40, 3), *made, *(damaged(random, m) for m in made)]


@cache
def words() -> list[bytes]:
    """Words of the protocol, for mutations."""
    known: set[bytes] = {*DIALECT.commands, *DIALECT.fetch_items, *DIALECT.search_keys}
    known |= {*DIALECT.status_items, *DIALECT.selection_options, *DIALECT.return_options}
    text = b" ".join(commands())
    return sorted(known | set(re.findall(rb"[A-Za-z$\\.\-=]{2,24}", text)))


PIECES: Final = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"(", b")", b"[", b"]", b"<", b">", b'"', b"\\", b"{", b"}",
    b"{0}\r\n", b"{3}\r\nabc", b"{3+}\r\nabc", b"~{3}\r\na\0c", b"{99999999999}\r\n", b"*", b"1:*",
    b"1,2:4", b"4294967295", b"4294967296", b"18446744073709551616", b"-1", b"0", b"NIL", b"\xff",
    b"\xc3\xa9", b"&AOQ-", b"&", b"%", b"~", b"+", b"=", b"1-Jan-2024", b"\x80" * 9, b"(" * 60,
    b'"1-Jan-2024 00:00:00 +0000"', b"INBOX", b"UTF-8", b"\t", b"a " * 30, b"x" * 300, b"/",
)  # fmt: skip
"""Pieces that are special somewhere."""
