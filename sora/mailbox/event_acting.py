"""What scripts want done because of what a client did to messages (RFC 6785 §3).

Messages are immutable, and they stay: to discard one, or to file or send it without keeping it,
marks it with \\Deleted; what was edited is filed as a new message and never kept. Whatever fails
leaves the message as it is. Nothing that is done here is an event (§6).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from attrs import Factory, define, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sora.errors import ExpungeIssued, SoraError
from sora.mail.flags import DELETED, Flags, fold_keyword
from sora.mail.numbers import NumberSet
from sora.mailbox.answering import Answering
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.crossing import Crossing
from sora.mailbox.events import MailboxEvent, Touched
from sora.mailbox.folders import Folder, Folders
from sora.mailbox.notices import EVERY, trouble_memory, trouble_notice
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.planning import Answer, flags_of, folder_of
from sora.mailbox.spool import Spool
from sora.mailbox.state import Change
from sora.mailbox.stored import Occasions, ReadsBodies, StoredSending, StoredText, addressee_of
from sora.mailbox.wishes import Trouble, Version, Wishes
from sora.sieve.effects import FileInto, Notify, Redirect
from sora.storage.interfaces import IMessages
from sora.storage.rows import (
    Copied,
    FlagChange,
    Operation,
    Recipient,
    StoredMessage,
    Target,
)

MOST_TOLD: Final = 10_000
"""Notices that are remembered."""


@frozen
class Decided:
    """A message, what the client made of it, and what scripts want done with it."""

    message: StoredMessage
    touched: Touched
    wishes: Wishes


class Told:
    """Which notices there were lately, in this process."""

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[int, bytes], float] = OrderedDict()

    def is_news(self, key: tuple[int, bytes], now: float) -> bool:
        """Whether a notice is due; it is remembered then."""
        if self._until.get(key, 0.0) > now:
            return False
        self._until[key] = now + EVERY
        self._until.move_to_end(key)
        if len(self._until) > MOST_TOLD:
            self._until.popitem(last=False)
        return True


@define
class _Batch:
    """What is done with several messages together: copies by folder, with the flags that they get
    if those are not the message's; flags that are added and removed; what is marked as deleted,
    by the folders that it has to be in before."""

    copies: dict[tuple[Folder, Flags | None], list[int]] = Factory(dict)
    flags: dict[FlagChange, list[int]] = Factory(dict)
    deletes: list[int] = Factory(list)


@frozen(kw_only=True)
class EventActing:
    """Does it, in the name of the mailbox's owner. `sending` is None when there is no relay.
    `answering` puts notices into INBOX, and `told` remembers which there were."""

    messages: IMessages
    arrivals: Arrivals
    bodies: ReadsBodies
    open_mailboxes: OpenMailboxes
    crossing: Crossing
    sending: StoredSending | None
    answering: Answering
    occasions: Occasions
    clock: IReactorTime
    new_uuid: Callable[[], UUID]
    spool: Callable[[], Spool] = Spool
    told: "Told" = Factory(lambda: Told())

    log = Logger()

    async def act(
        self,
        event: MailboxEvent,
        recipient: Recipient,
        folders: Folders,
        decided: Sequence[Decided],
    ) -> None:
        """Do what is wanted for these messages."""
        batch = _Batch()
        for one in decided:
            if one.wishes.trouble is not None:
                await self._tell(event, recipient, one, one.wishes.trouble)
                continue
            try:
                await self._decide(event, recipient, folders, one, batch)
            except SoraError as error:
                self._stays(recipient, one.message.uid, error.text)
        await self._do(event, recipient, batch)

    async def _tell(
        self, event: MailboxEvent, recipient: Recipient, one: Decided, trouble: Trouble
    ) -> None:
        """A script has failed: a line in the log, and for one's own script a notice in INBOX, once
        a day for the same error (G45)."""
        self.log.warn(
            "the script {script!r} ({where}) of {address} failed for {cause} in {mailbox!r}, and"
            " the message {uid} stays as it is: {text}",
            script=trouble.script,
            where=trouble.where,
            address=recipient.address,
            cause=event.cause,
            mailbox=event.mailbox,
            uid=one.message.uid,
            text=trouble.text,
        )
        key = (recipient.account_id, trouble_memory(trouble).key)
        if trouble.where != "user" or not self.told.is_news(key, self.clock.seconds()):
            return
        now = self._now()
        occasion = self.occasions.of(one.message, recipient, now)
        place = f"in {event.mailbox!r}, as it was"
        notice = Answer(
            "notice of a script's error",
            lambda: trouble_notice(trouble, occasion, place),
            is_local=True,
        )
        await self.answering.answer([notice], now, addressee_of(recipient))

    def _stays(self, recipient: Recipient, uid: int, reason: str) -> None:
        self.log.warn(
            "what a script of {address} wants for the message {uid} is not done: {reason}",
            address=recipient.address,
            uid=uid,
            reason=reason,
        )

    # -------------------------------------------------------------- one message

    async def _decide(
        self,
        event: MailboxEvent,
        recipient: Recipient,
        folders: Folders,
        one: Decided,
        batch: _Batch,
    ) -> None:
        """Send and file what is of this message alone; note the rest."""
        uid, wishes = one.message.uid, one.wishes
        stays, flags = wishes.keep is not None, wishes.keep.flags if wishes.keep else None
        copies: list[tuple[Folder, Flags | None]] = []
        for wish in wishes.actions:
            action = wish.action
            if isinstance(action, FileInto):
                folder = await folder_of(action, folders)
                if folder is None:
                    self._stays(recipient, uid, f"there is no mailbox {action.mailbox!r}")
                    stays = True
                elif wish.version.edits:
                    await self._file(folder, action, wish.version, one.message, recipient)
                elif folder.mailbox_id == event.mailbox_id:
                    stays, flags = True, action.flags
                else:
                    copies.append((folder, _if_others(action.flags, one.touched)))
            elif isinstance(action, Redirect):
                reason = await self._redirect(action, wish.version, one.message, recipient)
                if reason is not None:
                    self._stays(recipient, uid, reason)
                    stays = True
        await self._notify(wishes, one.message, recipient)
        for copy in copies:
            batch.copies.setdefault(copy, []).append(uid)
        if not stays:
            batch.deletes.append(uid)
            return
        for change in _changes(flags, one.touched):
            batch.flags.setdefault(change, []).append(uid)

    async def _redirect(
        self, action: Redirect, version: Version, message: StoredMessage, recipient: Recipient
    ) -> str | None:
        if self.sending is None:
            return "there is no relay ([relay])"
        return await self.sending.redirect(action, version, message, recipient, self._now())

    async def _notify(self, wishes: Wishes, message: StoredMessage, recipient: Recipient) -> None:
        wanted = [wish.action for wish in wishes.actions if isinstance(wish.action, Notify)]
        if not wanted:
            return
        reason: str | None = "there is no relay ([relay])"
        if self.sending is not None:
            reason = await self.sending.notify(wanted, message, recipient, self._now())
        if reason is not None:
            self.log.info(
                "no notification of {address}: {reason}", address=recipient.address, reason=reason
            )

    async def _file(
        self,
        folder: Folder,
        action: FileInto,
        version: Version,
        message: StoredMessage,
        recipient: Recipient,
    ) -> None:
        """An edited message is a new one (§3.3, §3.7)."""
        spool = self.spool()
        try:
            spool.write(await StoredText(self.bodies, message).whole(version))
            target = Target(
                account_id=folder.account_id,
                mailbox_id=folder.mailbox_id,
                internal_date=message.internal_date,
                email_id=self.new_uuid(),
                flags=flags_of(action.flags or ()),
                trace=message.trace or b"",
                asker=recipient.account_id,
            )
            placement = await self.arrivals.place(
                folder.scope_id, spool, [target], self._operation(recipient)
            )
            self.open_mailboxes.announce.placed(placement.placed)
        finally:
            spool.close()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self.clock.seconds()), UTC)

    # -------------------------------------------------------------- several together

    async def _do(self, event: MailboxEvent, recipient: Recipient, batch: _Batch) -> None:
        failed: set[int] = set()
        for (folder, flags), uids in batch.copies.items():
            try:
                await self._copy(event, recipient, folder, flags, uids)
            except SoraError as error:
                failed.update(uids)
                self._stays(recipient, uids[0], error.text)
        gone = [uid for uid in batch.deletes if uid not in failed]
        if gone:
            batch.flags.setdefault(FlagChange("add", Flags(DELETED)), []).extend(gone)
        for change, uids in batch.flags.items():
            await self._flag(event.mailbox_id, uids, change, recipient)

    async def _copy(
        self,
        event: MailboxEvent,
        recipient: Recipient,
        folder: Folder,
        flags: Flags | None,
        uids: Sequence[int],
    ) -> None:
        async def copying() -> Copied:
            asker = None if folder.account_id == event.owner.account_id else recipient.account_id
            copied: Copied = await self.messages.copy(
                event.mailbox_id,
                NumberSet.of(uids),
                folder.account_id,
                folder.name,
                self._operation(recipient),
                asker,
            )
            return copied

        try:
            copied = await self.crossing.attempt(copying, event.mailbox_id, uids, folder.scope_id)
        except ExpungeIssued:
            # One of them has gone: the others one by one, and it no more.
            if len(uids) > 1:
                for uid in uids:
                    await self._copy(event, recipient, folder, flags, [uid])
            return
        self.open_mailboxes.announce.copied(copied)
        if flags is not None:
            change = FlagChange("replace", flags)
            await self._flag(copied.mailbox_id, copied.uids, change, recipient)

    async def _flag(
        self, mailbox_id: int, uids: Sequence[int], change: FlagChange, recipient: Recipient
    ) -> None:
        stored = await self.messages.store(
            mailbox_id, NumberSet.of(uids), change, self._operation(recipient)
        )
        opened = self.open_mailboxes.get(mailbox_id)
        if opened is not None:
            opened.state.keywords.learn(stored.keywords)
        changed = stored.changed
        self.open_mailboxes.announce.changed(
            mailbox_id, Change(stored.before, stored.modseq, changed.uids, changed.masks)
        )

    def _operation(self, recipient: Recipient) -> Operation:
        return Operation(self.new_uuid(), actor=recipient.address, protocol="sieve")


def _if_others(names: Sequence[str] | None, touched: Touched) -> Flags | None:
    """The flags of a copy, None if they are the message's."""
    if names is None or _folded(names) == _folded(touched.flags):
        return None
    return flags_of(names)


def _changes(names: Sequence[str] | None, touched: Touched) -> list[FlagChange]:
    """What makes the flags of a message those that a script wants; what else a client does to them
    meanwhile stays."""
    if names is None:
        return []
    had, wanted = _folded(touched.flags), _folded(names)
    added = [name for name in names if fold_keyword(name) not in had]
    removed = [name for name in touched.flags if fold_keyword(name) not in wanted]
    changes = [FlagChange("add", flags_of(added)), FlagChange("remove", flags_of(removed))]
    return [change for change in changes if change.flags]


def _folded(names: Iterable[str]) -> set[str]:
    return {fold_keyword(name) for name in names}
