"""CANCELUPDATE (RFC 5267 §4.3.5)."""

from typing import Self

from attrs import define

from sora.errors import BadSyntax
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.contexts import MAX_CONTEXTS
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner


@define
class CancelUpdate(Command):
    """CANCELUPDATE 1*(SP quoted): tags of searches that nobody wants to hear of any more"""

    word = b"CANCELUPDATE"
    states = State.SELECTED

    tags: list[bytes]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        if not dialect.has(b"CONTEXT=SEARCH"):
            raise BadSyntax("There is no command CANCELUPDATE")
        tags: list[bytes] = []
        while not tags or not scan.at_end:
            scan.space()
            tags.append(scan.quoted())
            if len(tags) > MAX_CONTEXTS:
                raise BadSyntax(f"There are at most {MAX_CONTEXTS} contexts")
        return cls(tags)

    async def run(self, session: Session) -> bytes | None:
        for tag in self.tags:
            if tag not in session.contexts:
                raise BadSyntax("No search with UPDATE has this tag")
        for tag in self.tags:
            session.contexts.cancel(tag)
        return b"No further updates"
