"""What is spoken: commands, and what extensions add to them.

A `Dialect` is put together from explicit lists (`sora.protocols.imap.spoken` names them all).
A filter for some clients takes capabilities away with `without`: their commands, items and
options go with them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from sora.mail.threads import Forest, Threadable
from sora.mailbox.selected import Selected
from sora.protocols.imap.capabilities import CORE, Capability, When, mechanisms, offered
from sora.protocols.imap.command import Command
from sora.protocols.imap.fetch_items import FetchItem
from sora.protocols.imap.list_options import ReturnOption, SelectionOption
from sora.protocols.imap.parameters import (
    FetchModifier,
    SearchReturn,
    SelectParameter,
    StoreModifier,
)
from sora.protocols.imap.services import DEFAULT_LIMITS, Limits
from sora.protocols.imap.wire.search_keys import SEARCH_KEYS, ReadKey
from sora.protocols.imap.wire.sort_keys import SORT_KEYS
from sora.storage.rows import MailboxRow, SortBy

if TYPE_CHECKING:
    from sora.protocols.imap.session import Session

StatusItem = Callable[[MailboxRow, "Session"], int | bytes]
"""the value of an item of STATUS, from the mailbox's counters"""

Threading = Callable[[Sequence[Threadable]], Forest]
"""an algorithm of THREAD"""

SelectLine = Callable[[Selected], bytes]
"""an untagged line of SELECT, without `* ` and CRLF"""


@frozen
class Extension:
    """What a capability adds to commands that are there without it.

    `enables` says that ENABLE takes its name (RFC 5161), `implies` what else is enabled with
    it, and `enabled_by` which words of other commands have the same effect: items of FETCH and
    STATUS, parameters, modifiers (RFC 7162 §3.1).
    """

    capability: Capability
    enables: bool = False
    implies: Sequence[bytes] = ()
    enabled_by: Sequence[bytes] = ()
    fetch_items: Mapping[bytes, type[FetchItem]] = field(factory=dict)
    search_keys: Mapping[bytes, ReadKey] = field(factory=dict)
    status_items: Mapping[bytes, StatusItem] = field(factory=dict)
    selection_options: Mapping[bytes, SelectionOption] = field(factory=dict)
    return_options: Mapping[bytes, type[ReturnOption]] = field(factory=dict)
    select_lines: Sequence[SelectLine] = ()
    select_parameters: Mapping[bytes, type[SelectParameter]] = field(factory=dict)
    fetch_modifiers: Mapping[bytes, type[FetchModifier]] = field(factory=dict)
    store_modifiers: Mapping[bytes, type[StoreModifier]] = field(factory=dict)
    search_returns: Mapping[bytes, type[SearchReturn]] = field(factory=dict)
    sort_keys: Mapping[bytes, SortBy] = field(factory=dict)
    thread_algorithms: Mapping[bytes, Threading] = field(factory=dict)


class Dialect:
    """Commands and extensions, and the tables that follow from them."""

    def __init__(
        self,
        *,
        commands: Sequence[type[Command]],
        extensions: Sequence[Extension],
        fetch_items: Mapping[bytes, type[FetchItem]],
        status_items: Mapping[bytes, StatusItem],
        sasl: Sequence[str],
    ) -> None:
        self._base = (fetch_items, status_items)
        self._extensions = tuple(extensions)
        self._command_list = tuple(commands)
        self.sasl = tuple(sasl)
        self.commands = {command.word: command for command in commands}
        self.fetch_items = dict(fetch_items)
        self.search_keys = dict(SEARCH_KEYS)
        self.status_items = dict(status_items)
        self.selection_options: dict[bytes, SelectionOption] = {}
        self.return_options: dict[bytes, type[ReturnOption]] = {}
        self.select_lines: list[SelectLine] = []
        self.select_parameters: dict[bytes, type[SelectParameter]] = {}
        self.fetch_modifiers: dict[bytes, type[FetchModifier]] = {}
        self.store_modifiers: dict[bytes, type[StoreModifier]] = {}
        self.search_returns: dict[bytes, type[SearchReturn]] = {}
        self.sort_keys = dict(SORT_KEYS)
        self.thread_algorithms: dict[bytes, Threading] = {}
        self.enabled_by: dict[bytes, bytes] = {}
        for extension in extensions:
            self.fetch_items.update(extension.fetch_items)
            self.search_keys.update(extension.search_keys)
            self.status_items.update(extension.status_items)
            self.selection_options.update(extension.selection_options)
            self.return_options.update(extension.return_options)
            self.select_lines += extension.select_lines
            self.select_parameters.update(extension.select_parameters)
            self.fetch_modifiers.update(extension.fetch_modifiers)
            self.store_modifiers.update(extension.store_modifiers)
            self.search_returns.update(extension.search_returns)
            self.sort_keys.update(extension.sort_keys)
            self.thread_algorithms.update(extension.thread_algorithms)
            name = extension.capability.name
            self.enabled_by.update((word, name) for word in extension.enabled_by)
        self.enabling = {
            extension.capability.name.upper(): tuple(extension.implies)
            for extension in extensions
            if extension.enables
        }
        """what ENABLE takes, in capitals, and what each implies"""
        self.spelling = {
            extension.capability.name.upper(): extension.capability.name for extension in extensions
        }
        self._capabilities = self._declared()
        self._known = frozenset(item.name for item in self._capabilities)
        self._offered: dict[tuple[When, Limits], tuple[bytes, ...]] = {}

    def _declared(self) -> tuple[Capability, ...]:
        early = (b"ENABLE", b"ID", b"IDLE")  # clients look for these before they log in
        commands = [
            Capability(
                command.capability,
                when=When.ALWAYS if command.capability in early else When.AFTER_LOGIN,
            )
            for command in self._command_list
            if command.capability is not None
        ]
        extensions = [extension.capability for extension in self._extensions]
        return (*CORE, *mechanisms(self.sasl), *commands, *extensions)

    def capabilities(
        self, circumstances: When, limits: Limits = DEFAULT_LIMITS
    ) -> tuple[bytes, ...]:
        """What a session in these circumstances, with these limits, is told of."""
        key = circumstances, limits
        known = self._offered.get(key)
        if known is None:
            known = self._offered[key] = offered(self._capabilities, circumstances, limits)
        return known

    def has(self, capability: bytes) -> bool:
        """Whether the capability is a part of this dialect, in some circumstances."""
        return capability in self._known

    def without(self, *names: bytes) -> "Dialect":
        """The same dialect without these capabilities, and without those that build on them."""
        hidden = set(names)
        while True:
            left = [
                extension
                for extension in self._extensions
                if extension.capability.name not in hidden
            ]
            lost = {
                extension.capability.name
                for extension in left
                if hidden.intersection(extension.capability.needs)
                or hidden.intersection(extension.capability.contains)
            }
            if not lost:
                break
            hidden |= lost
        return Dialect(
            commands=[item for item in self._command_list if item.capability not in hidden],
            extensions=left,
            fetch_items=self._base[0],
            status_items=self._base[1],
            sasl=[name for name in self.sasl if b"AUTH=" + name.encode() not in hidden],
        )

    def adding(self, *extensions: Extension) -> "Dialect":
        """The same dialect with more extensions: those that depend on the configuration."""
        return Dialect(
            commands=self._command_list,
            extensions=[*self._extensions, *extensions],
            fetch_items=self._base[0],
            status_items=self._base[1],
            sasl=self.sasl,
        )
