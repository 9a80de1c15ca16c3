"""What endpoints work on: what an operator can do, noun by noun."""

from attrs import frozen

from sora.operations.accounts import AccountOperations
from sora.operations.cache import CacheOperations
from sora.operations.connections import ConnectionOperations
from sora.operations.credentials import CredentialOperations
from sora.operations.database import DatabaseOperations
from sora.operations.health import HealthOperations
from sora.operations.quota import QuotaOperations
from sora.operations.uploader import UploaderOperations


@frozen(kw_only=True)
class Nouns:
    """The operations of `sora.operations`."""

    accounts: AccountOperations
    credentials: CredentialOperations
    quota: QuotaOperations
    connections: ConnectionOperations
    cache: CacheOperations
    database: DatabaseOperations
    uploader: UploaderOperations
    health: HealthOperations
