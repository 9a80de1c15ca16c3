"""The result of the last search that was saved, which `$` stands for (RFC 5182)."""

from array import array
from collections.abc import Sequence

from sora.mailbox.view import View


class SavedResult:
    """UIDs of the selected mailbox; messages that the client was told are gone are not among
    them any more (RFC 5182 §2.1)."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """It is empty: a mailbox was selected, or a search that was to be saved has failed."""
        self._uids: Sequence[int] = array("Q")
        self._version = 0

    def keep(self, uids: Sequence[int], view: View) -> None:
        """Remember a result: ascending UIDs that the client knows of."""
        self._uids = array("Q", uids)
        self._version = view.version

    @property
    def octets(self) -> int:
        """What it takes of memory."""
        return len(self._uids) * 8

    def uids(self, view: View) -> Sequence[int]:
        """What it is now, ascending."""
        if self._version != view.version:
            self.keep(view.among(self._uids), view)
        return self._uids
