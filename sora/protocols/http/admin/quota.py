"""How much an account, or what belongs to a domain, may have (RFC 9208)."""

from functools import partial
from typing import Final

from attrs import frozen

from sora.errors import BadArgument, NoSuchAccount, Superseded
from sora.protocols.http.admin.owners import ACCOUNT, BOTH, Owner, whose
from sora.protocols.http.conditions import tag_of
from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.problems import CHANGED, Refused
from sora.protocols.http.values import said
from sora.storage.rows import Quota as QuotaRow
from sora.storage.rows import QuotaLimits


@frozen
class Limits:
    """How much there may be; null is no limit."""

    storage: int | None = said("Octets.", minimum=0, example=10737418240)
    messages: int | None = said("Messages.", minimum=0)
    mailboxes: int | None = said("Mailboxes.", minimum=0)


@frozen
class Quota:
    """What there is, and may be."""

    storage: int = said("Octets that there are.", minimum=0)
    messages: int = said("Messages that there are.", minimum=0)
    mailboxes: int = said("Mailboxes that there are.", minimum=0)
    limits: Limits = said("How much there may be.")


def _quota(row: QuotaRow) -> Quota:
    limits = row.limits
    return Quota(
        storage=row.storage,
        messages=row.messages,
        mailboxes=row.mailboxes,
        limits=Limits(storage=limits.storage, messages=limits.messages, mailboxes=limits.mailboxes),
    )


async def _show(nouns: Nouns, call: Call) -> Quota:
    return _quota(await nouns.quota.show(whose(call)))


async def _set(nouns: Nouns, call: Call) -> Quota:
    wanted: Limits = call.body
    replaces = await _known(nouns, call)
    try:
        row = await nouns.quota.set(
            whose(call), wanted.storage, wanted.messages, wanted.mailboxes, replaces
        )
    except Superseded as error:
        raise Refused(CHANGED, error.text) from None
    return _quota(row)


async def _known(nouns: Nouns, call: Call) -> QuotaLimits | None:
    """The limits that are to be replaced; None where that does not matter. Everybody has some."""
    wanted = call.conditions
    if not wanted.tags and not wanted.is_new:
        return None
    limits = (await nouns.quota.show(whose(call))).limits
    if wanted.is_new or _tag(limits) not in wanted.tags:
        raise Refused(CHANGED, "There are limits" if wanted.is_new else "The limits are others")
    return limits


def _tag(limits: Limits | QuotaLimits) -> str:
    """Of the limits alone, which are all that is set: mail that comes in changes nothing of it."""
    return tag_of(f"{limits.storage} {limits.messages} {limits.mailboxes}")


async def _allow(nouns: Nouns, call: Call) -> None:
    await nouns.quota.allow(call.path["email"], True)


async def _deny(nouns: Nouns, call: Call) -> None:
    await nouns.quota.allow(call.path["email"], False)


_endpoint = partial(Endpoint, group="quota", errors=(NoSuchAccount, BadArgument))


def _of(owner: Owner) -> tuple[Endpoint, ...]:
    of = "{email}" if owner is ACCOUNT else "the domain {domain}"
    what = "an account" if owner is ACCOUNT else "what belongs to a domain"
    return (
        _endpoint(
            method="GET",
            path=f"{owner.path}/quota",
            name=owner.name("show", "Quota"),
            summary=f"Show what {owner.text} has, and may have",
            answer=Quota,
            tag=lambda call, answer: _tag(answer.limits),
            run=_show,
        ),
        _endpoint(
            method="PUT",
            path=f"{owner.path}/quota",
            name=owner.name("set", "Quota"),
            summary=f"Set all limits of {what}",
            scope=Scope.WRITE,
            body=Limits,
            answer=Quota,
            tag=lambda call, answer: _tag(answer.limits),
            changes=f"set the quota of {of}",
            run=_set,
        ),
    )


ENDPOINTS: Final = (
    *(endpoint for owner in BOTH for endpoint in _of(owner)),
    _endpoint(
        method="PUT",
        path="/accounts/{email}/quota/admin",
        name="allowQuota",
        summary="Let a user set the quotas of the domain over IMAP (RFC 9208)",
        scope=Scope.WRITE,
        changes="let {email} set the quotas of the domain",
        run=_allow,
    ),
    _endpoint(
        method="DELETE",
        path="/accounts/{email}/quota/admin",
        name="denyQuota",
        summary="Let a user set the quotas of the domain no more",
        scope=Scope.WRITE,
        changes="let {email} set the quotas of the domain no more",
        run=_deny,
    ),
)
