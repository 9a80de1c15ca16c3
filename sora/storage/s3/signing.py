"""Signatures (AWS Signature Version 4) and where their keys come from, both by botocore."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

from sora.errors import StoreRefused
from sora.threads import Threads

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
EMPTY: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The SHA-256 of no octets."""


class _Signer(S3SigV4Auth):
    """Takes the payload's SHA-256 from us: botocore would read the body for it."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])


class Keys:
    """Static keys, or botocore's chain: environment, shared files, container, instance role.

    The chain may ask the network, so it runs in a thread.
    """

    def __init__(self, access_key: str, secret_key: str, threads: Threads) -> None:
        self._threads = threads
        self._found: Any = Credentials(access_key, secret_key) if access_key else None

    async def current(self) -> Any:
        """botocore's credentials, fresh. Raises StoreRefused when there are none."""
        if self._found is None:
            self._found = await self._threads.run(Session().get_credentials)
            if self._found is None:
                raise StoreRefused(
                    "There are no keys for the object store; set [s3] access_key and secret_key"
                )
        refresh_needed = getattr(self._found, "refresh_needed", None)
        if refresh_needed is not None and refresh_needed():
            return await self._threads.run(self._found.get_frozen_credentials)
        return self._found.get_frozen_credentials()


def sign(
    credentials: Any, region: str, method: str, url: str, headers: Mapping[str, str], payload: str
) -> dict[str, str]:
    """The headers of a request, with those that sign it. `payload` is the body's SHA-256 in
    hexadecimal digits, or UNSIGNED."""
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    request.context["payload"] = payload
    _Signer(credentials, "s3", region).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}
