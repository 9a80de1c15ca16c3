"""What an answer of an S3 store means, in the words of the domain (pure).

Transient are a network error, 5xx, throttling, a store that is full, and those 4xx that say "send
it again"; they become Unavailable. Every other 4xx becomes StoreRefused: trying again will not help
(G5).
ObjectMissing is said only when the store named the key as missing: a 404 without that may come
from anything on the way (G6).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Final

from attrs import frozen

from sora.errors import ObjectMissing, SoraError, StoreRefused, Unavailable

MAX_ERROR_BODY: Final = 64 * 1024

_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_MESSAGE: Final = re.compile(rb"<Message>([^<]{1,300})</Message>")
_REGION: Final = re.compile(rb"<Region>([A-Za-z0-9-]{1,40})</Region>")
_ENDPOINT: Final = re.compile(rb"<Endpoint>([A-Za-z0-9.:-]{1,200})</Endpoint>")
_ELSEWHERE: Final = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect"})
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchVersion"})
_TRANSIENT: Final = frozenset(
    {
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "XAmzContentSHA256Mismatch",
    }
)
_THROTTLED: Final = frozenset({"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests"})
_FULL: Final = re.compile(r"QuotaExceeded|StorageFull|InsufficientStorage")
"""Amazon has no end; others name it as they like"""
_CREDENTIALS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)
_RIGHTS: Final = {
    "DELETE": "s3:DeleteObject",
    "GET": "s3:GetObject",
    "POST": "s3:PutObject",
    "PUT": "s3:PutObject",
}
"""what a policy calls the right to a request, by its method; the rest are listings"""


@frozen
class Answer:
    """An answer that is not 2xx: its body, as far as it was read, and its headers by name, in small
    letters."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The error code in the body, empty when there is none."""
        return _found(_CODE, self.body)

    @property
    def region(self) -> str:
        """Where the bucket is, if the store says so."""
        return self.headers.get("x-amz-bucket-region", "") or _found(_REGION, self.body)


class Throttled(Unavailable):
    """The store wants to be left alone for `after` seconds."""

    def __init__(self, text: str, after: float) -> None:
        super().__init__(text)
        self.after = after


class ClockSkewed(StoreRefused):
    """The store's clock is `ahead` of ours by so many seconds, as far as it tells."""

    def __init__(self, text: str, ahead: float | None) -> None:
        super().__init__(text)
        self.ahead = ahead


def failure(answer: Answer, what: str, now: datetime) -> SoraError:
    """The error for an answer that is not 2xx. `what` names the request: "PUT of <key>"."""
    status, code = answer.status, answer.code
    text = f"The object store answered {status} {code} to {what}".replace("  ", " ")
    message = _found(_MESSAGE, answer.body)
    if message:
        text += f": {message}"
    if status == 501 or code == "NotImplemented":
        mend = 'if it is a checksum, set [s3] checksum = "md5" or "none"; if encryption, sse = ""'
        return StoreRefused(f"{text}; the store does not have what was asked for: {mend}")
    if status == 507 or _FULL.search(code):
        return Unavailable(f"{text}; make room in the store, or raise the quota of the bucket")
    if status >= 500 or status in (408, 425, 429) or code in _TRANSIENT:
        if code in _THROTTLED:
            text += "; ask for a higher limit there, or lower [upload] workers"
        after = answer.headers.get("retry-after", "")
        return Throttled(text, float(after)) if after.isdecimal() else Unavailable(text)
    if status == 404 and code in _MISSING:
        return ObjectMissing(text)
    if status == 404 and not code:
        return Unavailable(f"{text}, without saying what is missing")
    if code == "RequestTimeTooSkewed":
        return ClockSkewed(f"{text}; set this machine's clock", _ahead(answer, now))
    return StoreRefused(text + _mend(answer, what))


def _mend(answer: Answer, what: str) -> str:
    """What an operator can do about a refusal."""
    if answer.status in (301, 302, 307, 308) or (answer.code in _ELSEWHERE and answer.region):
        endpoint = _found(_ENDPOINT, answer.body)
        if answer.region:
            return f': the bucket is elsewhere; set [s3] region = "{answer.region}"'
        if endpoint:
            return f": the bucket is elsewhere, at {endpoint}; check [s3] endpoint and region"
        return ": the bucket is elsewhere; check [s3] endpoint and region"
    if answer.code == "NoSuchBucket":
        return "; make the bucket, or mend [s3] bucket"
    if answer.code in _CREDENTIALS:
        return "; check [s3] access_key and secret_key"
    if answer.code == "AccessDenied":
        right = _RIGHTS.get(what.partition(" ")[0], "s3:ListBucket")
        return f"; allow the key {right} in this bucket, or mend [s3] bucket"
    return ""


def _ahead(answer: Answer, now: datetime) -> float | None:
    try:
        return (parsedate_to_datetime(answer.headers["date"]) - now).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None


def _found(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return unescape(found[1].decode("utf-8", "replace")) if found else ""
