"""Untagged responses that more than one command sends (RFC 3501 §7), each as one line without
`* ` and CRLF."""

from collections.abc import Iterable, Sequence

from sora.mail.flags import SYSTEM_NAMES
from sora.mail.rights import Rights, flags_of
from sora.protocols.imap.wire.write import parenthesised

SYSTEM_FLAGS = tuple(name for _, name in SYSTEM_NAMES)
DELIMITER = b'"/"'


def flags(keywords: Iterable[str]) -> bytes:
    """FLAGS: those that can be in this mailbox (§7.2.6)."""
    return b"FLAGS " + _flag_list((*SYSTEM_FLAGS, *keywords))


def permanent_flags(keywords: Iterable[str], rights: Rights) -> bytes:
    """OK [PERMANENTFLAGS]: those that a client with these rights can change for good (§7.1,
    RFC 4314 §5.1.1)."""
    mask, all_keywords = flags_of(rights)
    names = [name for flag, name in SYSTEM_NAMES if mask & flag]
    if all_keywords:
        names += [*keywords, "\\*"]
    return b"OK [PERMANENTFLAGS " + _flag_list(names) + b"] What can be changed"


def _flag_list(names: Iterable[str]) -> bytes:
    return b"(" + " ".join(names).encode("ascii") + b")"


def listed(word: bytes, attributes: Sequence[str], name: bytes, extended: bytes = b"") -> bytes:
    """LIST and LSUB (§7.2.2, §7.2.3); `name` is as `Session.spelled` writes it, `extended` data
    of RFC 5258 with its space."""
    shown = parenthesised(attribute.encode("ascii") for attribute in attributes)
    return b" ".join((word, shown, DELIMITER, name)) + extended


def renamed(name: bytes, old_name: bytes, attributes: Sequence[str] = ()) -> bytes:
    """LIST of one mailbox, with its OLDNAME where it is another one (RFC 9051 §6.3.9.7)."""
    is_same = old_name in (name, b"")
    return listed(b"LIST", attributes, name, b"" if is_same else b' ("OLDNAME" (%b))' % old_name)


def status(name: bytes, items: Iterable[bytes]) -> bytes:
    """STATUS (§7.2.4); `name` is as `Session.spelled` writes it."""
    return b"STATUS " + name + b" " + parenthesised(items)
