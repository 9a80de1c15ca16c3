"""Orders of large mailboxes, kept in memory for the next SORT.

What SORT orders by never changes as long as a message lives, so the order of those that are left
does not either: who knows the order of all messages has that of any of them. Only what came since
has no place in it. An order is one number of eight octets for each message; those that were not
asked for longest go first.
"""

from array import array
from collections import OrderedDict
from collections.abc import Collection, Sequence

from sora.storage.rows import SortKey

_Name = tuple[int, tuple[SortKey, ...]]


class Orders:
    """Orders by mailbox and keys, in at most `capacity` octets."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._orders: OrderedDict[_Name, tuple[int, array[int]]] = OrderedDict()
        self._octets = 0

    @property
    def octets(self) -> int:
        """How much memory the orders take."""
        return self._octets

    def get(self, mailbox_id: int, keys: Sequence[SortKey], last: int) -> "array[int] | None":
        """The UIDs of a mailbox by these keys, those of messages that are gone among them; None
        when no order is known that has all up to `last`."""
        name = (mailbox_id, tuple(keys))
        known = self._orders.get(name)
        if known is None or known[0] < last:
            return None
        self._orders.move_to_end(name)
        return known[1]

    def put(self, mailbox_id: int, keys: Sequence[SortKey], uids: Collection[int]) -> None:
        """Keep the order of all messages of a mailbox."""
        name, order = (mailbox_id, tuple(keys)), array("Q", uids)
        self._drop(name)
        self._orders[name] = (max(order, default=0), order)
        self._octets += len(order) * order.itemsize
        while self._octets > self._capacity:
            self._drop(next(iter(self._orders)))

    def _drop(self, name: _Name) -> None:
        _, order = self._orders.pop(name, (0, None))
        if order is not None:
            self._octets -= len(order) * order.itemsize
