"""What an answer of an S3 store means, in the words of the domain (pure).

Transient are a network error, 5xx, throttling, and those 4xx that say "send it again"; they
become Unavailable. Every other 4xx becomes StoreRefused: trying again will not help (G5).
ObjectMissing is said only when the store named the key as missing: a 404 without that may come
from anything on the way (G6).
"""

import re
from typing import Final

from sora.errors import ObjectMissing, SoraError, StoreRefused, Unavailable

MAX_ERROR_BODY: Final = 64 * 1024

_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_MESSAGE: Final = re.compile(rb"<Message>([^<]{1,300})</Message>")
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
_CREDENTIALS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
)


def code_of(body: bytes) -> str:
    """The error code in the body of an answer, empty when there is none."""
    found = _CODE.search(body)
    return found[1].decode("ascii") if found else ""


def failure(status: int, body: bytes, what: str) -> SoraError:
    """The error for an answer that is not 2xx. `what` names the request: "PUT of <key>"."""
    code = code_of(body)
    text = f"The object store answered {status} {code} to {what}".replace("  ", " ")
    message = _MESSAGE.search(body)
    if message:
        text += f": {message[1].decode('utf-8', 'replace')}"
    if status >= 500 or status in (408, 425, 429) or code in _TRANSIENT:
        return Unavailable(text)
    if status == 404 and code in _MISSING:
        return ObjectMissing(text)
    if status == 404 and not code:
        return Unavailable(f"{text}, without saying what is missing")
    if status in (301, 302, 307, 308):
        return StoreRefused(f"{text}: the bucket is elsewhere; check [s3] endpoint and region")
    if code == "NoSuchBucket":
        return StoreRefused(f"{text}; make the bucket, or mend [s3] bucket")
    if code in _CREDENTIALS:
        return StoreRefused(f"{text}; check [s3] access_key and secret_key")
    if code == "RequestTimeTooSkewed":
        return StoreRefused(f"{text}; set this machine's clock")
    return StoreRefused(text)
