"""What is to be done with a message for each of its recipients: their filters are run, and what
those want becomes a plan. Nothing is done yet."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

from attrs import Factory, define, frozen
from twisted.internet.defer import DeferredSemaphore

from sora.addresses import parse_address
from sora.deferreds import in_turn
from sora.errors import BadArgument
from sora.mail.facts import Facts
from sora.mail.headers import header_end
from sora.mailbox.chains import Link
from sora.mailbox.envelope import Addressee, Envelope
from sora.mailbox.filtering import Filtered, Filters
from sora.mailbox.folders import FolderRooms, Folders
from sora.mailbox.occasion import Occasion
from sora.mailbox.planning import Filing, Plan, Planner, PlanRooms
from sora.mailbox.spool import Spool
from sora.mailbox.wishes import ARRIVED, Version, Wishes
from sora.relay.interfaces import Content
from sora.sieve.message import Envelope as SieveEnvelope
from sora.sieve.message import Header
from sora.storage.rows import Recipient

AT_ONCE: Final = 256 * 1024
"""Octets that are copied in the reactor; more of them in a thread."""

LARGE: Final = 1024 * 1024
"""Octets from which on a message is one of those few that scripts look at together."""
LARGE_AT_ONCE: Final = 4


@define(eq=False)
class Incoming:
    """A message that is being delivered, and the versions that edits have made of it."""

    envelope: Envelope
    spool: Spool
    facts: Facts
    now: datetime
    versions: dict[Version, tuple[Spool, Facts]] = Factory(dict)
    seen: dict[int, set[bytes]] = Factory(dict)
    """keys of duplicates that this delivery has met, by account"""
    _header: Header | None = None
    _text: "SpoolText | None" = None

    def text(self, threads: Any) -> "SpoolText":
        """The octets as they arrived, for scripts."""
        if self._text is None:
            self._text = SpoolText(self.spool, threads)
        return self._text

    def forget_text(self) -> None:
        """Let go of what scripts have read."""
        self._text = None

    @property
    def header(self) -> Header:
        """The fields of the message as it arrived."""
        if self._header is None:
            self._header = Header.of(self.facts.header)
        return self._header

    def spool_of(self, version: Version) -> tuple[Spool, Facts]:
        """The octets of a version."""
        if version == ARRIVED:
            return self.spool, self.facts
        return self.versions[version]

    def content(self, version: Version) -> Content:
        """Opens a version, which is made before."""
        return lambda: self.spool_of(version)[0].open()

    def close(self) -> None:
        """Let go of all but the message as it arrived."""
        for spool, _ in self.versions.values():
            spool.close()
        self.versions.clear()
        self.forget_text()


@define(eq=False)
class SpoolText:
    """The octets of a spool, for scripts. What was read is kept for the next recipient."""

    _spool: Spool
    _threads: Any
    _kept: bytes = b""

    async def read(self, limit: int) -> bytes:
        """The first `limit` octets."""
        wanted = min(limit, self._spool.size)
        if len(self._kept) < wanted:
            if wanted > AT_ONCE:
                self._kept = await self._threads.run(_read, self._spool, wanted)
            else:
                self._kept = _read(self._spool, wanted)
        return self._kept[:wanted]


def _read(spool: Spool, count: int) -> bytes:
    body = spool.open()
    try:
        pieces = []
        while count > 0 and (piece := body.read(count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)
    finally:
        body.close()


@frozen(kw_only=True)
class DecideRooms:
    """What is decided with; one for the whole process. `random` gives so many random octets, `host`
    is this host's name in what is sent."""

    filters: Filters
    folders: FolderRooms
    plans: PlanRooms
    random: Callable[[int], bytes]
    host: str
    spool: Callable[[], Spool] = Spool


