"""All commands that are spoken, by their words."""

from collections.abc import Mapping
from typing import Final

from sora.protocols.managesieve.command import Command
from sora.protocols.managesieve.commands.authenticate import Authenticate
from sora.protocols.managesieve.commands.connection import (
    Capability,
    Logout,
    Noop,
    StartTLS,
    Unauthenticate,
)
from sora.protocols.managesieve.commands.scripts import (
    CheckScript,
    DeleteScript,
    GetScript,
    HaveSpace,
    ListScripts,
    PutScript,
    RenameScript,
    SetActive,
)

_ALL: Final = (
    Authenticate,
    Capability,
    CheckScript,
    DeleteScript,
    GetScript,
    HaveSpace,
    ListScripts,
    Logout,
    Noop,
    PutScript,
    RenameScript,
    SetActive,
    StartTLS,
    Unauthenticate,
)

COMMANDS: Final[Mapping[bytes, type[Command]]] = {kind.word: kind for kind in _ALL}
