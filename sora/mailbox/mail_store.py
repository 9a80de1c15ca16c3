"""The door through which protocols come in: identities to accounts.

It is put together once for a process (`app`):

    open_mailboxes = OpenMailboxes(mailboxes, clock, process_id)
    poll = ChangePoll(mailboxes, membership, open_mailboxes, clock, process_id, name)  # a Service
    mail_store = MailStore(
        mailboxes, messages, arrivals, bodies, open_mailboxes, poll, clock,
        rights=rights, quotas=quotas, metadata=metadata,
    )
    delivery = Delivery(accounts, arrivals, open_mailboxes, clock)

with the storage's `mailboxes`, `messages`, `accounts`, `membership`, and the process's
`Bodies` and `Arrivals`. IMAP takes the `MailStore`, LMTP the `Delivery`.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4

from twisted.internet.interfaces import IReactorTime

from sora.auth.interfaces import Identity
from sora.mailbox.account import Account
from sora.mailbox.annotations import DEFAULT_RULES, AnnotationRules
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.bodies import Bodies
from sora.mailbox.change_poll import ChangePoll
from sora.mailbox.crossing import Crossing
from sora.mailbox.events import Events
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.past import PastNamespace
from sora.mailbox.places import SharedNamespace
from sora.mailbox.reach import AccountRooms, SessionFacts
from sora.mailbox.reading import Kept
from sora.mailbox.selected import Rooms
from sora.storage.interfaces import IMailboxes, IMessages, IMetadata, IQuotas, IRights

KEPT_MEMORY: Final = 64 * 1024 * 1024


class MailStore:
    """All accounts of a process. Without `poll`, sessions ask storage one by one.

    `kept_memory` bounds, in octets, what is kept of messages that were read. `namespace` is where
    the mailboxes of others appear, None when nothing is shared, and `past` where what was expunged
    does, None when it is not shown; `events` is told of what scripts
    may run for.
    """

    def __init__(
        self,
        mailboxes: IMailboxes,
        messages: IMessages,
        arrivals: Arrivals,
        bodies: Bodies,
        open_mailboxes: OpenMailboxes,
        poll: ChangePoll | None,
        clock: IReactorTime,
        new_uuid: Callable[[], UUID] = uuid4,
        kept_memory: int = KEPT_MEMORY,
        *,
        rights: IRights,
        quotas: IQuotas,
        metadata: IMetadata,
        namespace: SharedNamespace | None = None,
        past: PastNamespace | None = None,
        annotation_rules: AnnotationRules = DEFAULT_RULES,
        events: Events | None = None,
    ) -> None:
        self._kept = Kept(kept_memory)
        self._rooms = AccountRooms(
            mailboxes=mailboxes,
            rights=rights,
            quotas=quotas,
            metadata=metadata,
            owners=Owners(rights, clock),
            namespace=namespace,
            past=past,
            annotation_rules=annotation_rules,
            arrivals=arrivals,
            selected=Rooms(
                messages,
                bodies,
                open_mailboxes,
                self._kept,
                Crossing(messages, bodies, arrivals),
                poll,
                events,
            ),
            clock=clock,
            new_uuid=new_uuid,
        )

    @property
    def kept_octets(self) -> int:
        """What is kept of messages takes so much memory."""
        return self._kept.octets

    def account(self, identity: Identity, facts: SessionFacts) -> Account:
        """The mailboxes of somebody who has logged in, for one session."""
        return Account(self._rooms, identity, facts)
