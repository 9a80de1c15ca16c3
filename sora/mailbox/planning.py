"""From what scripts want to what a delivery does for a recipient: messages in mailboxes, mail that
is sent on, answers, or a refusal.

All actions act (G45). What cannot be done as it was wanted leaves the message in INBOX: nothing is
lost because a mailbox is missing, a loop was found, or no relay is there.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from attrs import Factory, define, evolve, frozen
from twisted.logger import Logger

from sora.addresses import Address
from sora.errors import BadArgument, TooMany
from sora.mail.flags import MAX_KEYWORDS_PER_COMMAND, Flags, parse_flags
from sora.mail.mailbox_names import INBOX
from sora.mailbox import notification, redirecting, vacation
from sora.mailbox.envelope import Addressee, Envelope
from sora.mailbox.folders import Folder, Folders
from sora.mailbox.notices import trouble_memory, trouble_notice
from sora.mailbox.occasion import Composed, Occasion, Sending
from sora.mailbox.questions import seen_key
from sora.mailbox.redirecting import Rates
from sora.mailbox.rejection import plain_reason, rejection
from sora.mailbox.wishes import ARRIVED, Trouble, Version, Wish, Wishes
from sora.relay.interfaces import Content
from sora.sieve.effects import Discard, FileInto, Notify, Redirect, Reject, Vacation
from sora.storage.rows import Memory

Detail = Literal["off", "existing", "create"]
MAX_NOTIFICATIONS: Final = 5
"""Notifications of one message."""
_NO_FLAGS: Final = Flags()


@frozen
class Filing:
    """A message that is to be put into a mailbox."""

    folder: Folder
    flags: Flags = _NO_FLAGS
    version: Version = ARRIVED


@frozen
class Answer:
    """Something of our own that is sent, or put into INBOX with `is_local`, once the delivery was
    claimed. With `memory`, only if the delivery has won that; `fcc` files a copy."""

    what: str
    compose: Callable[[], Composed]
    memory: Memory | None = None
    fcc: FileInto | None = None
    is_local: bool = False


@define
class Plan:
    """All that is done with a message for one recipient. `refusal` is the reason that its sender is
    told: then there is nothing else."""

    filings: list[Filing] = Factory(list)
    redirects: list[tuple[Sending, Version]] = Factory(list)
    answers: list[Answer] = Factory(list)
    seen: tuple[Memory, ...] = ()
    refusal: str | None = None

    def file(self, filing: Filing) -> None:
        """One message more; the same one in the same mailbox is one, with the flags of both."""
        for place, other in enumerate(self.filings):
            if other.folder.mailbox_id == filing.folder.mailbox_id and (
                other.version == filing.version
            ):
                self.filings[place] = evolve(other, flags=_both(other.flags, filing.flags))
                return
        self.filings.append(filing)

    @property
    def memories(self) -> tuple[Memory, ...]:
        """What the claim of the delivery has to win, in the order of the answers."""
        return tuple(one.memory for one in self.answers if one.memory is not None)

    def won(self, places: frozenset[int]) -> list[Answer]:
        """The answers that are to be sent, when these memories were won."""
        found = []
        place = 0
        for answer in self.answers:
            if answer.memory is None:
                found.append(answer)
                continue
            if place in places:
                found.append(answer)
            place += 1
        return found


@frozen(kw_only=True)
class PlanRooms:
    """What plans are made with; one for the whole process. `detail` says whether mail for
    `user+detail@domain` goes to the mailbox of that name; `redirects_as_owner` whether what is sent
    on has the owner as its sender; `has_relay` whether there is somebody to send mail."""

    rates: Rates
    has_relay: bool = False
    detail: Detail = "off"
    redirects_as_owner: bool = False


class Planner:
    """Makes the plan for one recipient of one message. `trace` are the lines that stand above what
    is sent on."""

    log = Logger()

    def __init__(
        self,
        rooms: PlanRooms,
        envelope: Envelope,
        addressee: Addressee,
        folders: Folders,
        occasion: Occasion,
        trace: bytes,
        content: Callable[[Version], Content],
    ) -> None:
        self._rooms = rooms
        self._envelope = envelope
        self._addressee = addressee
        self._folders = folders
        self._occasion = occasion
        self._trace = trace
        self._content = content
        self._plan = Plan()

    async def plan(self, wishes: Wishes) -> Plan:
        """What is done. Reads and writes only what mailboxes of others, and new ones, need."""
        plan = self._plan
        plan.seen = tuple(Memory(seen_key(one.handle, one.id), one.seconds) for one in wishes.seen)
        if wishes.trouble is not None:
            self._tell(wishes.trouble)
        if wishes.keep is not None:
            flags = flags_of(wishes.keep.flags or ())
            plan.file(Filing(await self._default(self._addressee.address), flags, wishes.kept))
        for wish in wishes.actions:
            await self._act(wish)
        for wish in wishes.actions:
            if isinstance(wish.action, Reject):
                self._reject(wish.action)
        return plan

    async def _default(self, address: Address) -> Folder:
        """Where mail is kept: INBOX, or what the detail of the address names."""
        if not address.detail or self._rooms.detail == "off":
            return self._folders.inbox
        if self._rooms.detail == "create":
            found = await self._folders.make(address.detail)
        else:
            found = await self._folders.find(address.detail)
        if found is None or found.account_id != self._folders.inbox.account_id:
            return self._folders.inbox
        return found

    async def _act(self, wish: Wish) -> None:
        match wish.action:
            case FileInto() as action:
                flags = flags_of(action.flags or ())
                self._plan.file(Filing(await self._folder(action), flags, wish.version))
            case Redirect() as action:
                self._redirect(action, wish.version)
            case Vacation() as action:
                self._answer(action)
            case Notify() as action:
                self._notify(action)
            case Discard() | Reject():
                pass

    async def _folder(self, action: FileInto) -> Folder:
        found = await folder_of(action, self._folders)
        if found is None:
            self.log.info(
                "{address}: there is no mailbox {mailbox!r} to file into: INBOX is it",
                address=str(self._addressee.address),
                mailbox=action.mailbox,
            )
        return found or self._folders.inbox

    # -------------------------------------------------------------- sending on

    def _redirect(self, action: Redirect, version: Version) -> None:
        reason = redirecting.why_not(action, self._occasion)
        if reason is None and not self._rooms.has_relay:
            reason = "there is no relay ([relay])"
        if reason is None and not self._rooms.rates.take(self._occasion.account_id):
            reason = "the account has sent on too much in the last hour"
        if reason is not None:
            self._kept(self._addressee, f"is not sent on to {action.address}", reason)
            self._plan.file(Filing(self._folders.inbox, version=version))
            return
        sending = redirecting.sending(
            action,
            self._occasion,
            self._envelope,
            self._addressee,
            self._trace,
            self._content(version),
            as_owner=self._rooms.redirects_as_owner,
        )
        self._plan.redirects.append((sending, version))

    @classmethod
    def keep_unsent(cls, plan: Plan, addressee: Addressee, reason: str) -> None:
        """The relay does not take what was to be sent on: it stays in INBOX."""
        recipient = addressee.recipient
        inbox = Folder(recipient.account_id, recipient.scope_id, recipient.mailboxes[INBOX])
        for sending, version in plan.redirects:
            address = sending.outgoing.recipients[0].address
            cls._kept(addressee, f"is not sent on to {address}", reason)
            plan.file(Filing(inbox, version=version))
        plan.redirects.clear()

    @classmethod
    def _kept(cls, addressee: Addressee, what: str, reason: str) -> None:
        cls.log.warn(
            "mail for {address} {what}: {reason}",
            address=str(addressee.address),
            what=what,
            reason=reason,
        )

    # -------------------------------------------------------------- answers

    def _answer(self, action: Vacation) -> None:
        reason = vacation.why_not(action, self._occasion)
        if reason is None and not self._rooms.has_relay:
            reason = "there is no relay ([relay])"
        if reason is not None:
            self.log.info(
                "no vacation reply of {address}: {reason}",
                address=str(self._addressee.address),
                reason=reason,
            )
            return
        memory = vacation.memory(action, self._occasion) if action.seconds > 0 else None
        occasion = self._occasion
        self._plan.answers.append(
            Answer(
                "vacation reply",
                lambda: vacation.compose(action, occasion),
                memory,
                action.fcc,
            )
        )

    def _notify(self, action: Notify) -> None:
        reason = notification.why_not(self._occasion)
        if reason is None and not self._rooms.has_relay:
            reason = "there is no relay ([relay])"
        mine = [one for one in self._plan.answers if one.what == "notification"]
        if reason is None and len(mine) >= MAX_NOTIFICATIONS:
            reason = f"there are {MAX_NOTIFICATIONS} of this message already"
        if reason is None and not self._rooms.rates.take(self._occasion.account_id):
            reason = "the account has sent too much in the last hour"
        if reason is not None:
            self.log.info(
                "no notification of {address}: {reason}",
                address=str(self._addressee.address),
                reason=reason,
            )
            return
        occasion = self._occasion
        self._plan.answers.append(
            Answer("notification", lambda: notification.compose(action, occasion), fcc=action.fcc)
        )

    def _tell(self, trouble: Trouble) -> None:
        """A script has failed: a line in the log, and for one's own script a notice in INBOX."""
        self.log.warn(
            "the script {script!r} ({where}) of {address} failed, and the message stays in INBOX:"
            " {text}",
            script=trouble.script,
            where=trouble.where,
            address=self._addressee.recipient.address,
            text=trouble.text,
        )
        if trouble.where != "user":
            return
        occasion = self._occasion
        self._plan.answers.append(
            Answer(
                "notice of a script's error",
                lambda: trouble_notice(trouble, occasion),
                trouble_memory(trouble),
                is_local=True,
            )
        )

    def _reject(self, action: Reject) -> None:
        """RFC 5429: by the answer of the protocol where that can carry it and the message goes
        nowhere else; `reject` else by an MDN, unless there is nobody to send one to."""
        plan = self._plan
        goes_somewhere = bool(plan.filings or plan.redirects)
        can_be_told = action.reason.isascii() or self._envelope.smtputf8 or action.only_refuse
        can_be_sent = bool(self._envelope.sender) and self._rooms.has_relay
        if goes_somewhere and not can_be_sent:
            return
        if not goes_somewhere and (can_be_told or not can_be_sent):
            self._plan.refusal = plain_reason(action.reason, utf8=self._envelope.smtputf8)
            return
        occasion, addressee = self._occasion, self._addressee
        plan.answers.append(Answer("MDN", lambda: rejection(action.reason, occasion, addressee)))


async def folder_of(action: FileInto, folders: Folders) -> Folder | None:
    """Where `fileinto` goes: by id, by use, by name, made if it is to be; None if there is none."""
    found = None
    if action.mailbox_id is not None:
        found = folders.by_id(action.mailbox_id)
    if found is None and action.special_use is not None:
        found = folders.by_use(action.special_use)
    if found is None:
        found = await folders.find(action.mailbox)
    if found is None and action.create:
        found = await folders.make(action.mailbox, action.special_use)
    return found


def flags_of(names: Iterable[str]) -> Flags:
    """The flags among these names that can be set."""
    good: list[str] = []
    for name in names:
        try:
            parse_flags([name])
        except (BadArgument, TooMany):
            continue
        good.append(name)
    return parse_flags(good[:MAX_KEYWORDS_PER_COMMAND])


def _both(one: Flags, other: Flags) -> Flags:
    keywords = parse_flags((*one.keywords, *other.keywords)[:MAX_KEYWORDS_PER_COMMAND]).keywords
    return Flags(one.system | other.system, keywords)
