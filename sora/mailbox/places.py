"""Where the name of a mailbox leads: to one's own, or below a prefix to those of others.

Below the prefix, `Shared/` unless the configuration says otherwise,

    Shared/ann@example.com/Work    is the mailbox Work of the user ann@example.com,
    Shared/Team/2026               belongs to the domain, and to no user of it.

An address has an `@`, and what a domain owns has none in its first level: the two cannot be taken
for one another. A user's own mailboxes can be named in this way too; that is how one is shown which
somebody had made under a name like these before there were shared mailboxes.

In one's own part of the tree nothing of this costs anything.
"""

from typing import Final

from attrs import evolve, frozen

from sora.addresses import Address, parse_address
from sora.auth.interfaces import Identity
from sora.errors import BadArgument, NotPermitted
from sora.mail.mailbox_names import DELIMITER, name_key
from sora.mail.rights import ALL, Rights
from sora.mailbox.owners import Owners
from sora.mailbox.past import PastNames
from sora.mailbox.rights import no_such_mailbox
from sora.storage.rows import Listing, MailboxRow, Owner, SharedMailbox

NOBODY: Final = Owner(0, 0, None)
"""Who owns the mailboxes of a domain that has none yet."""


@frozen
class SharedNamespace:
    """`[shared_mailboxes]`: where those of others appear. `prefix` ends with the delimiter;
    `default_rights` are those of who makes a mailbox of the domain."""

    prefix: str = "Shared/"
    allow_user_create: bool = False
    default_rights: Rights = ALL

    @property
    def root(self) -> str:
        """The name above all of them, of a mailbox that does not exist."""
        return self.prefix.removesuffix(DELIMITER)

    def has(self, name: str) -> bool:
        """Whether a name is one of the namespace, or its root."""
        return name.startswith(self.prefix) or name == self.root


@frozen
class Place:
    """A mailbox that is meant, which need not be there: `name` is what its owner calls it, and
    `above` stands before it where `asker` is told of it. `asker` is the account that asks, and
    `most` what its owner may do with it."""

    owner: Owner
    name: str
    asker: int
    above: str = ""
    most: Rights = ALL

    @property
    def is_own(self) -> bool:
        """Whether its owner asks."""
        return self.owner.account_id == self.asker

    @property
    def other(self) -> int | None:
        """Who asks, if it is not the owner."""
        return None if self.is_own else self.asker

    @property
    def shown(self) -> str:
        """What the one who asks calls it."""
        return self.above + self.name

    @property
    def is_of_domain(self) -> bool:
        """Whether it belongs to no user."""
        return self.owner.address is None


class Places:
    """The names of one session. `namespace` is None when nothing is shared, `past` when what is
    past is not shown.

    Mailboxes that can be worked with are found here; what is past is none of them, and whatever is
    asked to be done with it is refused.
    """

    def __init__(
        self,
        identity: Identity,
        namespace: SharedNamespace | None,
        owners: Owners,
        past: PastNames | None = None,
    ) -> None:
        self.namespace = namespace
        self.past = past
        self._me = Owner(identity.account_id, identity.scope_id, identity.address)
        self._owners = owners

    @property
    def me(self) -> Owner:
        """Whose session it is."""
        return self._me

    async def find(self, name: str) -> Place:
        """Where a name leads. No round trip for one's own mailboxes, nor for an owner that this
        process has heard of. Raises NoSuchMailbox; NotPermitted for what is past."""
        if self.past is not None and await self.past.has(name):
            raise NotPermitted(
                f"What is in {name!r} was expunged: it can be read, and copied from there"
            )
        namespace = self.namespace
        if namespace is None or not namespace.has(name):
            return Place(self._me, name_key(name), self._me.account_id)
        place = await self._shared(namespace, name)
        if place is None or place.owner is NOBODY:
            raise no_such_mailbox(name)
        return place

    async def find_new(self, name: str) -> Place:
        """The same for a mailbox that is to be made: those of the domain may have no owner yet
        (`NOBODY`). Raises BadArgument for the names of levels that are none of a mailbox, and of
        what is past."""
        if self.past is not None and self.past.may_have(name):
            raise BadArgument(f"There can be no mailbox {name!r}: what is expunged appears there")
        namespace = self.namespace
        if namespace is None or not namespace.has(name):
            return Place(self._me, name_key(name), self._me.account_id)
        place = await self._shared(namespace, name)
        if place is None:
            raise BadArgument(f"There can be no mailbox {name!r}: shared ones appear below it")
        return place

    async def _shared(self, namespace: SharedNamespace, name: str) -> Place | None:
        """None for a name that leads to nobody, or to no mailbox of his."""
        me = self._me.account_id
        rest = name[len(namespace.prefix) :]
        first, _, below = rest.partition(DELIMITER)
        if "@" not in first:
            if not first:
                return None
            owner = await self._owners.find(me, None)
            return Place(owner or NOBODY, name_key(rest), me, namespace.prefix)
        owner = await self._owners.find(me, _address(first, name)) if below else None
        if owner is None:
            return None
        return Place(owner, name_key(below), me, _above(namespace, owner))

    def listing(self, listing: Listing) -> Listing:
        """All mailboxes under the names that this session has for them, those of others with
        their rights; and what is heard of their owners is kept."""
        namespace = self.namespace
        if namespace is None:
            return listing
        for shared in listing.shared:
            address = shared.owner.address
            key = None if address is None else parse_address(address, separator="").key
            self._owners.remember(self._me.account_id, key, shared.owner)
        own = _above(namespace, self._me)
        mailboxes = [
            evolve(mailbox, name=own + mailbox.name) if namespace.has(mailbox.name) else mailbox
            for mailbox in listing.mailboxes
        ]
        mailboxes += [_shown(namespace, shared) for shared in listing.shared]
        return evolve(listing, mailboxes=tuple(mailboxes), shared=())


def _above(namespace: SharedNamespace, owner: Owner) -> str:
    return namespace.prefix + (f"{owner.address}{DELIMITER}" if owner.address else "")


def _shown(namespace: SharedNamespace, shared: SharedMailbox) -> MailboxRow:
    """A mailbox of somebody else; what it is used for is not what one's own are used for."""
    mailbox = shared.mailbox
    name = _above(namespace, shared.owner) + mailbox.name
    return evolve(mailbox, name=name, special_use=None)


def _address(text: str, name: str) -> Address:
    try:
        return parse_address(text, separator="")
    except BadArgument:
        raise no_such_mailbox(name) from None
