"""The objects that bodies are."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from sora.errors import BadArgument
from sora.operations.objects import Progress
from sora.protocols.http.admin.tasks import Task, begun, task_endpoint
from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said
from sora.workers.tasks import Told


@frozen
class ObjectCount:
    """Objects of a store that are encrypted with the same key."""

    store: str = said("The name of the store.", example="first")
    key: str | None = said("The id of the key; null for those that are not encrypted.")
    objects: int = said("How many.", minimum=0)
    octets: int = said("Their octets as they are stored.", minimum=0)
    readable: bool = said("Whether the store and the key are configured.")


@frozen
class ObjectStatus:
    """All objects, by store and key."""

    items: tuple[ObjectCount, ...] = said("The counts.")


@frozen
class Reencryption:
    """How objects are to be stored."""

    decrypt: bool = said(
        "Where nothing is encrypted any more: store all of them as they are.", default=False
    )


async def _status(nouns: Nouns, call: Call) -> ObjectStatus:
    found = [
        ObjectCount(
            store=one.store,
            key=one.key_id,
            objects=one.objects,
            octets=one.octets,
            readable=one.is_readable,
        )
        for one in await nouns.objects.tally()
    ]
    return ObjectStatus(items=tuple(found))


async def _reencrypt(nouns: Nouns, call: Call) -> Task:
    decrypt: bool = call.body.decrypt
    nouns.objects.require_key(decrypt=decrypt)

    async def job(told: Told) -> Mapping[str, Any]:
        def tell(done: Progress) -> None:
            told(done.part, **_counts(done))

        return _counts(await nouns.objects.reencrypt(decrypt=decrypt, told=tell))

    about = "store all objects without encryption" if decrypt else "give all objects the first key"
    return await begun(nouns, call, "reencrypt", about, job)


def _counts(done: Progress) -> dict[str, Any]:
    return {
        "looked": done.looked,
        "written": done.written,
        "octets": done.octets,
        "failed": done.failed,
        "passed_over": done.passed_over,
    }


ENDPOINTS: Final = (
    task_endpoint(
        path="/objects/reencrypt",
        name="reencryptObjects",
        summary="Write objects that have an older key, or none, anew with the first key; a task",
        group="objects",
        body=Reencryption,
        errors=(BadArgument,),
        run=_reencrypt,
    ),
    Endpoint(
        method="GET",
        path="/objects/status",
        name="countObjects",
        summary="Count objects by store and key; it reads the rows of all of them",
        group="objects",
        answer=ObjectStatus,
        run=_status,
    ),
)