class Deciding:
    """Makes plans."""

    def __init__(self, rooms: DecideRooms) -> None:
        self._rooms = rooms
        self._large = DeferredSemaphore(LARGE_AT_ONCE)

    async def plan(self, message: Incoming, addressee: Addressee, trace: bytes) -> Plan:
        """What is to be done for one recipient; `trace` stands above what is sent on.

        Raises Unavailable when storage could not be asked.
        """
        recipient = addressee.recipient
        chain = self._rooms.filters.rooms.chain(recipient)
        folders = Folders(self._rooms.folders, recipient)
        if not (chain or (addressee.address.detail and self._rooms.plans.detail != "off")):
            return Plan([Filing(folders.inbox)])
        planner = self._planner(message, addressee, folders, trace)
        wishes = Wishes()
        if chain and message.spool.size > LARGE:
            # Scripts may look at all of it: no more than a few messages are in memory together.
            work = partial(self._filter, chain, message, addressee, folders)
            wishes = await in_turn(self._large, work)
        elif chain:
            wishes = await self._filter(chain, message, addressee, folders)
        return await planner.plan(wishes)

    async def _filter(
        self, chain: Sequence[Link], message: Incoming, addressee: Addressee, folders: Folders
    ) -> Wishes:
        recipient = addressee.recipient
        try:
            return await self._rooms.filters.run(
                chain,
                self._filtered(message, addressee),
                recipient,
                folders,
                seen=message.seen.setdefault(recipient.account_id, set()),
            )
        finally:
            if message.spool.size > LARGE:
                message.forget_text()

    def keep_unsent(self, addressee: Addressee, plan: Plan, reason: str) -> None:
        """The relay does not take what was to be sent on: it stays in INBOX."""
        Planner.keep_unsent(plan, addressee, reason)

    async def edited(self, message: Incoming, version: Version) -> Spool:
        """The octets of a version that edits have made. Raises StorageFull."""
        spool = self._rooms.spool()
        threads = self._rooms.filters.rooms.threads
        if message.spool.size > AT_ONCE:
            await threads.run(_edit, message.spool, version, spool)
        else:
            _edit(message.spool, version, spool)
        return spool

    def occasion(self, message: Incoming, addressee: Addressee) -> Occasion:
        """What answers look at."""
        recipient = addressee.recipient
        return Occasion(
            account_id=recipient.account_id,
            sender=message.envelope.sender,
            recipient=str(addressee.address),
            addresses=recipient.addresses or (recipient.address,),
            header=message.facts.header,
            now=message.now,
            host=self._rooms.host,
            random=self._rooms.random,
            separator=self._rooms.filters.rooms.separator,
        )

    def _planner(
        self, message: Incoming, addressee: Addressee, folders: Folders, trace: bytes
    ) -> Planner:
        return Planner(
            self._rooms.plans,
            message.envelope,
            addressee,
            folders,
            self.occasion(message, addressee),
            trace,
            message.content,
        )

    def _filtered(self, message: Incoming, addressee: Addressee) -> Filtered:
        envelope = message.envelope
        header = message.facts.header
        return Filtered(
            header=message.header,
            body_start=header_end(header),
            size=message.spool.size,
            text=message.text(self._rooms.filters.rooms.threads),
            envelope=_sieve_envelope(envelope, addressee),
            environment=_environment(envelope, addressee.recipient),
        )


def _edit(spool: Spool, version: Version, into: Spool) -> None:
    into.write(version.octets(bytes(spool.data())))


def _sieve_envelope(envelope: Envelope, addressee: Addressee) -> SieveEnvelope:
    by = envelope.by
    return SieveEnvelope(
        sender=envelope.sender,
        recipient=str(addressee.address),
        notify=None if addressee.notify is None else addressee.notify.words,
        orcpt=None if addressee.orcpt is None else str(addressee.orcpt),
        ret=None if envelope.ret is None else envelope.ret.value,
        envid=envelope.envid,
        by_time=None if by is None else by.seconds,
        by_mode=None if by is None else by.mode,
        by_trace=by is not None and by.trace,
    )


def _environment(envelope: Envelope, recipient: Recipient) -> dict[str, str]:
    """Items of RFC 5183 §4.1 that are of the message."""
    found = {}
    origin = envelope.origin
    if origin.remote_host is not None:
        found["remote-ip"] = origin.remote_host
    if origin.remote_name is not None:
        found["remote-host"] = origin.remote_name
    with suppress(BadArgument):
        found["domain"] = parse_address(recipient.address, "").domain
    return found
