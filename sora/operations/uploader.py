"""What an operator can do about bodies that wait for their way to an object store."""

from collections.abc import Sequence

from attrs import frozen

from sora.storage.interfaces import ICopies, IUploads
from sora.storage.rows import Backlog, UploadQueue


@frozen
class UploaderStatus:
    """What waits for the first store, and what is to be copied to others, by their names."""

    uploads: UploadQueue
    copies: dict[str, Backlog]


@frozen
class UploaderOperations:
    """The queue that the workers of all nodes share. `copied_to` are stores that get copies."""

    uploads: IUploads
    copies: ICopies
    copied_to: Sequence[str] = ()

    async def status(self) -> UploaderStatus:
        """What waits. One round trip for each store."""
        queue: UploadQueue = await self.uploads.queue()
        return UploaderStatus(
            queue, {store: await self.copies.backlog(store) for store in self.copied_to}
        )

    async def retry(self) -> int:
        """Let what was refused be tried again now, as if it were new; gives how many that are."""
        uploads: int = await self.uploads.retry()
        copies: int = await self.copies.retry()
        return uploads + copies
