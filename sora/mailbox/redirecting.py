"""Messages that are sent on (RFC 5228 §4.2, RFC 6009), and how that ends when it goes in circles
(G44).

What is sent on is the message as it is, below lines that say what happened: a Received line, and
one that names whose script did it. A message that has such a line of the same owner, or too many
of them, is not sent on again; and nobody's scripts send on more than so many in an hour.
"""

from collections import OrderedDict, deque
from typing import Final

from twisted.internet.interfaces import IReactorTime

from sora.errors import BadArgument
from sora.mail.compose import addr_spec, needs_smtputf8, unstructured
from sora.mail.encoded_words import raw
from sora.mail.trace import count_received
from sora.mailbox.envelope import Addressee, Envelope
from sora.mailbox.occasion import Occasion, Sending
from sora.relay.interfaces import Content, DeliverBy, Outgoing, OutgoingRecipient, Readable
from sora.sieve.effects import Redirect

MARK: Final = "X-Sieve-Redirected-From"
MAX_MARKS: Final = 10
"""Redirects that a message may have seen."""
MAX_HOPS: Final = 50
"""Received fields of a message that may still be sent on."""
MAX_ACCOUNTS: Final = 10_000
HOUR: Final = 3600.0


class Rates:
    """How much each account has sent on its own in the last hour, in this process. `most` is what
    it may; 0 is no limit."""

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self._clock = clock
        self._most = most
        self._accounts: OrderedDict[int, deque[float]] = OrderedDict()

    def take(self, account_id: int) -> bool:
        """Whether the account may send one more; it is counted then."""
        if not self._most:
            return True
        now = self._clock.seconds()
        times = self._accounts.setdefault(account_id, deque())
        self._accounts.move_to_end(account_id)
        if len(self._accounts) > MAX_ACCOUNTS:
            self._accounts.popitem(last=False)
        while times and now - times[0] >= HOUR:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now)
        return True


def why_not(redirect: Redirect, occasion: Occasion) -> str | None:
    """Why a message is not sent on; None if it may be."""
    if count_received(occasion.header) >= MAX_HOPS:
        return f"it has passed {MAX_HOPS} hosts or more"
    marks = [raw(value) for value in occasion.values(MARK.lower().encode())]
    if len(marks) >= MAX_MARKS:
        return f"it was redirected {MAX_MARKS} times or more"
    mine = occasion.keys(occasion.addresses)
    if mine & occasion.keys(marks):
        return "it was redirected from here before"
    if occasion.key(redirect.address) in mine:
        return "the address is the owner's"
    try:
        addr_spec(redirect.address)
    except BadArgument:
        return f"{redirect.address!r} is not an address"
    return None


def sending(
    redirect: Redirect,
    occasion: Occasion,
    envelope: Envelope,
    addressee: Addressee,
    trace: bytes,
    content: Content,
    *,
    as_owner: bool = False,
) -> Sending:
    """A message that is sent on: `content` below a new mark and `trace`.

    The reverse-path stays as it is, or with `as_owner` is the owner's; a null one stays null. DSN
    parameters are those that came with the message unless the script says others: what is asked for
    is then told to the owner (RFC 6009 §6.1, §7.1).
    """
    address = addr_spec(redirect.address)
    as_owner = as_owner or redirect.notify is not None or redirect.ret is not None
    as_owner = as_owner or redirect.by is not None
    sender = occasion.own if as_owner and envelope.sender else envelope.sender
    notify = redirect.notify
    if notify is None and addressee.notify is not None:
        notify = addressee.notify.words
    ret = redirect.ret or (envelope.ret.value if envelope.ret is not None else None)
    orcpt = None if addressee.orcpt is None else str(addressee.orcpt)
    outgoing = Outgoing(
        "redirect",
        sender,
        (OutgoingRecipient(address, notify, orcpt),),
        ret=ret,
        envid=envelope.envid,
        by=_by(redirect, occasion, envelope),
        smtputf8=envelope.smtputf8 or needs_smtputf8(address),
        account=occasion.account_id,
    )
    lines = trace + unstructured(MARK, occasion.own, utf8=True)
    return Sending(outgoing, lambda: _Below(lines, content()))


def _by(redirect: Redirect, occasion: Occasion, envelope: Envelope) -> DeliverBy | None:
    """RFC 6009 §5, else what the message came with (RFC 2852 §4)."""
    now = occasion.now.timestamp()
    if redirect.by is not None:
        at = redirect.by.at
        deadline = now + at if isinstance(at, int) else at.timestamp()
        return DeliverBy(deadline, "N" if redirect.by.mode == "notify" else "R", redirect.by.trace)
    if envelope.by is None:
        return None
    return DeliverBy(now + envelope.by.seconds, envelope.by.mode, envelope.by.trace)


class _Below:
    """A message with lines above it."""

    def __init__(self, lines: bytes, body: Readable) -> None:
        self._lines = lines
        self._body = body

    def read(self, size: int, /) -> bytes:
        piece, self._lines = self._lines[:size], self._lines[size:]
        return piece or self._body.read(size)

    def close(self) -> None:
        self._body.close()
