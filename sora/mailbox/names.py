"""Which mailbox stands behind a name, as far as this process has heard: a bounded cache.

An entry is sure while this process alone writes to the database. Otherwise somebody else may
rename, and it is believed for a short time only.
"""

from collections import OrderedDict
from itertools import count
from typing import Final

from twisted.internet.interfaces import IReactorTime

from sora.mail.mailbox_names import name_key

MAX_ACCOUNTS: Final = 10_000
BELIEVED_FOR: Final = 5.0
"""Seconds for which a name is believed while other processes write too."""


class Names:
    """Mailbox ids by account and name."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._accounts: OrderedDict[int, dict[str, tuple[int, float]]] = OrderedDict()
        self._forgotten: OrderedDict[int, int] = OrderedDict()
        self._all_forgotten = 0
        self._count = count(1)

    def edition(self, account_id: int) -> int:
        """Another number whenever something of the account was forgotten: what storage was asked
        before that may be out of date when its answer comes."""
        return self._forgotten.get(account_id, self._all_forgotten)

    def remember(self, account_id: int, name: str, mailbox_id: int, edition: int) -> None:
        """Storage has said so, asked in this edition; an older one is passed over."""
        if edition != self.edition(account_id):
            return
        names = self._accounts.setdefault(account_id, {})
        names[name_key(name)] = (mailbox_id, self._clock.seconds())
        self._accounts.move_to_end(account_id)
        if len(self._accounts) > MAX_ACCOUNTS:
            self._accounts.popitem(last=False)

    def lookup(self, account_id: int, name: str, alone: bool) -> int | None:
        """The mailbox of this name, None if that is not known for sure."""
        found = self.last_heard(account_id, name)
        if found is None or (not alone and self._clock.seconds() - found[1] > BELIEVED_FOR):
            return None
        return found[0]

    def last_heard(self, account_id: int, name: str) -> tuple[int, float] | None:
        """The mailbox that had this name when it was last heard of, and when that was."""
        return self._accounts.get(account_id, {}).get(name_key(name))

    def forget(self, account_id: int) -> None:
        """Something was renamed or deleted."""
        self._accounts.pop(account_id, None)
        self._forgotten[account_id] = next(self._count)
        self._forgotten.move_to_end(account_id)
        if len(self._forgotten) > MAX_ACCOUNTS:
            self._all_forgotten = self._forgotten.popitem(last=False)[1]

    def forget_all(self) -> None:
        """Somebody else may have renamed or deleted anything."""
        self._accounts.clear()
        self._forgotten.clear()
        self._all_forgotten = next(self._count)
