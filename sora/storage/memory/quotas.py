"""Quotas in memory."""

from attrs import frozen
from zope.interface import implementer

from sora.errors import NoSuchAccount, NotPermitted, Superseded
from sora.storage.interfaces import IQuotas
from sora.storage.memory.records import AccountRecord
from sora.storage.memory.store import MemoryStore, operation
from sora.storage.rows import Quota, QuotaLimits


@implementer(IQuotas)
@frozen
class MemoryQuotas:
    """`IQuotas` in dicts."""

    tables: MemoryStore

    @operation
    def quota(self, account_id: int) -> Quota:
        """See `IQuotas.quota`."""
        account = self._account(account_id)
        mailboxes = self.tables.mailboxes_of(account_id)
        return Quota(
            storage=sum(mailbox.size for mailbox in mailboxes),
            messages=sum(len(mailbox.messages) for mailbox in mailboxes),
            mailboxes=len(mailboxes),
            limits=_limits(account),
        )

    @operation
    def set(
        self,
        account_id: int,
        limits: QuotaLimits,
        asker: int | None,
        replaces: QuotaLimits | None = None,
    ) -> None:
        """See `IQuotas.set`."""
        account = self._account(account_id)
        if replaces is not None and _limits(account) not in (replaces, limits):
            raise Superseded("The limits are others by now.")
        if asker is not None and not (
            self.tables.accounts[asker].sets_quota
            and self.tables.domain(asker) == self.tables.domain(account_id)
        ):
            raise NotPermitted("You may not set quotas.")
        account.quota_storage = limits.storage
        account.quota_messages = limits.messages
        account.quota_mailboxes = limits.mailboxes

    @operation
    def allow(self, account_id: int, allowed: bool) -> None:
        """See `IQuotas.allow`."""
        self._account(account_id).sets_quota = allowed

    def _account(self, account_id: int) -> AccountRecord:
        account = self.tables.accounts.get(account_id)
        if account is None or account.deleted_at is not None:
            raise NoSuchAccount("There is no such account.")
        return account


def _limits(account: AccountRecord) -> QuotaLimits:
    return QuotaLimits(account.quota_storage, account.quota_messages, account.quota_mailboxes)
