"""LIST (RFC 3501 §6.3.8) with LIST-EXTENDED (RFC 5258), and LSUB (RFC 3501 §6.3.9)."""

from typing import Self

from attrs import define

from sora.errors import BadSyntax
from sora.mailbox.listing import Listed, Query, list_mailboxes, lsub
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.list_options import ReturnOption, ReturnSubscribed, SelectionOption
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.responses import listed
from sora.protocols.imap.wire.scanner import Scanner

MAX_PATTERNS = 100
"""how many patterns one LIST may have"""


@define
class List(Command):
    """LIST [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]"""

    word = b"LIST"
    states = State.LOGGED_IN

    reference: str
    patterns: list[str]
    selection: frozenset[SelectionOption]
    returns: list[ReturnOption]
    is_extended: bool

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        selection: frozenset[SelectionOption] = frozenset()
        is_extended = dialect.has(b"LIST-EXTENDED") and scan.peek() == b"("
        if is_extended:
            selection = _selection(scan, dialect)
            scan.space()
        reference = scan.list_mailbox()
        scan.space()
        if dialect.has(b"LIST-EXTENDED") and scan.peek() == b"(":
            is_extended = True
            patterns = scan.parenthesised(scan.list_mailbox)
            if len(patterns) > MAX_PATTERNS:
                raise BadSyntax(f"LIST of more than {MAX_PATTERNS} patterns")
        else:
            patterns = [scan.list_mailbox()]
        returns: list[ReturnOption] = []
        if dialect.has(b"LIST-EXTENDED") and scan.skip(b" RETURN "):
            is_extended = True
            returns = scan.parenthesised(lambda: _return(scan, dialect), may_be_empty=True)
        return cls(reference, patterns, selection, returns, is_extended)

    async def run(self, session: Session) -> bytes | None:
        if self.patterns == [""] and not self.is_extended:
            # RFC 3501 §6.3.8: an empty name asks for the delimiter and the root.
            session.untagged(b'LIST (\\Noselect) "/" ""')
            return None
        query = Query(
            reference=self.reference,
            patterns=tuple(self.patterns),
            only_subscribed=SelectionOption.SUBSCRIBED in self.selection,
            only_special_use=SelectionOption.SPECIAL_USE in self.selection,
            recursive_match=SelectionOption.RECURSIVE_MATCH in self.selection,
            return_subscribed=any(isinstance(item, ReturnSubscribed) for item in self.returns),
            is_extended=self.is_extended,
        )
        deleted_sizes = any(option.needs_deleted_size for option in self.returns)
        counted = any(option.needs_counters for option in self.returns)
        listing = await session.account.listing(deleted_sizes, query, counted)
        found = list_mailboxes(listing, query)
        for option in self.returns:
            await option.prepare(found, session)
        for item in found:
            name = session.spelled(item.name)
            session.untagged(listed(b"LIST", item.attributes, name, _child_info(item)))
            for option in self.returns:
                for line in option.lines(item, session):
                    session.untagged(line)
        return None


def _child_info(item: Listed) -> bytes:
    """RFC 5258 §6: why a name is listed that does not match by itself."""
    if not item.child_info:
        return b""
    return (
        b' ("CHILDINFO" (' + b" ".join(b'"%b"' % word.encode() for word in item.child_info) + b"))"
    )


def _selection(scan: Scanner, dialect: Dialect) -> frozenset[SelectionOption]:
    options: set[SelectionOption] = set()
    for word in scan.parenthesised(scan.word, may_be_empty=True):
        option = dialect.selection_options.get(word)
        if option is None:
            raise BadSyntax(f"{word.decode()} is not a selection option of LIST")
        options.add(option)
    if options <= {SelectionOption.RECURSIVE_MATCH, SelectionOption.REMOTE} and (
        SelectionOption.RECURSIVE_MATCH in options
    ):
        # RFC 5258 §3.1: it modifies another option and cannot stand alone.
        raise BadSyntax("RECURSIVEMATCH needs another selection option")
    return frozenset(options)


def _return(scan: Scanner, dialect: Dialect) -> ReturnOption:
    word = scan.word()
    kind = dialect.return_options.get(word)
    if kind is None:
        raise BadSyntax(f"{word.decode()} is not a return option of LIST")
    return kind.parse(scan, dialect)


@define
class Lsub(Command):
    """LSUB SP mailbox SP list-mailbox"""

    word = b"LSUB"
    states = State.LOGGED_IN

    reference: str
    pattern: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        reference = scan.list_mailbox()
        scan.space()
        return cls(reference, scan.list_mailbox())

    async def run(self, session: Session) -> bytes | None:
        if not self.pattern:
            session.untagged(b'LSUB (\\Noselect) "/" ""')
            return None
        query = Query(self.reference, (self.pattern,), only_subscribed=True)
        listing = await session.account.listing(query=query)
        for item in lsub(listing, self.reference, self.pattern):
            session.untagged(listed(b"LSUB", item.attributes, session.spelled(item.name)))
        return None
