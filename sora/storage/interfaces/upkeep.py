"""The database itself: what an operator looks at, and says of it."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.storage.rows import Epoch, Inventory, ServerSettings, ServerStatus


class IUpkeep(Interface):
    """The state of the database, and its epochs."""

    def status(tables: int) -> "Deferred[ServerStatus]":
        """How the server is, with the `tables` largest tables. Works before there is a schema, and
        on a replica."""

    def settings(names: Sequence[str], now: float) -> "Deferred[ServerSettings]":
        """What the server is set to, of these settings those that it knows. `now` is the caller's
        time, in seconds since 1970."""

    def epochs() -> "Deferred[Sequence[Epoch]]":
        """All epochs, the present one last."""

    def promoted(force: bool) -> "Deferred[bool]":
        """The database was set back, by a promotion or a restore: begin a new epoch, unless the
        present one knows of it already. With `force` in any case. Gives whether one began."""

    def inventory(most: int) -> "Deferred[Inventory]":
        """How many accounts and mailboxes there are, without those that were deleted. Up to `most`
        of each are counted; what is more is what the database thinks."""
