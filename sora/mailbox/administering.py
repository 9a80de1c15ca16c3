"""What a session can learn and change of rights on mailboxes (RFC 4314 §3)."""

from collections.abc import Sequence

from attrs import frozen

from sora.addresses import Address
from sora.errors import BadArgument, NoSuchAccount
from sora.mail.rights import ALL, Rights, RightsChange
from sora.mailbox.past_mailbox import PAST_RIGHTS
from sora.mailbox.places import Place
from sora.mailbox.reach import Reach
from sora.mailbox.rights import ANYONE_NAME, as_told, identifier, optional_rights, require_any
from sora.mailbox.state import Change
from sora.mailbox.watching import EVERYBODY
from sora.storage.rows import ANYONE


@frozen
class Administering:
    """Rights on mailboxes by name."""

    _reach: Reach

    async def mine(self, name: str) -> Rights:
        """What one may do with a mailbox: `Rights.READ in await account.rights.mine(name)`. One
        round trip. Raises NoSuchMailbox when it is nothing."""
        if await self._reach.past.has(name):
            await self._reach.past.find(name)
            return PAST_RIGHTS
        place = await self._reach.places.find(name)
        mailbox = await self._reach.find(place)
        require_any(mailbox.rights, place.shown)
        return mailbox.rights

    async def all(self, name: str) -> list[tuple[str, Rights]]:
        """Who has rights on a mailbox, by identifier, the owner first. One round trip."""
        place = await self._reach.places.find(name)
        owner = place.owner
        reading = self._reach.rooms.rights.acl(owner.account_id, place.name, place.asker)
        entries = await as_told(place.shown, reading)
        found = [] if owner.address is None else [(owner.address, ALL)]
        return found + [(entry.address or ANYONE_NAME, entry.rights) for entry in entries]

    async def set(self, name: str, who: str, change: RightsChange) -> None:
        """Change the rights of an identifier. One round trip. Raises BadSyntax and BadArgument
        for what is no identifier, and what `IRights.set` raises."""
        place = await self._reach.places.find(name)
        grantee = identifier(who, self._domain)
        if self._reach.places.namespace is None:
            raise BadArgument("Mailboxes are not shared on this server")
        await self._reach.finishing(self._set(place, grantee, change))

    async def _set(self, place: Place, grantee: Address | None, change: RightsChange) -> None:
        setting = self._reach.rooms.rights.set(
            place.owner.account_id,
            place.name,
            place.asker,
            grantee,
            change,
            self._reach.new_operation(),
        )
        done = await as_told(place.shown, setting)
        self._reach.open.announce.changed(
            done.mailbox_id, Change(done.before, done.modseq, acl=done.acl)
        )
        accounts = {place.owner.account_id, *done.acl} - {ANYONE}
        for account_id in accounts if grantee is not None else [EVERYBODY]:
            self._reach.open.announce.names_changed(account_id, self._reach.source)

    async def possible(self, name: str, who: str) -> Sequence[str]:
        """What LISTRIGHTS shows for an identifier. At most two round trips."""
        place = await self._reach.places.find(name)
        address = identifier(who, self._domain)
        await self._reach.having(place, Rights.ADMINISTER)
        if address is None:
            return optional_rights(is_owner=False)
        found = await self._reach.rooms.owners.find(self._reach.account_id, address)
        if found is None:
            raise NoSuchAccount(f"There is no user {address.base} in this domain")
        return optional_rights(found.account_id == place.owner.account_id)

    @property
    def _domain(self) -> str:
        return self._reach.identity.address.rpartition("@")[2]
