"""All endpoints: the explicit list, and what each group of them is about."""

from typing import Final

from sora.protocols.http.admin import accounts, connections, quota, uploader
from sora.protocols.http.endpoint import Endpoint

GROUPS: Final = {
    "accounts": "Accounts of users, their addresses, and how much they may have.",
    "connections": "Who is connected to this process.",
    "uploader": "Bodies that wait for an object store.",
}

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *accounts.ENDPOINTS,
    *quota.ENDPOINTS,
    *connections.ENDPOINTS,
    *uploader.ENDPOINTS,
)
