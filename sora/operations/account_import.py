"""Many accounts that are made at once, of those who move in."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from attrs import define, field, frozen

from sora.addresses import parse_address
from sora.auth.schemes import secrets_of_hash
from sora.deferreds import gather
from sora.errors import AlreadyExists, BadArgument, NoSuchAccount, SoraError, Unavailable
from sora.operations.account_list import BadLine, WantedAccount
from sora.operations.accounts import HASHED, AccountOperations, address_of
from sora.operations.aliases import AliasOperations
from sora.operations.owners import Whose
from sora.operations.quota import QuotaOperations

NAMED: Final = 1000
"""problems that are kept"""
Line = tuple[int, WantedAccount | BadLine]


@define
class ImportedAccounts:
    """Lines: those that were `seen` are the `done`, the `skipped` (there already) and the `failed`
    ones together. `problems` are the first of those that failed, line by line."""

    seen: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    problems: list[str] = field(factory=list)


@frozen
class AccountImport:
    """Makes accounts from a list. What is there already stays as it is, but for aliases that it
    does not have: who repeats a list goes on with it."""

    accounts: AccountOperations
    aliases: AliasOperations
    quotas: QuotaOperations

    async def run(
        self,
        lines: Iterable[Line],
        *,
        scheme: str,
        jobs: int,
        dry: bool,
        told: Callable[[ImportedAccounts], None],
    ) -> ImportedAccounts:
        """Make them, `jobs` at a time; `dry`: only look. `scheme` is how passwords are stored.

        Raises Unavailable when the database is away: what was done until then stays, and the list
        can be repeated.
        """
        counts, taken = ImportedAccounts(), set[str]()
        rest = iter(lines)
        while batch := list(islice(rest, jobs)):
            work = [self._line(number, line, scheme, dry, taken, counts) for number, line in batch]
            await gather(*work)
            told(counts)
        return counts

    async def _line(
        self,
        number: int,
        line: WantedAccount | BadLine,
        scheme: str,
        dry: bool,
        taken: set[str],
        counts: ImportedAccounts,
    ) -> None:
        counts.seen += 1
        try:
            if isinstance(line, BadLine):
                raise BadArgument(line.reason)
            key = address_of(line.email).key
            if key in taken:
                raise AlreadyExists(f"{line.email} stands in the list twice")
            taken.add(key)
            is_new = await self._look(line) if dry else await self._make(line, scheme)
        except Unavailable:
            raise
        except SoraError as error:
            counts.failed += 1
            if len(counts.problems) < NAMED:
                counts.problems.append(f"line {number}: {error.text}")
            return
        counts.done += is_new
        counts.skipped += not is_new

    async def _look(self, line: WantedAccount) -> bool:
        """Whether it would be made. Raises what would come of it, as far as that can be told."""
        if line.password_hash:
            secrets_of_hash(line.password_hash)
        for alias in line.aliases:
            address_of(alias)
        return not await self._is_there(line)

    async def _is_there(self, line: WantedAccount) -> bool:
        """Raises AlreadyExists when the address is somebody's who is not this account."""
        address = address_of(line.email)
        try:
            row = await self.accounts.show(line.email)
        except NoSuchAccount:
            return False
        if row.deleted_at is not None:
            raise AlreadyExists(f"{row.address} is the address of a deleted account: restore it")
        if parse_address(row.address, "").key != address.key:
            raise AlreadyExists(f"{line.email} is an address of {row.address}")
        return True

    async def _make(self, line: WantedAccount, scheme: str) -> bool:
        is_new = not await self._is_there(line)
        if is_new:
            hashed = bool(line.password_hash)
            given = line.password_hash if hashed else line.password
            await self.accounts.create(line.email, given, HASHED if hashed else scheme)
            if line.quota_storage is not None or line.quota_messages is not None:
                whose = Whose(line.email)
                await self.quotas.set(whose, line.quota_storage, line.quota_messages)
        try:
            for alias in line.aliases:
                await self._alias(line.email, alias)
        except Unavailable:
            raise
        except SoraError as error:
            there = "was made" if is_new else "is there"
            raise BadArgument(f"{line.email} {there}, but not all aliases: {error.text}") from None
        return is_new

    async def _alias(self, email: str, alias: str) -> None:
        try:
            await self.aliases.create(email, alias)
        except AlreadyExists:
            whose = await self.accounts.show(alias)
            mine = await self.accounts.show(email)
            if whose.id != mine.id:
                raise
