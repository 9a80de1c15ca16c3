"""Signatures (AWS Signature Version 4) and where their keys come from, both by botocore."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.session import Session
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sora.errors import SoraError, StoreRefused, Unavailable
from sora.threads import Threads

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
EMPTY: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The SHA-256 of no octets."""


ADVISORY: Final = 15 * 60
"""Seconds before its end from which on a key is renewed, when there is time."""
MANDATORY: Final = 10 * 60
"""The same, from when on it is not used any more."""
PAUSE: Final = 5.0
"""Seconds for which nobody asks again for keys that could not be had."""


def _from_chain() -> Any:
    return Session().get_credentials()


class _Signer(S3SigV4Auth):
    """Takes the payload's SHA-256 from us: botocore would read the body for it."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        if ahead := request.context["ahead"]:
            moment = datetime.now(UTC) + timedelta(seconds=ahead)
            request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        super()._modify_request_before_signing(request)


class Keys:
    """Static keys, or botocore's chain: environment, shared files, container, instance role.

    The chain asks files and the network, so it runs in a thread, once for all who wait. Keys that
    expire are renewed before they do: in their last quarter of an hour while requests go on with
    them, in the last ten minutes by those who wait.
    """

    log = Logger()

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        threads: Threads,
        seconds: Callable[[], float],
        find: Callable[[], Any] = _from_chain,
    ) -> None:
        self._threads = threads
        self._seconds = seconds
        self._find = find
        self._static = (
            ReadOnlyCredentials(access_key, secret_key, None) if access_key or secret_key else None
        )
        self._source: Any = None
        self._keys: Any = None
        self._asking: list[Deferred[None]] | None = None
        self._not_before = 0.0
        self._why: SoraError | None = None

    async def current(self) -> Any:
        """botocore's credentials, fresh. Raises StoreRefused when there are none, Unavailable when
        where they come from does not answer."""
        if self._static is not None:
            return self._static
        if self._keys is None or self._is_due(MANDATORY):
            await self._renewed()
        elif self._is_due(ADVISORY) and self._asking is None:
            # Nobody waits for it.
            Deferred.fromCoroutine(self._renewed()).addErrback(self._not_yet)
        return self._keys

    def _is_due(self, seconds: float) -> bool:
        refresh_needed = getattr(self._source, "refresh_needed", None)
        return refresh_needed is not None and bool(refresh_needed(seconds))

    def _not_yet(self, failure: Failure) -> None:
        failure.trap(SoraError)
        self.log.warn(
            "the keys for the object store are not renewed yet: {error}",
            error=failure.getErrorMessage(),
        )

    async def _renewed(self) -> None:
        """Ask for keys, or wait for who is asking; not again at once after it failed."""
        if self._asking is not None:
            waiting: Deferred[None] = Deferred()
            self._asking.append(waiting)
            await waiting
            return
        if self._why is not None and self._seconds() < self._not_before:
            raise self._why
        self._asking = []
        self._why = None
        try:
            self._source, self._keys = await self._threads.run(self._ask)
        except SoraError as error:
            self._why = error
        except Exception as error:  # noqa: BLE001 - botocore has many
            self._why = Unavailable(f"The keys for the object store cannot be had: {error}")
        if self._why is not None:
            self._not_before = self._seconds() + PAUSE
        asking, self._asking = self._asking, None
        for waiting in asking:
            waiting.errback(self._why) if self._why else waiting.callback(None)
        if self._why is not None:
            raise self._why

    def _ask(self) -> tuple[Any, Any]:
        """In a thread."""
        source = self._source or self._find()
        if source is None:
            raise StoreRefused(
                "There are no keys for the object store: set [s3] access_key and secret_key, or"
                " give this machine a role (environment, ~/.aws, container and instance were asked)"
            )
        return source, source.get_frozen_credentials()


def sign(
    credentials: Any,
    region: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    payload: str,
    ahead: float = 0.0,
) -> dict[str, str]:
    """The headers of a request, with those that sign it. `payload` is the body's SHA-256 in
    hexadecimal digits, or UNSIGNED; the store's clock is `ahead` of ours by so many seconds."""
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    request.context["payload"] = payload
    request.context["ahead"] = ahead
    _Signer(credentials, "s3", region).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}
