"""Which mailboxes a search of several looks into (RFC 7377 §2.2), as values."""

from collections.abc import Iterator

from attrs import frozen

from sora.errors import TooMany
from sora.mail.mailbox_names import DELIMITER, name_key
from sora.mail.rights import Rights
from sora.protocols.imap.wire.scanner import Scanner
from sora.storage.rows import Listing

MAX_NAMES = 1000
"""how many mailboxes one search may look into"""


@frozen
class Sources:
    """source-mbox: `filters` are pairs of a word in capitals and the names behind it."""

    filters: tuple[tuple[bytes, tuple[str, ...]], ...] = ((b"SELECTED", ()),)

    @classmethod
    def read(cls, scan: Scanner) -> "Sources":
        """[SP "IN" SP "(" source-mbox ")"], where source-mbox = filter-mailboxes
        *(SP filter-mailboxes); no scope-options are known."""
        if not scan.skip(b" IN "):
            return cls()
        found = scan.parenthesised(lambda: _filter(scan))
        if sum(len(names) for _, names in found) > MAX_NAMES:
            raise TooMany(f"A search in more than {MAX_NAMES} names")
        return cls(tuple(found))

    @property
    def selected(self) -> bool:
        """Whether the selected mailbox is asked for by that word."""
        return any(word == b"SELECTED" for word, _ in self.filters)

    @property
    def only_selected(self) -> bool:
        """Whether there is no other source."""
        return all(word == b"SELECTED" for word, _ in self.filters)

    def names(self, listing: Listing, account_id: int) -> list[str]:
        """The mailboxes besides, each once, as the client knows them. What is named itself may
        not exist; what is found may be listed and read (§2.2: `l` and `r`). Raises TooMany."""
        readable = {
            name_key(row.name): row
            for row in listing.mailboxes
            if Rights.LOOKUP | Rights.READ in row.rights
        }
        subscribed = set(map(name_key, listing.subscriptions))
        chosen: dict[str, str] = {}
        for word, named in self.filters:
            keys = [name_key(name) for name in named]
            if word == b"MAILBOXES":
                chosen.update(zip(keys, named, strict=True))
                continue
            for key, row in readable.items():
                if _covers(word, keys, key, row.account_id == account_id, key in subscribed):
                    chosen.setdefault(key, row.name)
        if len(chosen) > MAX_NAMES:
            raise TooMany(f"A search in more than {MAX_NAMES} mailboxes")
        return list(chosen.values())


def _filter(scan: Scanner) -> tuple[bytes, tuple[str, ...]]:
    """filter-mailboxes of RFC 5465 §8, with "subtree-one" and without "selected-delayed" """
    word = scan.word()
    if word in (b"SELECTED", b"INBOXES", b"PERSONAL", b"SUBSCRIBED"):
        return word, ()
    if word not in (b"SUBTREE", b"SUBTREE-ONE", b"MAILBOXES"):
        raise scan.error(f"{word.decode()} is no source of a search;")
    scan.space()
    if scan.peek() == b"(":
        return word, tuple(scan.parenthesised(scan.mailbox))
    return word, (scan.mailbox(),)


def _covers(word: bytes, keys: list[str], name: str, is_own: bool, is_subscribed: bool) -> bool:
    match word:
        case b"PERSONAL" | b"INBOXES":  # mail may be delivered to any of them (RFC 5465 §6.3)
            return is_own
        case b"SUBSCRIBED":
            return is_subscribed
        case b"SUBTREE":
            return any(above in keys for above in _upwards(name))
        case b"SUBTREE-ONE":
            return name in keys or name.rpartition(DELIMITER)[0] in keys
        case _:
            return False


def _upwards(name: str) -> Iterator[str]:
    """The name, and those of all levels above it."""
    while name:
        yield name
        name = name.rpartition(DELIMITER)[0]
