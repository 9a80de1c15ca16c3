"""Requests that are done once, however often they are sent: `Idempotency-Key`
(draft-ietf-httpapi-idempotency-key-header).

The first request with a key is done, and its answer is kept for a day where all nodes see it; the
same request again, also on another node, is given that answer. What failed is not kept: nothing was
made, and the key may be used again; so is what was done in part (207), which again does the rest. A
key belongs to the caller. Of a request only a digest is
kept, keyed with the caller's own key: it may hold a password, which whoever reads the database must
not be able to try out against it.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from hmac import new as hmac
from typing import Final
from uuid import UUID

from twisted.logger import Logger

from sora.errors import SoraError
from sora.protocols.http.problems import BAD_REQUEST, KEY_REUSED, UNDER_WAY, Refused
from sora.storage.interfaces import IRequests
from sora.storage.rows import BegunRequest, KeptAnswer, RequestState

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
PARTIAL: Final = 207
"""Multi-Status: the status of an answer that says of each part whether it was done"""
KEEP: Final = timedelta(days=1)
LEASE: Final = timedelta(minutes=5)
"""after which a request that has not ended is taken for one whose process is gone"""
MOST: Final = 100_000
"""keys of a caller in a day"""
LONGEST: Final = 255
"""characters of the header"""

# A string of RFC 8941 §3.3.3. What is none counts as it is: many send a key without quotes.
_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"\Z')


def idempotency_key(given: Sequence[bytes]) -> str | None:
    """The key of a request, from its headers; None when it has none. Raises Refused."""
    if not given:
        return None
    text = given[0].decode("latin-1").strip()
    if len(given) > 1 or not 1 <= len(text) <= LONGEST or "\0" in text:
        raise Refused(BAD_REQUEST, f"{HEADER} must be one string of 1 to {LONGEST} characters")
    quoted = _QUOTED.match(text)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text


def digest_of_request(secret: str, *parts: bytes) -> bytes:
    """What tells a request from others: of all that it asks for, keyed with what its caller has
    shown."""
    found = hmac(secret.encode("utf-8", "surrogateescape"), digestmod=sha256)
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.digest()


class Once:
    """Does what was not done yet."""

    log = Logger()

    def __init__(self, requests: IRequests, new_uuid: Callable[[], UUID]) -> None:
        self._requests = requests
        self._new_uuid = new_uuid

    async def run(
        self, caller: str, key: str, digest: bytes, work: Callable[[], Awaitable[KeptAnswer]]
    ) -> tuple[KeptAnswer, bool]:
        """The answer, and whether it is one that was kept. Raises Refused, TooMany, and what
        `work` raises."""
        holder = self._new_uuid()
        begun: BegunRequest = await self._requests.begin(
            caller, key, digest, holder, lease=LEASE, keep=KEEP, most=MOST
        )
        if begun.answer is not None:
            return begun.answer, True
        if begun.state is RequestState.OTHER:
            raise Refused(KEY_REUSED, f"{HEADER} has to be new for each thing that is asked for")
        if begun.state is RequestState.BUSY:
            raise Refused(UNDER_WAY, "Ask again for its answer", wait=1)
        try:
            answer = await work()
        except BaseException:
            await self._note(self._requests.give_up(caller, key, holder))
            raise
        if answer.status == PARTIAL:
            await self._note(self._requests.give_up(caller, key, holder))
        else:
            await self._note(self._requests.end(caller, key, holder, answer))
        return answer, False

    async def _note(self, noting: Awaitable[None]) -> None:
        """What was done is done, also when that cannot be written down."""
        try:
            await noting
        except SoraError as error:
            self.log.warn("an idempotency key is not kept: {error}", error=error.text)
