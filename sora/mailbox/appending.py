"""Messages that a session puts into mailboxes by name: APPEND and REPLACE."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from attrs import frozen

from sora.deferreds import deferred
from sora.errors import NoSuchMailbox, OverQuota
from sora.mail.flags import Flags
from sora.mail.rights import Rights
from sora.mailbox.events import MailboxEvent, placed_by
from sora.mailbox.places import Place
from sora.mailbox.reach import Reach
from sora.mailbox.rights import no_such_mailbox
from sora.mailbox.selected import Selected
from sora.mailbox.spool import Spool
from sora.storage.rows import Appended, Fate, Placed, Placement, Replaced, Target


@frozen
class NewMessage:
    """A message that is to be appended; `internal_date` None is now."""

    flags: Flags
    internal_date: datetime | None
    spool: Spool


@frozen
class Appending:
    """Puts messages into mailboxes, one's own and those of others in which one may insert."""

    _reach: Reach

    async def append(
        self, name: str, flags: Flags, internal_date: datetime | None, message: Spool
    ) -> Placed:
        """Put a message into a mailbox; durable when this returns.

        One round trip up to `staging_max_size`, also for a name that was not heard of.
        `internal_date` defaults to now. Raises NoSuchMailbox (the caller answers TRYCREATE),
        OverQuota, TooBig, Unavailable.
        """
        place = await self._reach.places.find(name)
        edition = self._reach.open.names.edition(place.owner.account_id)
        [target] = self._targets(place, [NewMessage(flags, internal_date, message)])
        placement = await self._reach.finishing(self._place(place, message, target))
        placed = placement.placed[0]
        if placed.fate is Fate.NO_MAILBOX:
            await self._refuse(place)
        self._reach.open.names.remember(
            place.owner.account_id, place.name, placed.mailbox_id, edition
        )
        if placed.fate is Fate.OVER_QUOTA:
            raise OverQuota()
        return placed

    async def _place(self, place: Place, message: Spool, target: Target) -> Placement:
        placement = await self._reach.rooms.arrivals.place(
            place.owner.scope_id, message, [target], self._reach.new_operation()
        )
        self._reach.open.announce.placed(placement.placed, self._reach.source)
        self._happened(place, placement.placed)
        return placement

    def _happened(self, place: Place, placed: Sequence[Placed]) -> None:
        """Messages have come into a mailbox: there may be a script for that (RFC 6785 §2.2.1)."""
        events, owner = self._reach.rooms.selected.events, place.owner
        if events is None or not events.concern(owner.account_id, "APPEND"):
            return
        actor = self._reach.identity.address
        for mailbox_id, touched in placed_by(placed, events.most).items():
            event = MailboxEvent("APPEND", owner, mailbox_id, place.name, actor, touched)
            events.happened(event)

    async def storable(self, message: Spool, new: Callable[[], Spool]) -> Spool:
        """A message that may have NULs as it is stored (`sora.mail.recoding`): the same, or a
        `new` spool."""
        return await self._reach.rooms.arrivals.deriving.recoded(message, new)

    async def append_all(self, name: str, messages: Sequence[NewMessage]) -> Sequence[Placed]:
        """Put messages into a mailbox, all or none; durable when this returns (RFC 3502).

        One round trip while they are small together (`Arrivals.append`). Raises what `append`
        raises.
        """
        if len(messages) == 1:
            [one] = messages
            return [await self.append(name, one.flags, one.internal_date, one.spool)]
        place = await self._reach.places.find(name)
        return (await self._reach.finishing(self._append(place, messages))).placed

    async def _append(self, place: Place, messages: Sequence[NewMessage]) -> Appended:
        appended = await self._arrive(place, messages, None)
        self._reach.open.announce.placed(appended.placed, self._reach.source)
        self._happened(place, appended.placed)
        return appended

    async def replace(
        self, selected: Selected, uid: int, name: str, message: NewMessage
    ) -> Appended:
        """Put a message into a mailbox and take one of the selected mailbox away, as one change
        (RFC 8508); the view tells what is gone with the next updates.

        One round trip, as `append`. Raises ExpungeIssued when the message is gone already,
        ReadOnly, and what `append` raises: then nothing has changed.
        """
        place = await self._reach.places.find(name)

        @deferred
        async def put(replaced: Replaced) -> Appended:
            appended = await self._arrive(place, [message], replaced)
            self._happened(place, appended.placed)
            return appended

        return await selected.replace(uid, put)

    async def _arrive(
        self, place: Place, messages: Sequence[NewMessage], replaced: Replaced | None
    ) -> Appended:
        owner = place.owner
        edition = self._reach.open.names.edition(owner.account_id)
        spools = [message.spool for message in messages]
        targets = self._targets(place, messages)
        try:
            appended = await self._reach.rooms.arrivals.append(
                owner.scope_id, spools, targets, self._reach.new_operation(), replaced
            )
        except NoSuchMailbox:
            await self._refuse(place)
        mailbox_id = appended.placed[0].mailbox_id
        self._reach.open.names.remember(owner.account_id, place.name, mailbox_id, edition)
        return appended

    async def _refuse(self, place: Place) -> NoReturn:
        """Say why nothing could be put into a mailbox: it is not there, or one may not."""
        self._reach.open.names.forget(place.owner.account_id)
        if not place.is_own:
            await self._reach.having(place, Rights.INSERT)
        raise no_such_mailbox(place.shown)

    def _targets(self, place: Place, messages: Sequence[NewMessage]) -> list[Target]:
        owner_id = place.owner.account_id
        known = None
        if place.is_own:
            # For those of others the statement looks at the rights, and so at the name.
            known = self._reach.open.names.lookup(owner_id, place.name, self._reach.open.alone)
        now = datetime.fromtimestamp(self._reach.rooms.clock.seconds(), UTC)
        return [
            Target(
                account_id=owner_id,
                mailbox_id=known or 0,
                name=place.name if known is None else None,
                internal_date=message.internal_date or now,
                email_id=self._reach.rooms.new_uuid(),
                flags=message.flags,
                asker=place.other,
            )
            for message in messages
        ]
