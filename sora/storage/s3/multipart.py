"""Large objects in parts: an upload that breaks goes on with its part, not from the beginning.

A part is in memory as a whole, so that it can be sent again, and one at a time is; its SHA-256 is
signed, so that the store refuses a part that is not what was sent. The length and BLAKE3 of all are
verified before the upload is completed: until then there is no object (G4). An upload that fails is
aborted; where that cannot be done either (the process died, the store is away), the parts stay in
the bucket, unseen, until a rule of the bucket removes them (`docs/storage.md`).
"""

import re
from collections.abc import Callable
from typing import Final
from xml.sax.saxutils import escape, unescape

from twisted.logger import Logger

from sora.errors import SoraError, StoreRefused, Unavailable
from sora.storage.digests import Metered
from sora.storage.s3.attempts import Attempts, Kind
from sora.storage.s3.client import S3Client
from sora.storage.s3.transfer import Part

_UPLOAD_ID: Final = re.compile(rb"<UploadId>([^<]{1,1024})</UploadId>")
_ETAG: Final = re.compile(rb"<ETag>([^<]{1,200})</ETag>")
_log: Final = Logger()


class Parts:
    """Objects of one store in parts."""

    def __init__(self, client: S3Client, attempts: Attempts) -> None:
        self._client = client
        self._attempts = attempts

    async def put(self, key: str, open_body: Callable[[], object], size: int, hash: bytes) -> str:
        """Store an object; gives its ETag. Raises Unavailable, StoreRefused."""
        upload = await self._attempts.run(Kind.PUT, "create", lambda: self._begin(key))
        body = Metered(open_body())
        try:
            etags = await self._send(key, upload, body)
            body.verify(size, hash)
            return await self._attempts.run(
                Kind.PUT, "complete", lambda: self._complete(key, upload, etags, size)
            )
        except BaseException:
            await self._abort(key, upload)
            raise
        finally:
            body.close()

    async def _send(self, key: str, upload: str, body: Metered) -> list[str]:
        etags: list[str] = []
        while True:
            part = await self._client.read_part(body)
            if part is None:
                return etags
            query = {"partNumber": str(len(etags) + 1), "uploadId": upload}

            async def work(part: Part = part, query: dict[str, str] = query) -> str:
                return await self._client.put_part(key, query, part)

            etags.append(await self._attempts.run(Kind.PUT, "part", work))

    async def _begin(self, key: str) -> str:
        text = await self._client.post(key, {"uploads": ""}, b"", describes=True)
        found = _UPLOAD_ID.search(text)
        if found is None:
            raise Unavailable("The object store began an upload without giving its id")
        return unescape(found[1].decode("utf-8", "replace"))

    async def _complete(self, key: str, upload: str, etags: list[str], size: int) -> str:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        text = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        try:
            answer = await self._client.post(key, {"uploadId": upload}, text.encode())
        except StoreRefused as error:
            # An answer that was lost: the upload is gone because the object is there.
            if "NoSuchUpload" in error.text and await self._client.size(key) == size:
                return ""
            raise
        found = _ETAG.search(answer)
        return unescape(found[1].decode(), {"&quot;": '"'}).strip('"') if found else ""

    async def _abort(self, key: str, upload: str) -> None:
        try:
            await self._client.delete(key, {"uploadId": upload})
        except SoraError as error:
            _log.info("an upload of {key} in parts is left: {error}", key=key, error=error.text)
