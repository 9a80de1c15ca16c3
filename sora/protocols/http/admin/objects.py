"""The objects that bodies are."""

from typing import Final

from attrs import frozen

from sora.protocols.http.endpoint import Call, Endpoint
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


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


ENDPOINTS: Final = (
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
