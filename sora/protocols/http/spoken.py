"""All endpoints: the explicit list, and what each group of them is about."""

from typing import Final

from sora.protocols.http.admin import (
    accounts,
    acl,
    aliases,
    cache,
    connections,
    database,
    domains,
    health,
    logins,
    mailboxes,
    migrations,
    objects,
    quota,
    relay,
    scripts,
    trials,
    uploader,
    verify,
)
from sora.protocols.http.endpoint import Endpoint

GROUPS: Final = {
    "accounts": "Accounts of users, and their addresses.",
    "aliases": "Addresses that only receive.",
    "domains": "Domains, and who receives what is nobody's in them.",
    "quota": "How much accounts may have, and what belongs to domains.",
    "mailboxes": "Mailboxes by name, and what is in them as numbers.",
    "acl": "Rights on mailboxes that are shared.",
    "scripts": "Sieve scripts of users and of domains.",
    "sieve": "Sieve scripts that are checked and tried.",
    "relay": "Mail that is to be sent.",
    "connections": "Who is connected to this process.",
    "logins": "How logins go, and who is kept out for guessing passwords.",
    "cache": "The caches of bodies on local disks.",
    "database": "The database itself, its schema, and what to say of it when it was set back.",
    "uploader": "Bodies that wait for an object store.",
    "objects": "The objects that bodies are, and their keys.",
    "verify": "Whether what is stored is intact.",
    "health": "How well the parts of this process are.",
}

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *accounts.ENDPOINTS,
    *aliases.ENDPOINTS,
    *domains.ENDPOINTS,
    *quota.ENDPOINTS,
    *mailboxes.ENDPOINTS,
    *acl.ENDPOINTS,
    *scripts.ENDPOINTS,
    *trials.ENDPOINTS,
    *relay.ENDPOINTS,
    *connections.ENDPOINTS,
    *cache.ENDPOINTS,
    *logins.ENDPOINTS,
    *database.ENDPOINTS,
    *migrations.ENDPOINTS,
    *uploader.ENDPOINTS,
    *objects.ENDPOINTS,
    *verify.ENDPOINTS,
    *health.ENDPOINTS,
)
