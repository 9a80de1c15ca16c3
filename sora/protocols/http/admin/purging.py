"""An account, or a whole domain, goes for good, with its mail: nothing of it can be restored."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import asdict, frozen

from sora.addresses import fold_domain
from sora.errors import BadArgument, NoSuchAccount
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.workers.tasks import Told


@frozen
class DomainPurge:
    """That a domain is to go; one of the two fields is given."""

    confirm: str | None = said(
        "The name of the domain, once more: all that is in it goes for good.",
        default=None,
        example="example.com",
        max_length=255,
    )
    dry_run: bool = said("Only say what would go.", default=False)


async def _purge(nouns: Nouns, call: Call) -> Task:
    email = (await nouns.accounts.show(call.path["email"])).address

    async def job(told: Told) -> Mapping[str, Any]:
        row = await nouns.accounts.purge(email)
        nouns.connections.close(row.address)

        def tell(messages: int) -> None:
            told(None, messages=messages)

        return {"messages": await nouns.cleaning.remove_purged(tell)}

    about = f"remove the account {email} for good"
    return await begun(nouns, call, "purge", about, job)


async def _purge_domain(nouns: Nouns, call: Call) -> Task:
    asked: DomainPurge = call.body
    name = (await nouns.domains.show(call.path["domain"])).name

    async def count(told: Told) -> Mapping[str, Any]:
        held = asdict(await nouns.domain_purge.holdings(name))
        since = held["purging_since"]
        return {**held, "purging_since": None if since is None else since.isoformat()}

    async def purge(told: Told) -> Mapping[str, Any]:
        def tell(share: float | None, messages: int) -> None:
            told(share, messages=messages)

        return asdict(await nouns.domain_purge.purge(name, tell, nouns.connections.close))

    about = f"remove the domain {name} for good, with its accounts"
    if asked.dry_run:
        about += ", as a trial"
    elif asked.confirm is None or fold_domain(asked.confirm) != name:
        raise BadArgument(f"Say that {name} is to go: `confirm` is its name, once more")
    job = count if asked.dry_run else purge
    return await begun(nouns, call, "purge-domain", about, job)


ENDPOINTS: Final = (
    task_endpoint(
        path="/accounts/{email}/purge",
        name="purgeAccount",
        summary="Delete an account for good, with its mail: nothing can be restored; a task",
        group="accounts",
        errors=(NoSuchAccount, BadArgument),
        run=_purge,
    ),
    task_endpoint(
        path="/domains/{domain}/purge",
        name="purgeDomain",
        summary="Remove a domain for good, with its accounts and their mail; a task",
        group="domains",
        body=DomainPurge,
        errors=(NoSuchAccount, BadArgument),
        run=_purge_domain,
    ),
)
