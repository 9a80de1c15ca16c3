"""What waits for the object stores."""

from functools import partial
from typing import Final

from attrs import frozen

from sora.protocols.http.endpoint import Call, Endpoint, Scope
from sora.protocols.http.nouns import Nouns
from sora.protocols.http.values import said


@frozen
class Uploads:
    """Bodies that wait in the database for their upload."""

    contents: int = said("How many.", minimum=0)
    octets: int = said("Their octets.", minimum=0)
    oldest: int = said("The age of the oldest, in seconds.", minimum=0)
    claimed: int = said("How many of them a worker has in hand.", minimum=0)
    refused: int = said("How many of them the store has refused before.", minimum=0)


@frozen
class Waiting:
    """Copies that wait to be made."""

    contents: int = said("How many.", minimum=0)
    octets: int = said("Their octets.", minimum=0)
    oldest: int = said("The age of the oldest, in seconds.", minimum=0)


@frozen
class UploaderStatus:
    """What waits, for all nodes together."""

    uploads: Uploads = said("What waits for its upload.")
    copies: dict[str, Waiting] = said("What waits to be copied, by the name of the store.")


@frozen
class Due:
    """What came of it."""

    due: int = said("How many bodies are due now.", minimum=0)


async def _status(nouns: Nouns, call: Call) -> UploaderStatus:
    status = await nouns.uploader.status()
    queue = status.uploads
    return UploaderStatus(
        uploads=Uploads(
            contents=queue.contents,
            octets=queue.octets,
            oldest=round(queue.oldest),
            claimed=queue.claimed,
            refused=queue.refused,
        ),
        copies={
            name: Waiting(contents=one.contents, octets=one.octets, oldest=round(one.oldest))
            for name, one in status.copies.items()
        },
    )


async def _retry(nouns: Nouns, call: Call) -> Due:
    return Due(due=await nouns.uploader.retry())


_endpoint = partial(Endpoint, group="uploader")


ENDPOINTS: Final = (
    _endpoint(
        method="GET",
        path="/uploader/status",
        name="showUploader",
        summary="Show what waits for the object stores, and since when",
        answer=UploaderStatus,
        run=_status,
    ),
    _endpoint(
        method="POST",
        path="/uploader/retry",
        name="retryUploads",
        summary="Let what a store refused be tried again now, as if it were new",
        scope=Scope.WRITE,
        answer=Due,
        changes="let refused uploads be tried again",
        run=_retry,
    ),
)
