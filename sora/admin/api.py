"""Running servers, asked over their HTTP API: what the database alone cannot tell."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from twisted.internet.defer import CancelledError

from sora.admin.failed import CommandFailed

if TYPE_CHECKING:
    from treq.client import HTTPClient
    from twisted.web.iweb import IResponse

TIMEOUT: Final = 10.0
"""seconds that a server may take"""
MAX_ANSWER: Final = 16 * 1024 * 1024
"""octets of an answer"""


class NoServer(CommandFailed):
    """No server answers there."""


class AdminAPI:
    """The API of one server. `url` is where it is, without `/admin`; `open_client` gives what asks
    it, `pause` waits for so many seconds. `is_configured` tells whether the configuration has a
    server that should answer."""

    def __init__(
        self,
        url: str,
        key: str,
        open_client: Callable[[], "HTTPClient"],
        pause: Callable[[float], Awaitable[object]],
        *,
        is_configured: bool = False,
    ) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._open_client = open_client
        self.pause = pause
        self.is_configured = is_configured

    @property
    def url(self) -> str:
        """Where it is."""
        return self._url

    async def get(self, path: str, **query: str) -> Any:
        """What a resource below `/admin` is. Raises NoServer, CommandFailed."""
        given = {name: value for name, value in query.items() if value}
        suffix = f"?{urlencode(given, errors='surrogateescape')}" if given else ""
        return await self._ask("GET", path + suffix, None)

    async def post(self, path: str, body: Any, patience: float = TIMEOUT) -> Any:
        """What comes of a POST, in so many seconds. Raises NoServer, CommandFailed."""
        return await self._ask("POST", path, body, patience)

    async def send(
        self,
        path: str,
        octets: bytes,
        media: str,
        query: Sequence[tuple[str, str]],
        patience: float = TIMEOUT,
    ) -> Any:
        """What comes of a POST of octets, which are of a media type, in so many seconds. Raises
        NoServer, CommandFailed."""
        suffix = urlencode(query, errors="surrogateescape")
        return await self._exchange("POST", f"{path}?{suffix}", octets, media, patience)

    async def _ask(self, method: str, path: str, body: Any, patience: float = TIMEOUT) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return await self._exchange(method, path, data, "application/json", patience)

    async def _exchange(
        self, method: str, path: str, data: bytes | None, media: str, patience: float
    ) -> Any:
        if not self._key:
            raise CommandFailed(
                "the HTTP API wants a key: set [admin] api_key or api_key_file to one of the"
                " server's"
            )
        headers: dict[bytes | str, bytes | str] = {"Authorization": f"Bearer {self._key}"}
        if data is not None:
            headers["Content-Type"] = media
        try:
            response = await self._open_client().request(
                method, f"{self._url}/admin{path}", headers=headers, data=data, timeout=patience
            )
            text = await response.content()
        except CancelledError:
            raise NoServer(f"{self._url} did not answer within {patience:g} seconds") from None
        except Exception as error:  # noqa: BLE001 - whatever the network does, it was no answer
            raise NoServer(f"no server answers at {self._url} ([admin] api_url): {error}") from None
        return _answer(self._url, response, text)


def _answer(url: str, response: "IResponse", text: bytes) -> Any:
    try:
        document = json.loads(text[:MAX_ANSWER]) if text else {}
    except ValueError:
        raise CommandFailed(f"{url} answered {response.code}, and no JSON: is it Sora?") from None
    if response.code in (401, 403):
        raise CommandFailed(f"{url} refuses the key, or this address: {_detail(document)}")
    if response.code >= 400:
        raise CommandFailed(f"{url} answered {response.code}: {_detail(document)}")
    return document


def _detail(document: Any) -> str:
    if isinstance(document, dict):
        return str(document.get("detail") or document.get("title") or "no reason")
    return "no reason"
