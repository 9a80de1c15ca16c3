"""All endpoints: the explicit list, and what each group of them is about."""

from typing import Final

from sora.protocols.http.admin import accounts, connections, health, quota, uploader
from sora.protocols.http.endpoint import Endpoint

GROUPS: Final = {
    "accounts": "Accounts of users, their addresses, and how much they may have.",
    "connections": "Who is connected to this process.",
    "uploader": "Bodies that wait for an object store.",
    "health": "How well the parts of this process are.",
}

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *accounts.ENDPOINTS,
    *quota.ENDPOINTS,
    *connections.ENDPOINTS,
    *uploader.ENDPOINTS,
    *health.ENDPOINTS,
)
