"""Whose mailboxes an address stands for, as far as this process has heard: a bounded cache.

That an account is deleted is heard of when an entry is too old to be believed. What somebody
may do with the mailboxes is not kept here: every command looks at that.
"""

from collections import OrderedDict
from typing import Final

from twisted.internet.interfaces import IReactorTime

from sora.addresses import Address
from sora.storage.interfaces import IRights
from sora.storage.rows import Owner

MAX_OWNERS: Final = 10_000
BELIEVED_FOR: Final = 60.0
"""Seconds for which an owner is believed."""


class Owners:
    """Owners by who asks, and by address (None: what belongs to the domain)."""

    def __init__(self, rights: IRights, clock: IReactorTime) -> None:
        self._rights = rights
        self._clock = clock
        self._known: OrderedDict[tuple[int, str | None], tuple[Owner, float]] = OrderedDict()

    async def find(self, asker: int, address: Address | None) -> Owner | None:
        """The owner. One round trip when this process has not heard of it lately."""
        key = (asker, None if address is None else address.key)
        known = self._known.get(key)
        if known is not None and self._clock.seconds() - known[1] <= BELIEVED_FOR:
            return known[0]
        found: Owner | None = await self._rights.owner(asker, address)
        if found is not None:
            self._remember(key, found)
        return found

    def remember(self, asker: int, key: str | None, owner: Owner) -> None:
        """Storage has just said so; `key` is that of the owner's address."""
        self._remember((asker, key), owner)

    def _remember(self, key: tuple[int, str | None], owner: Owner) -> None:
        self._known[key] = owner, self._clock.seconds()
        self._known.move_to_end(key)
        if len(self._known) > MAX_OWNERS:
            self._known.popitem(last=False)
