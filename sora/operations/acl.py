"""What an operator can do with rights on mailboxes, and with the mailboxes of a domain."""

from collections.abc import Callable, Sequence

from attrs import frozen

from sora.addresses import fold_domain
from sora.mail.mailbox_names import normalise
from sora.mail.rights import Rights, RightsChange, letters, parse_change, parse_rights
from sora.operations.accounts import address_of
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IMailboxes, IRights
from sora.storage.rows import AclEntry, Listing, MailboxRow, Operation, Owner

ANYONE = "anyone"
_NOTHING = RightsChange("replace", Rights.NONE)


@frozen
class AclOperations:
    """Rights on mailboxes (RFC 4314). An operator may what an owner may, and take the last right to
    administer too. Errors are those of `sora.errors`."""

    owners: OwnerLookup
    rights: IRights
    mailboxes: IMailboxes
    new_operation: Callable[[], Operation]

    async def show(self, whose: Whose, mailbox: str) -> list[tuple[str, str]]:
        """Who has which rights, beside the owner: identifier and letters."""
        account_id = await self.owners.account_id(whose)
        entries: Sequence[AclEntry] = await self.rights.acl(account_id, normalise(mailbox), None)
        return [(entry.address or ANYONE, letters(entry.rights)) for entry in entries]

    async def set(self, whose: Whose, mailbox: str, user: str, rights: str) -> str:
        """Give rights to a user, or to `anyone`; `+` and `-` in front as for SETACL. Gives what he
        has now. Raises BadRights, NoSuchMailbox, NoSuchAccount, BadArgument for the owner."""
        return await self._change(whose, mailbox, user, parse_change(rights))

    async def delete(self, whose: Whose, mailbox: str, user: str) -> None:
        """Take all rights from a user, or from `anyone`."""
        await self._change(whose, mailbox, user, _NOTHING)

    async def _change(self, whose: Whose, mailbox: str, user: str, change: RightsChange) -> str:
        account_id = await self.owners.account_id(whose)
        name = normalise(mailbox)
        grantee = None if user.lower() == ANYONE else address_of(user)
        await self.rights.set(account_id, name, None, grantee, change, self.new_operation())
        for address, now in await self.show(whose, mailbox):
            if grantee is None:
                if address == ANYONE:
                    return now
            elif address != ANYONE and address_of(address).key == grantee.key:
                return now
        return ""

    # ------------------------------------------------------------ mailboxes of a domain

    async def create_shared(self, domain: str, mailbox: str, user: str, rights: str) -> MailboxRow:
        """Make a mailbox that belongs to a domain, and give a user rights on it. Raises
        AlreadyExists, NoSuchAccount, BadArgument for a user of another domain."""
        wanted = parse_rights(rights)
        creator = await self.owners.user_of(domain, user)
        owner: Owner | None = await self.rights.domain_owner(fold_domain(domain), make=True)
        assert owner is not None, "it was to be made"
        row: MailboxRow = await self.mailboxes.create(
            owner.account_id,
            normalise(mailbox),
            None,
            self.new_operation(),
            creator.id,
            wanted,
        )
        return row

    async def list_shared(self, domain: str) -> Sequence[MailboxRow]:
        """The mailboxes that belong to a domain."""
        account_id = await self.owners.account_id(Whose(domain=domain))
        listing: Listing = await self.mailboxes.list(account_id)
        return listing.mailboxes
