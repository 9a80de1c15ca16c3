"""What SEARCH, SORT and THREAD find in a mailbox, as one client knows it.

What the state of the mailbox knows (flags, UIDs, modseqs) is looked for there; storage is asked for
the rest, and only about the messages that still come into question.

Messages that are gone are found as long as the client was not told so: it has them, under numbers
(RFC 3501 §7.4.1). Storage keeps them, with the flags that they had at last; and since it may know
of an expunge before this process does, each search looks among all that went after what the client
was told.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from sora.mail.criteria import All, And, Criterion, UidIn, needs_storage
from sora.mail.numbers import NumberSet
from sora.mailbox.local_search import search as search_locally
from sora.mailbox.orders import Orders
from sora.mailbox.state import MailboxState
from sora.mailbox.view import View
from sora.storage.interfaces import IMessages
from sora.storage.rows import SortBy, SortKey, ThreadRow

FEW: Final = 1000
"""Messages that storage is asked about by their UIDs."""


class Finding:
    """Searches in the selected mailbox of one session."""

    def __init__(
        self, messages: IMessages, orders: Orders, state: MailboxState, view: View
    ) -> None:
        self._messages = messages
        self._orders = orders
        self._state = state
        self._view = view

    async def search(self, criterion: Criterion) -> list[int]:
        """The UIDs, known to this client, that match, ascending. At most one round trip; none when
        flags, UIDs and modseqs are all it asks for, and no EXPUNGE waits to be told."""
        found: Sequence[int] = ()
        if not needs_storage(criterion):
            found = search_locally(self._state, criterion)
            if gone := await self._gone(criterion):
                found = sorted([*found, *gone])
        elif (narrowed := self._narrowed(criterion)) is not None:
            found = await self._messages.search(
                self._state.mailbox_id, narrowed, self._view.gone_since
            )
        # A client knows the beginning of what is there.
        return list(found[: bisect_right(found, self._view.last)])

    async def _gone(self, criterion: Criterion) -> Sequence[int]:
        """Those that match of the messages that are gone."""
        gone = self._view.gone()
        if not gone:
            return ()
        among = And((UidIn(NumberSet.ascending(gone)), criterion))
        return await self._messages.search(self._state.mailbox_id, among, self._view.gone_since)

    async def sort(self, criterion: Criterion, keys: Sequence[SortKey]) -> list[int]:
        """The UIDs, known to this client, that match, in the order of the keys. At most one
        round trip; none for many messages of a mailbox whose order is known, when flags,
        UIDs and modseqs are all that is asked for."""
        narrowed = self._narrowed(criterion)
        if narrowed is None:
            return []
        by_score = any(key.by is SortBy.RELEVANCY for key in keys)
        is_narrow = narrowed is not criterion or self._view.holds_gone
        if needs_storage(criterion) or is_narrow or by_score:
            found = await self._messages.sort(
                self._state.mailbox_id, narrowed, keys, self._view.gone_since
            )
            return list(filter(self._view.last.__ge__, found))
        among = search_locally(self._state, criterion)
        order = await self._order(keys, among[-1])
        chosen = set(among[: bisect_right(among, self._view.last)])
        return list(filter(chosen.__contains__, order))

    async def _order(self, keys: Sequence[SortKey], last: int) -> Sequence[int]:
        """The order of all messages, `last` among them."""
        mailbox_id, orders = self._state.mailbox_id, self._orders
        order = orders.get(mailbox_id, keys, last)
        if order is not None:
            return order
        found = await self._messages.sort(mailbox_id, All(), keys)
        orders.put(mailbox_id, keys, found)
        return found

    async def threads(self, criterion: Criterion) -> list[ThreadRow]:
        """What THREAD needs of the messages, known to this client, that match, ascending by
        UID. At most one round trip."""
        narrowed = self._narrowed(criterion)
        if narrowed is None:
            return []
        rows = await self._messages.threads(self._state.mailbox_id, narrowed, self._view.gone_since)
        last = self._view.last
        return [row for row in rows if row.uid <= last]

    async def relevance(self, criterion: Criterion, uids: Sequence[int]) -> list[int]:
        """The scores of messages (RFC 6203 §4), in the order of the UIDs. One round trip."""
        scores = await self._messages.relevance(
            self._state.mailbox_id, criterion, NumberSet.of(uids)
        )
        return [scores.get(uid, 1) for uid in uids]

    def _narrowed(self, criterion: Criterion) -> Criterion | None:
        """What storage is asked for: among the messages that come into question by what the state
        knows of them, if they are few; None when there are none. Of what is gone it knows
        nothing any more."""
        parts = criterion.parts if isinstance(criterion, And) else (criterion,)
        known = [part for part in parts if not needs_storage(part)]
        if not known:
            return criterion
        gone = self._view.gone()
        found = search_locally(self._state, And(tuple(known)))
        if len(found) + len(gone) > FEW:
            return criterion
        if not found and not gone:
            return None
        few = UidIn(NumberSet.of([*found, *gone]))
        left = parts if gone else [part for part in parts if needs_storage(part)]
        return And((few, *left)) if left else few
