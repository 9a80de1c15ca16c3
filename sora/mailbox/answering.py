"""What is sent in the name of a recipient after a delivery was claimed: vacation replies,
notifications, MDNs; and what is put into his mailboxes besides: copies of them, notices.

It was remembered before (G43): when something of it fails, it is lost, logged, and not repeated.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen
from twisted.logger import Logger

from sora.errors import SoraError
from sora.mail.flags import Flags
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.envelope import Addressee
from sora.mailbox.folders import Folder, FolderRooms, Folders
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.planning import Answer, flags_of, folder_of
from sora.mailbox.spool import Spool
from sora.relay.interfaces import IRelay, RelayOff
from sora.sieve.effects import FileInto
from sora.storage.rows import Operation, Target


@frozen(kw_only=True)
class Answering:
    """Sends answers and files copies of them. Without a `relay` nothing is sent."""

    relay: IRelay | None
    arrivals: Arrivals
    open_mailboxes: OpenMailboxes
    folders: FolderRooms
    new_uuid: Callable[[], UUID]
    spool: Callable[[], Spool] = Spool

    log = Logger()

    async def answer(self, answers: Sequence[Answer], now: datetime, addressee: Addressee) -> None:
        """Send each of them; what goes wrong is logged. `now` is what copies are dated."""
        for answer in answers:
            try:
                await self._one(answer, now, addressee)
            except SoraError as error:
                self.log.warn(
                    "the {what} of {address} is lost: {error}",
                    what=answer.what,
                    address=str(addressee.address),
                    error=error.text,
                )

    async def _one(self, answer: Answer, now: datetime, addressee: Addressee) -> None:
        composed = answer.compose()
        folders = Folders(self.folders, addressee.recipient)
        if answer.is_local:
            await self._file(composed.octets, folders.inbox, Flags(), now, addressee)
            return
        sending = composed.sending
        if self.relay is None:
            raise RelayOff()
        await self.relay.send([(sending.outgoing, sending.content)])
        self.log.info(
            "the {what} of {address} to {to} is on its way",
            what=answer.what,
            address=str(addressee.address),
            to=", ".join(one.address for one in sending.outgoing.recipients),
        )
        if answer.fcc is not None:
            await self._copy(answer.fcc, composed.octets, folders, now, addressee)

    async def _copy(
        self,
        fcc: FileInto,
        octets: bytes,
        folders: Folders,
        now: datetime,
        addressee: Addressee,
    ) -> None:
        """RFC 8580 §3"""
        folder = await folder_of(fcc, folders)
        flags = flags_of(fcc.flags or ())
        await self._file(octets, folder or folders.inbox, flags, now, addressee)

    async def _file(
        self,
        octets: bytes,
        folder: Folder,
        flags: Flags,
        now: datetime,
        addressee: Addressee,
    ) -> None:
        spool = self.spool()
        try:
            spool.write(octets)
            target = Target(
                account_id=folder.account_id,
                mailbox_id=folder.mailbox_id,
                internal_date=now,
                email_id=self.new_uuid(),
                flags=flags,
                asker=addressee.recipient.account_id,
            )
            operation = Operation(
                id=self.new_uuid(), actor=addressee.recipient.address, protocol="lmtp"
            )
            placement = await self.arrivals.place(folder.scope_id, spool, [target], operation)
            self.open_mailboxes.announce.placed(placement.placed)
        finally:
            spool.close()
