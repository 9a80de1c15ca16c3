"""The list of all commands that Sora's POP3 speaks. APOP, which needs passwords in the clear, is
not among them."""

from collections.abc import Mapping
from typing import Final

from sora.protocols.pop3.command import Command
from sora.protocols.pop3.commands.auth import Auth
from sora.protocols.pop3.commands.capa import Capa
from sora.protocols.pop3.commands.dele import Dele, Rset
from sora.protocols.pop3.commands.lang import Lang
from sora.protocols.pop3.commands.list import List, Stat, Uidl
from sora.protocols.pop3.commands.noop import Noop
from sora.protocols.pop3.commands.quit import Quit
from sora.protocols.pop3.commands.retr import Retr, Top
from sora.protocols.pop3.commands.stls import Stls
from sora.protocols.pop3.commands.user import Pass, User
from sora.protocols.pop3.commands.utf8 import Utf8

COMMANDS: Final[Mapping[bytes, type[Command]]] = {
    command.word: command
    for command in (
        Auth,
        Capa,
        Dele,
        Lang,
        List,
        Noop,
        Pass,
        Quit,
        Retr,
        Rset,
        Stat,
        Stls,
        Top,
        Uidl,
        User,
        Utf8,
    )
}
