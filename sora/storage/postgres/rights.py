"""Rights on mailboxes, and whose mailboxes they are: `IRights` in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from sora.addresses import Address
from sora.deferreds import deferred
from sora.errors import OutcomeUnknown
from sora.mail.mailbox_names import name_key
from sora.mail.rights import RightsChange, letters, parse_rights
from sora.storage.interfaces import IRights
from sora.storage.postgres import packing
from sora.storage.postgres.database import Database, Tx
from sora.storage.postgres.outcomes import Outcomes
from sora.storage.rows import AclEntry, Operation, Owner, RightsSet

Dedup = Literal["domain", "account", "global"]

EVERYBODY: Final = "anyone"


@implementer(IRights)
class RightsTable:
    """`IRights` in PostgreSQL.

    `dedup` says which accounts share contents: what a domain owns gets its scope by it.
    """

    def __init__(self, database: Database, clock: IReactorTime, dedup: Dedup = "domain") -> None:
        self._database = database
        self._outcomes = Outcomes(database, clock)
        self._dedup = dedup

    @deferred
    async def owner(self, asker: int, address: Address | None) -> Owner | None:
        async def work(tx: Tx) -> Owner | None:
            row = await tx.one(
                "select o_account, o_scope, o_address from owner_v1(%s, %s)",
                (asker, None if address is None else address.key),
            )
            return None if row is None else Owner(*row)

        return await self._database.run("owner", work, write=False)

    @deferred
    async def domain_owner(self, domain: str, make: bool = False) -> Owner | None:
        async def work(tx: Tx) -> Owner | None:
            row = await tx.one(
                "select o_account, o_scope from shared_account_of_v1(%s, %s, %s)",
                (domain, self._dedup, make),
            )
            return None if row is None else Owner(row[0], row[1], None)

        # Making it twice is making it once: as a read, it is sent again when its answer is lost.
        return await self._database.run("domain_owner", work, write=False)

    @deferred
    async def shared_owner(self, asker: int) -> Owner:
        async def work(tx: Tx) -> Owner:
            row = await tx.one(
                "select o_account, o_scope from shared_account_for_v1(%s, %s)",
                (asker, self._dedup),
            )
            account_id, scope_id = cast(tuple[Any, ...], row)
            return Owner(account_id, scope_id, None)

        try:
            return await self._database.run("shared_owner", work, write=True)
        except OutcomeUnknown:
            # Making it twice is making it once: this is the read-back.
            return await self._database.run("shared_owner", work, write=True)

    @deferred
    async def acl(self, account_id: int, name: str, asker: int | None) -> Sequence[AclEntry]:
        async def work(tx: Tx) -> Sequence[AclEntry]:
            rows = await tx.all(
                "select o_address, o_rights from acl_v1(%s, %s, %s)",
                (account_id, name_key(name), asker),
            )
            return [AclEntry(address, parse_rights(rights)) for address, rights in rows]

        return await self._database.run("acl", work, write=False)

    @deferred
    async def set(
        self,
        account_id: int,
        name: str,
        asker: int | None,
        grantee: Address | None,
        change: RightsChange,
        operation: Operation,
    ) -> RightsSet:
        async def work(tx: Tx) -> RightsSet:
            row = await tx.one(
                "select o_mailbox, o_before, o_modseq, o_acl from set_rights_v1("
                f"%s, %s, %s, %s, %s, %s, {packing.OPERATION})",
                (
                    account_id,
                    name_key(name),
                    asker,
                    EVERYBODY if grantee is None else grantee.key,
                    change.mode,
                    letters(change.rights),
                    *packing.operation(operation),
                ),
            )
            mailbox_id, before, modseq, acl = cast(tuple[Any, ...], row)
            return RightsSet(mailbox_id, before, modseq, packing.acl(acl))

        try:
            return await self._database.run("set_rights", work, write=True)
        except OutcomeUnknown as unknown:
            events = await self._outcomes.events(
                operation.id, account_id=account_id, unknown=unknown
            )
            return await self._set_after_all(events[0].mailbox_id, events[0].before)

    async def _set_after_all(self, mailbox_id: int, before: int) -> RightsSet:
        """What is there now; whoever has the mailbox open reads what lies between."""

        async def look(tx: Tx) -> RightsSet:
            row = await tx.one(
                "select highest_modseq, acl from mailboxes where id = %s", (mailbox_id,)
            )
            modseq, acl = cast(tuple[Any, ...], row)
            return RightsSet(mailbox_id, before, modseq, packing.acl(acl))

        return await self._database.run("outcome", look, write=False)
