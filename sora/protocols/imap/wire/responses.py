"""Untagged responses that more than one command sends (RFC 3501 §7), each as one line without
`* ` and CRLF."""

from collections.abc import Iterable, Sequence

from sora.mail.flags import SYSTEM_NAMES
from sora.protocols.imap.wire.write import mailbox, parenthesised

SYSTEM_FLAGS = tuple(name for _, name in SYSTEM_NAMES)
DELIMITER = b'"/"'


def flags(keywords: Iterable[str]) -> bytes:
    """FLAGS: those that can be in this mailbox (§7.2.6)."""
    return b"FLAGS " + _flag_list((*SYSTEM_FLAGS, *keywords))


def permanent_flags(keywords: Iterable[str], read_only: bool) -> bytes:
    """OK [PERMANENTFLAGS]: those that a client can change for good (§7.1)."""
    names = () if read_only else (*SYSTEM_FLAGS, *keywords, "\\*")
    return b"OK [PERMANENTFLAGS " + _flag_list(names) + b"] What can be changed"


def _flag_list(names: Iterable[str]) -> bytes:
    return b"(" + " ".join(names).encode("ascii") + b")"


def listed(word: bytes, attributes: Sequence[str], name: str, extended: bytes = b"") -> bytes:
    """LIST and LSUB (§7.2.2, §7.2.3); `extended` is data of RFC 5258 with its space."""
    return (
        b" ".join(
            (word, parenthesised(a.encode("ascii") for a in attributes), DELIMITER, mailbox(name))
        )
        + extended
    )


def status(name: str, items: Iterable[bytes]) -> bytes:
    """STATUS (§7.2.4)."""
    return b"STATUS " + mailbox(name) + b" " + parenthesised(items)
