"""What an operator can take away over a connection: a user's mail, as one stream."""

from collections.abc import Awaitable, Callable

from attrs import frozen

from sora.errors import NoSuchMailbox
from sora.exchange.counts import Counts
from sora.exchange.ending import Cancelled, Stopped
from sora.exchange.exporter import ExportRooms, export_all
from sora.exchange.maildir_words import Layout, directory_of
from sora.exchange.streams import MboxStream, StreamTarget, TarTarget, ZipTarget
from sora.mail.mailbox_names import name_key
from sora.operations.owners import OwnerLookup

Write = Callable[[bytes], Awaitable[bool]]
"""Sends octets, and waits until more can go; False when nobody is there any more."""


@frozen
class Departure:
    """Mail that is ready to go: of whom, by the primary address; which mailboxes, None for all."""

    rooms: ExportRooms
    account_id: int
    address: str
    target: StreamTarget
    only: frozenset[str] | None = None

    async def go(self, write: Write) -> Counts:
        """Send all of it, and its end only if nothing is missing (`Counts.is_whole`)."""
        threads, target = self.rooms.threads, self.target

        async def sent() -> None:
            while piece := await threads.run(target.take):
                if not await write(piece):
                    raise Stopped(Cancelled("The client has gone away"))

        try:
            counts = await export_all(
                self.rooms, self.account_id, target, self.only, jobs=1, sent=sent
            )
            if counts.is_whole:
                await threads.run(target.end)
                await self._last(sent, counts)
            return counts
        finally:
            await threads.run(target.close)

    async def _last(self, sent: Callable[[], Awaitable[None]], counts: Counts) -> None:
        try:
            await sent()
        except Stopped as stopped:
            counts.stopped = stopped.error


@frozen
class DownloadOperations:
    """Makes mail ready to be sent. `seconds` is the time, in seconds of the epoch."""

    owners: OwnerLookup
    rooms: ExportRooms
    seconds: Callable[[], float]

    async def maildir(
        self, email: str, layout: Layout, only: frozenset[str] | None = None
    ) -> Departure:
        """What `ExportOperations.maildir` writes, as a tar. Raises NoSuchAccount, NoSuchMailbox,
        and BadName for what has no name in this layout."""
        names, departure = await self._ready(email, TarTarget(layout, self.seconds()), only)
        for name in names:
            directory_of(name, layout)
        return departure

    async def mbox(self, email: str, only: frozenset[str] | None = None) -> Departure:
        """What `ExportOperations.mbox` writes, as a ZIP archive. Raises NoSuchAccount,
        NoSuchMailbox."""
        return (await self._ready(email, ZipTarget(self.seconds()), only))[1]

    async def mailbox(self, email: str, name: str) -> Departure:
        """One mailbox, as an mbox. Raises NoSuchAccount, NoSuchMailbox."""
        return (await self._ready(email, MboxStream(), frozenset([name])))[1]

    async def _ready(
        self, email: str, target: StreamTarget, only: frozenset[str] | None
    ) -> tuple[list[str], Departure]:
        account = await self.owners.user(email)
        listing = await self.rooms.mailboxes.list(account.id)
        names = [box.name for box in listing.mailboxes]
        wanted = None if only is None else frozenset(map(name_key, only))
        missing = (wanted or frozenset()).difference(names)
        if missing:
            raise NoSuchMailbox(f"There is no mailbox {min(missing)}")
        chosen = [name for name in names if wanted is None or name in wanted]
        return chosen, Departure(self.rooms, account.id, account.address, target, wanted)
