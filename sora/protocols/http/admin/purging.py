"""An account goes for good, with its mail: nothing of it can be restored."""

from collections.abc import Mapping
from typing import Any, Final

from sora.errors import BadArgument, NoSuchAccount
from sora.protocols.http.admin.tasks import Task, task_endpoint, task_of
from sora.protocols.http.endpoint import Call
from sora.protocols.http.nouns import Nouns
from sora.workers.tasks import Told


async def _purge(nouns: Nouns, call: Call) -> Task:
    email = (await nouns.accounts.show(call.path["email"])).address

    async def job(told: Told) -> Mapping[str, Any]:
        row = await nouns.accounts.purge(email)
        nouns.connections.close(row.address)

        def tell(messages: int) -> None:
            told(None, messages=messages)

        return {"messages": await nouns.cleaning.remove_purged(tell)}

    about = f"remove the account {email} for good"
    return task_of(await nouns.tasks.start("purge", about, call.caller.key, job))


ENDPOINTS: Final = (
    task_endpoint(
        path="/accounts/{email}/purge",
        name="purgeAccount",
        summary="Delete an account for good, with its mail: nothing can be restored; a task",
        group="accounts",
        errors=(NoSuchAccount, BadArgument),
        run=_purge,
    ),
)
