"""Response codes (RFC 3501 §7.1, RFC 5530, and those of extensions), with their brackets."""

from collections.abc import Iterable, Sequence

from sora.mail.numbers import NumberSet, in_order


def code(*words: bytes) -> bytes:
    """`[WORD argument]`"""
    return b"[" + b" ".join(words) + b"]"


def capability(names: Iterable[bytes]) -> bytes:
    """RFC 3501 §7.1"""
    return code(b"CAPABILITY", *names)


def append_uid(uidvalidity: int, uids: NumberSet) -> bytes:
    """RFC 4315 §3: where an appended message is."""
    return code(b"APPENDUID", b"%d" % uidvalidity, str(uids).encode())


def copy_uid(uidvalidity: int, sources: Sequence[int], uids: Sequence[int]) -> bytes:
    """RFC 4315 §3: which message went where; sets are in the order of the pairs."""
    return code(
        b"COPYUID", b"%d" % uidvalidity, in_order(sources).encode(), in_order(uids).encode()
    )


def highest_modseq(modseq: int) -> bytes:
    """RFC 7162 §3.1.2.1: up to where the client knows all changes"""
    return code(b"HIGHESTMODSEQ", b"%d" % modseq)


def modified(numbers: NumberSet) -> bytes:
    """RFC 7162 §3.1.3: the messages that UNCHANGEDSINCE has kept as they are"""
    return code(b"MODIFIED", str(numbers).encode())


def bad_url(url: bytes) -> bytes:
    """RFC 4469 §4.1: the URL that was of no use."""
    return b'[BADURL "' + url + b'"]'


def mailbox_id(object_id: str) -> bytes:
    """RFC 8474 §4"""
    return code(b"MAILBOXID", b"(" + object_id.encode("ascii") + b")")


def message_limit(limit: int, lowest: int | None = None) -> bytes:
    """RFC 9738 §3.1: so many messages at most, and the lowest UID of those that were worked on"""
    return code(b"MESSAGELIMIT", *(b"%d" % number for number in (limit, lowest) if number))


def bad_charset(charsets: Sequence[str]) -> bytes:
    """RFC 3501 §7.1: the charsets that are known."""
    return b"[BADCHARSET (" + " ".join(charsets).encode() + b")]"
