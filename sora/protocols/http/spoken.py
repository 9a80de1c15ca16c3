"""All endpoints: the explicit list, and what each group of them is about."""

from typing import Final

from sora.protocols.http.admin import (
    accounts,
    cache,
    connections,
    database,
    health,
    quota,
    uploader,
)
from sora.protocols.http.endpoint import Endpoint

GROUPS: Final = {
    "accounts": "Accounts of users, their addresses, and how much they may have.",
    "connections": "Who is connected to this process.",
    "cache": "The caches of bodies on local disks.",
    "database": "The database itself, and what to say of it when it was set back.",
    "uploader": "Bodies that wait for an object store.",
    "health": "How well the parts of this process are.",
}

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *accounts.ENDPOINTS,
    *quota.ENDPOINTS,
    *connections.ENDPOINTS,
    *cache.ENDPOINTS,
    *database.ENDPOINTS,
    *uploader.ENDPOINTS,
    *health.ENDPOINTS,
)
