"""How much an account may have (RFC 9208)."""

from typing import Final

from attrs import frozen

from sora.errors import BadArgument, NoSuchAccount
from sora.operations.owners import Whose
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.storage.rows import Quota as QuotaRow


@frozen
class Limits:
    """How much an account may have; null is no limit."""

    storage: int | None = said("Octets.", minimum=0, example=10737418240)
    messages: int | None = said("Messages.", minimum=0)
    mailboxes: int | None = said("Mailboxes.", minimum=0)


@frozen
class Quota:
    """What an account has, and may have."""

    storage: int = said("Octets that it has.", minimum=0)
    messages: int = said("Messages that it has.", minimum=0)
    mailboxes: int = said("Mailboxes that it has.", minimum=0)
    limits: Limits = said("How much it may have.")


def _quota(row: QuotaRow) -> Quota:
    limits = row.limits
    return Quota(
        storage=row.storage,
        messages=row.messages,
        mailboxes=row.mailboxes,
        limits=Limits(storage=limits.storage, messages=limits.messages, mailboxes=limits.mailboxes),
    )


async def _show(nouns: Nouns, call: Call) -> Quota:
    return _quota(await nouns.quota.show(Whose(email=call.path["email"])))


async def _set(nouns: Nouns, call: Call) -> Quota:
    wanted: Limits = call.body
    whose = Whose(email=call.path["email"])
    row = await nouns.quota.set(whose, wanted.storage, wanted.messages, wanted.mailboxes)
    return _quota(row)


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/accounts/{email}/quota",
        name="showQuota",
        summary="Show what an account has, and may have",
        group="accounts",
        answer=Quota,
        errors=(NoSuchAccount, BadArgument),
        run=_show,
    ),
    Endpoint(
        method="PUT",
        path="/accounts/{email}/quota",
        name="setQuota",
        summary="Set all limits of an account",
        group="accounts",
        scope=Scope.WRITE,
        body=Limits,
        answer=Quota,
        changes="set the quota of {email}",
        errors=(NoSuchAccount, BadArgument),
        run=_set,
    ),
)
