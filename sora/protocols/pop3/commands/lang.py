"""LANG (RFC 6856 §3): the language of the texts behind +OK and -ERR. There is English."""

from typing import Final, Self

from attrs import define

from sora.errors import BadArgument
from sora.protocols.pop3.command import Command, State
from sora.protocols.pop3.session import Session
from sora.protocols.pop3.wire.arguments import words

LANGUAGES: Final = {"en": "English"}
DEFAULT: Final = "en"


@define
class Lang(Command):
    """LANG [range]; `*` is the server's choice. A range is looked up as RFC 4647 §3.4 does it:
    `en-GB` finds `en`."""

    word = b"LANG"
    states = State.ANY

    range: str | None

    @classmethod
    def parse(cls, rest: bytes) -> Self:
        found = words(rest, 0, 1, "LANG [language]")
        return cls(found[0].decode("ascii", "replace").lower() if found else None)

    async def run(self, session: Session) -> str | None:
        if self.range is None:
            listing = (f"{tag} {name}".encode() for tag, name in LANGUAGES.items())
            await session.lines("Languages:", listing)
            return None
        tag = DEFAULT if self.range == "*" else self.range
        while tag and tag not in LANGUAGES:
            tag = tag.rpartition("-")[0]
        if not tag:
            raise BadArgument("This language is not spoken here; LANG lists those that are")
        return f"{tag} It is {LANGUAGES[tag]}"
