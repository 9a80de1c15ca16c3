"""ID (RFC 2971)."""

from typing import Self

from attrs import define

from sora.errors import BadSyntax
from sora.protocols.imap.command import Command
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner

MAX_PAIRS = 30
"""RFC 2971 §3.3"""


@define
class Id(Command):
    """ID ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)"""

    word = b"ID"
    capability = b"ID"

    fields: dict[str, str]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        if scan.skip(b"NIL"):
            return cls({})

        def pair() -> tuple[str, str]:
            name = scan.string()
            scan.space()
            value = scan.nstring() or b""
            return name.decode("utf-8", "replace").lower(), value.decode("utf-8", "replace")

        pairs = scan.parenthesised(pair, may_be_empty=True)
        if len(pairs) > MAX_PAIRS:
            raise BadSyntax(f"ID of more than {MAX_PAIRS} fields")
        return cls(dict(pairs))

    async def run(self, session: Session) -> bytes | None:
        session.client = self.fields
        session.untagged(b'ID ("name" "Sora")')
        return None
