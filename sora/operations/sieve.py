"""What an operator can do with the Sieve scripts of users and of domains."""

from collections.abc import Sequence

from attrs import frozen

from sora.addresses import fold_domain
from sora.errors import NoSuchScript
from sora.mailbox.scripts import ScriptStore
from sora.operations.owners import OwnerLookup, Whose
from sora.sieve.errors import ScriptError
from sora.storage.interfaces import IRights
from sora.storage.rows import Owner, ScriptPosition, ScriptRow


@frozen
class SieveOperations:
    """Scripts by name. A user has an active one; a domain has one before and one after those of
    its users, and others that they can include. Errors are those of `sora.errors`, and
    ScriptErrors."""

    owners: OwnerLookup
    rights: IRights
    scripts: ScriptStore

    async def check(self, source: bytes) -> Sequence[ScriptError]:
        """Compile a script, and give the warnings. Needs no database."""
        return await self.scripts.check(source)

    async def list(self, whose: Whose) -> Sequence[ScriptRow]:
        """All scripts, by name."""
        account_id = await self._find(whose)
        return [] if account_id is None else await self.scripts.list(account_id)

    async def show(
        self, whose: Whose, name: str | None, position: ScriptPosition = ScriptPosition.ACTIVE
    ) -> tuple[str, str]:
        """The name and the text of a script; without a name, of the one at a position."""
        account_id = await self._find(whose)
        if account_id is None:
            raise _nothing(whose)
        if name is None:
            rows = await self.scripts.list(account_id)
            name = next((row.name for row in rows if row.position is position), None)
            if name is None:
                raise NoSuchScript(f"No script of {whose} is {_where(position)}")
        return name, await self.scripts.get(account_id, name)

    async def put(
        self,
        whose: Whose,
        name: str,
        source: bytes,
        position: ScriptPosition | None = None,
        replaces: str | None = None,
    ) -> Sequence[ScriptError]:
        """Compile a script and keep it, in the place of one that has the name; with a position it
        runs there from now on. Gives the warnings. With `replaces` only where that is its text
        (empty: where there is none); else raises Superseded."""
        return await self.scripts.put(await self._owner(whose), name, source, position, replaces)

    async def activate(self, whose: Whose, name: str, position: ScriptPosition) -> None:
        """Let a script run, in the place of the one that does."""
        account_id = await self._find(whose)
        if account_id is None:
            raise _nothing(whose)
        await self.scripts.activate(account_id, name, position)

    async def deactivate(self, whose: Whose, position: ScriptPosition) -> None:
        """Let no script run at a position."""
        account_id = await self._find(whose)
        if account_id is not None:
            await self.scripts.deactivate(account_id, position)

    async def delete(self, whose: Whose, name: str) -> None:
        """Remove a script that does not run."""
        account_id = await self._find(whose)
        if account_id is None:
            raise _nothing(whose)
        await self.scripts.delete(account_id, name)

    async def rename(self, whose: Whose, old: str, new: str) -> None:
        """Give a script another name."""
        account_id = await self._find(whose)
        if account_id is None:
            raise _nothing(whose)
        await self.scripts.rename(account_id, old, new)

    async def _find(self, whose: Whose) -> int | None:
        """The account whose scripts are meant; None for a domain to which nothing belongs."""
        if whose.email is not None:
            return (await self.owners.user(whose.email)).id
        owner: Owner | None = await self.rights.domain_owner(fold_domain(whose.domain or ""))
        return None if owner is None else owner.account_id

    async def _owner(self, whose: Whose) -> int:
        """The same, made when it is not there. Raises NoSuchAccount."""
        account_id = await self._find(whose)
        if account_id is None:
            domain = fold_domain(whose.domain or "")
            made: Owner = await self.rights.domain_owner(domain, make=True)  # type: ignore[assignment]
            account_id = made.account_id
        return account_id


def _nothing(whose: Whose) -> NoSuchScript:
    return NoSuchScript(f"{whose} has no scripts")


def _where(position: ScriptPosition) -> str:
    if position is ScriptPosition.ACTIVE:
        return "active"
    return f"run {position.value} those of users"
