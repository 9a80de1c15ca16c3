"""A script runs over mail that is stored already: files it, flags it, and where that is asked for
deletes what it discards.

What is redirected is sent on only if that is asked for, and stays unless it is to be discarded.
Vacation replies, notifications and refusals are never sent for mail that came long ago: they are
counted and left undone. A message is never changed: an edited one stays as it is. What `fileinto`
files is moved when nothing keeps it, else copied. Messages that arrive meanwhile are not looked at.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from attrs import define, evolve, field, frozen

from sora.addresses import Address
from sora.errors import NoSuchAccount, NoSuchMailbox, NoSuchScript
from sora.mail.encoded_words import decode
from sora.mail.flags import DELETED, Flags
from sora.mail.headers import fields, first
from sora.mail.mailbox_names import normalise
from sora.mail.numbers import NumberSet
from sora.mailbox.chains import Link
from sora.mailbox.filtering import Filters
from sora.mailbox.folders import Folder, FolderRooms, Folders
from sora.mailbox.planning import flags_of, folder_of
from sora.mailbox.scripts import text_of
from sora.mailbox.stored import WANTS, ReadsBodies, StoredSending, StoredText, filtered
from sora.mailbox.wishes import Wishes
from sora.operations.accounts import address_of
from sora.sieve.effects import Discard, FileInto, Redirect
from sora.storage.interfaces import IAccounts, IMailboxes, IMessages
from sora.storage.rows import (
    Copied,
    FlagChange,
    MailboxRow,
    Operation,
    Recipient,
    StoredMessage,
)

BATCH: Final = 200
"""Messages that are read, and then moved or copied, together."""


@define
class Counts:
    """What was done with messages, or would be. Each of them is one of `kept`, `moved`,
    `discarded` (deleted, if that was asked for) and `failed` (its script had an error, and it
    stays): together they are `messages`. The others count actions: copies, flags set, what was
    sent on, and what was wanted and is not done for stored mail."""

    messages: int = 0
    kept: int = 0
    moved: int = 0
    discarded: int = 0
    failed: int = 0
    copies: int = 0
    flagged: int = 0
    sent: int = 0
    not_sent: int = 0
    not_edited: int = 0


@frozen
class Done:
    """One message: its UID, its subject, and what is done with it, in words."""

    uid: int
    subject: str
    what: str


@define
class _Batch:
    """What is to be done with some messages, together."""

    moves: dict[Folder, list[int]] = field(factory=dict)
    copies: dict[Folder, list[int]] = field(factory=dict)
    flags: dict[tuple[Folder | None, Flags], list[int]] = field(factory=dict)
    deletes: list[int] = field(factory=list)


@frozen(kw_only=True)
class SieveFiltering:
    """Runs scripts over mailboxes."""

    accounts: IAccounts
    mailboxes: IMailboxes
    messages: IMessages
    filters: Filters
    folders: FolderRooms
    bodies: ReadsBodies
    new_operation: Callable[[], Operation]
    now: Callable[[], float]
    sending: StoredSending | None = None

    async def run(
        self,
        email: str,
        mailbox: str,
        source: bytes | None,
        *,
        dry_run: bool = False,
        discard: bool = False,
        told: Callable[[Done], None] = lambda done: None,
    ) -> Counts:
        """Run a script over a mailbox; without one, the user's active one. With `dry_run` nothing
        is done; without `discard` what the script discards stays. What is redirected is sent on
        where there is a `sending`.

        Raises NoSuchAccount, NoSuchMailbox, NoSuchScript, ScriptErrors, and what storage raises:
        what was done up to then is done.
        """
        recipient, link, name = await self.require(email, mailbox, source)
        opened = await self.mailboxes.open(recipient.account_id, name)
        folders = Folders(self.folders, recipient)
        counts = Counts()
        uids = list(opened.states.uids)
        for start in range(0, len(uids), BATCH):
            chosen = NumberSet.of(uids[start : start + BATCH])
            read = await self.messages.read(opened.mailbox.id, chosen, WANTS)
            batch = _Batch()
            for message in read.messages:
                wishes = await self._wishes(link, message, recipient, folders)
                sent = await self._send(wishes, message, recipient, counts, dry_run)
                what = await self._decide(
                    wishes, message, folders, opened.mailbox, batch, counts, discard, dry_run, sent
                )
                counts.messages += 1
                told(Done(message.uid, _subject(message), what))
            if not dry_run:
                await self._do(batch, opened.mailbox)
        return counts

    async def require(
        self, email: str, mailbox: str, source: bytes | None
    ) -> tuple[Recipient, Link, str]:
        """What `run` works with; raises what is wrong with it."""
        recipient = await self._recipient(address_of(email))
        link = _link(recipient, source)
        await self.filters.rooms.compiler.compile(link.source)
        name = normalise(mailbox)
        if name not in recipient.mailboxes:
            raise NoSuchMailbox(f"{recipient.address} has no mailbox {mailbox!r}")
        return recipient, link, name

    async def _recipient(self, address: Address) -> Recipient:
        recipient: Recipient | None = await self.accounts.recipient(address)
        if recipient is None:
            raise NoSuchAccount(f"There is no account {address}")
        return recipient

    async def _wishes(
        self, link: Link, message: StoredMessage, recipient: Recipient, folders: Folders
    ) -> Wishes:
        shown = filtered(message, recipient, StoredText(self.bodies, message))
        return await self.filters.run([link], shown, recipient, folders)

    async def _send(
        self,
        wishes: Wishes,
        message: StoredMessage,
        recipient: Recipient,
        counts: Counts,
        dry_run: bool,
    ) -> dict[str, str | None]:
        """Send a message on; gives for each address why it was not sent there."""
        found: dict[str, str | None] = {}
        if self.sending is None:
            return found
        now = datetime.fromtimestamp(int(self.now()), UTC)
        for wish in wishes.actions:
            if isinstance(wish.action, Redirect):
                reason = None
                if not dry_run:
                    reason = await self.sending.redirect(
                        wish.action, wish.version, message, recipient, now
                    )
                found[wish.action.address] = reason
                counts.sent += reason is None
        return found

    async def _decide(
        self,
        wishes: Wishes,
        message: StoredMessage,
        folders: Folders,
        here: MailboxRow,
        batch: _Batch,
        counts: Counts,
        discard: bool,
        dry_run: bool,
        sent: dict[str, str | None],
    ) -> str:
        """Note what is to be done; gives it in words. `sent` is where it was sent on to."""
        uid = message.uid
        if wishes.trouble is not None:
            counts.failed += 1
            return f"failed: {wishes.trouble.text}"
        words = [f"sent to {to}" for to, reason in sent.items() if reason is None]
        stays = wishes.keep is not None
        goes_on = bool(words)
        flags = None if wishes.keep is None else wishes.keep.flags
        targets: dict[Folder, Flags] = {}
        for wish in wishes.actions:
            action = wish.action
            if wish.version.edits:
                counts.not_edited += 1
            if isinstance(action, FileInto):
                folder = await self._folder(action, folders, dry_run)
                if folder is None or folder.mailbox_id == here.id:
                    stays, flags = True, (*(flags or ()), *(action.flags or ()))
                    continue
                targets[folder] = flags_of(action.flags or ())
            elif isinstance(action, Redirect) and action.address in sent:
                if (reason := sent[action.address]) is not None:
                    counts.not_sent += 1
                    words.append(f"not sent to {action.address}: {reason}")
                    stays = True
            elif not isinstance(action, Discard):
                counts.not_sent += 1
                words.append(f"not done: {type(action).__name__.lower()}")
        if not (targets or stays) and words and not (goes_on and discard):
            # What would have been sent on or refused is not: so it stays. And so does what was
            # sent on, unless it is to be discarded.
            stays = True
        others = list(targets)
        to_move = None if stays or not others else others.pop()
        for folder in others:
            batch.copies.setdefault(folder, []).append(uid)
            counts.copies += 1
            words.append(f"copied to {folder.name}")
        if to_move is not None:
            batch.moves.setdefault(to_move, []).append(uid)
            counts.moved += 1
            words.append(f"moved to {to_move.name}")
        elif stays:
            counts.kept += 1
            words.append("kept")
        else:
            counts.discarded += 1
            words.append("deleted" if discard else "would be discarded, and stays")
            if discard:
                batch.deletes.append(uid)
        for place, wanted in ((None, flags_of(flags or ())), *targets.items()):
            if wanted != Flags() and (place is not None or stays):
                batch.flags.setdefault((place, wanted), []).append(uid)
                counts.flagged += 1
                words.append("flagged")
        return ", ".join(words)

    async def _folder(self, action: FileInto, folders: Folders, dry_run: bool) -> Folder | None:
        """Where it goes; with `dry_run` no mailbox is made, and its name stands for it."""
        if not (dry_run and action.create):
            return await folder_of(action, folders)
        found = await folder_of(evolve(action, create=False), folders)
        return found or Folder(0, 0, 0, action.mailbox)

    async def _do(self, batch: _Batch, here: MailboxRow) -> None:
        """Copies first, then what stays, then what goes."""
        places: dict[tuple[Folder | None, int], tuple[int, int]] = {}
        for folder, uids in batch.copies.items():
            _note(places, folder, await self.messages.copy(*self._to(here, folder, uids)))
        for (place, flags), uids in batch.flags.items():
            if place is None:
                await self._flag(here.id, NumberSet.of(uids), flags)
        if batch.deletes:
            gone = NumberSet.of(batch.deletes)
            await self._flag(here.id, gone, Flags(DELETED))
            await self.messages.expunge(here.id, gone, self.new_operation())
        for folder, uids in batch.moves.items():
            moved = await self.messages.move(*self._to(here, folder, uids))
            _note(places, folder, moved.copied)
        for (place, flags), uids in batch.flags.items():
            found = [places[place, uid] for uid in uids if (place, uid) in places]
            if found:
                await self._flag(found[0][0], NumberSet.of(uid for _, uid in found), flags)

    def _to(self, here: MailboxRow, folder: Folder, uids: list[int]) -> tuple[Any, ...]:
        """The arguments of COPY and MOVE."""
        asker = None if folder.account_id == here.account_id else here.account_id
        operation = self.new_operation()
        return here.id, NumberSet.of(uids), folder.account_id, folder.name, operation, asker

    async def _flag(self, mailbox_id: int, uids: NumberSet, flags: Flags) -> None:
        change = FlagChange("add", flags)
        await self.messages.store(mailbox_id, uids, change, self.new_operation())


def _link(recipient: Recipient, source: bytes | None) -> Link:
    if source is not None:
        return Link("user", "script", text_of(source))
    active = recipient.scripts.active
    if active is None:
        raise NoSuchScript(f"{recipient.address} has no active script: name a file")
    return Link("user", active.name, active.source)


def _note(
    places: dict[tuple[Folder | None, int], tuple[int, int]], folder: Folder, copied: Copied
) -> None:
    for source, uid in zip(copied.sources, copied.uids, strict=True):
        places[folder, source] = copied.mailbox_id, uid


def _subject(message: StoredMessage) -> str:
    found = first(fields(message.header or b""), b"subject")
    return decode(found)[:60] if found else ""
