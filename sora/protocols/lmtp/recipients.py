"""The recipients of a message: whom they are, asked for while the client goes on speaking.

The recipients of a pipelined group (RFC 2920) are looked up at the same time; their replies keep
their order, and every other command waits for them.
"""

from collections.abc import Iterator
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from sora.addresses import Address, parse_address
from sora.errors import BadArgument, BadName, NoSuchAccount, OverQuota, SoraError, TooMany
from sora.mailbox.envelope import Addressee
from sora.protocols.lmtp.errors import INTERNAL
from sora.protocols.lmtp.replies import Replies
from sora.protocols.lmtp.services import Deliveries, Settings
from sora.protocols.lmtp.wire.commands import Rcpt
from sora.protocols.lmtp.wire.paths import is_address_literal
from sora.storage.rows import Recipient

LOOKUPS_AT_ONCE: Final = 16
"""recipients of one connection that are looked up at the same time"""
POSTMASTER: Final = "postmaster"


class Recipients:
    """The recipients of one connection's message. `accepted` are those who were told 250."""

    log = Logger()

    def __init__(self, deliveries: Deliveries, settings: Settings, replies: Replies) -> None:
        self._deliveries = deliveries
        self._settings = settings
        self._replies = replies
        self.accepted: list[Addressee] = []
        self._asked: list[tuple[str, Deferred[Addressee]]] = []

    def __len__(self) -> int:
        return len(self.accepted)

    def __iter__(self) -> Iterator[Addressee]:
        return iter(self.accepted)

    async def ask(self, command: Rcpt, size: int | None) -> None:
        """Begin to look somebody up; `size` is that of the message, if it was said.

        Raises TooMany.
        """
        most = self._settings.max_recipients
        if len(self._asked) >= LOOKUPS_AT_ONCE or len(self.accepted) + len(self._asked) >= most:
            await self.answer()
        if len(self.accepted) >= most:
            raise TooMany(f"A message has at most {most} recipients")
        lookup = Deferred.fromCoroutine(self._look_up(command, size))
        self._asked.append((command.address, lookup))

    async def answer(self) -> None:
        """Reply to all that were asked about, in their order."""
        while self._asked:
            text, lookup = self._asked[0]
            try:
                found = await lookup
            except SoraError as error:
                self._replies.refuse(error, text)
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - the answer loop, for commands that overlap
                self.log.failure("the lookup of {address} failed", address=text)
                self._replies.tell(INTERNAL, text)
            else:
                self.accepted.append(found)
                self._replies.say(250, "2.1.5", f"<{text}> OK")
            del self._asked[0]

    def clear(self) -> None:
        """The next message has other recipients."""
        self.accepted = []

    def forget(self) -> None:
        """Nobody will hear the answers; the lookups run to their end (trap 1)."""
        for _, lookup in self._asked:
            lookup.addErrback(lambda failure: None)
        self._asked = []

    async def _look_up(self, command: Rcpt, size: int | None) -> Addressee:
        address = self._address(command.address)
        recipient = await self._deliveries.resolve(address)
        if recipient is None:
            raise NoSuchAccount
        _require_room(recipient, size)
        return Addressee(address, recipient, command.notify, command.orcpt)

    def _address(self, text: str) -> Address:
        """Raises BadName, NoSuchAccount."""
        if text.lower() == POSTMASTER:
            # RFC 5321 §4.5.1: the one name that needs no domain.
            text = f"{text}@{self._settings.hostname}"
        elif is_address_literal(text.rpartition("@")[2]):
            raise NoSuchAccount("Nobody here has an address with a literal in place of a domain")
        try:
            return parse_address(text, self._settings.separator)
        except BadArgument as error:
            raise BadName(error.text) from None


def _require_room(recipient: Recipient, size: int | None) -> None:
    """Refuse early what cannot be taken: mail for an account that is full, and a message that
    is larger than all that the account may have.

    Whether the message has room in what is left is not asked: a sender that repeats itself,
    because our answer was lost, would be refused what it has delivered (G42).
    """
    quota, most = recipient.quota_storage, recipient.quota_messages
    if (quota is not None and (recipient.storage >= quota or (size or 0) > quota)) or (
        most is not None and recipient.messages >= most
    ):
        raise OverQuota("The recipient's mailbox is full")
