"""What an operator can do with accounts, put together on a database."""

import os
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThread

from sora.operations.accounts import AccountOperations, PasswordHashing
from sora.operations.credentials import CredentialOperations
from sora.operations.owners import OwnerLookup
from sora.operations.quota import QuotaOperations
from sora.storage.postgres.accounts import Accounts
from sora.storage.postgres.credentials import Credentials
from sora.storage.postgres.database import Database
from sora.storage.postgres.quotas import Quotas
from sora.storage.postgres.rights import RightsTable


@frozen(kw_only=True)
class AccountParts:
    """Operations on accounts, and what others are built on that ask whose something is."""

    accounts: AccountOperations
    credentials: CredentialOperations
    quota: QuotaOperations
    owners: OwnerLookup
    rights: RightsTable


def accounts_on(database: Database, dedup: Any, reactor: Any) -> AccountParts:
    """The same for the command line, the HTTP API and the embedded mode; `dedup` as in `[s3]`."""
    accounts, credentials = Accounts(database, dedup), Credentials(database)
    hashing = PasswordHashing(os.urandom, deferToThread)
    rights = RightsTable(database, reactor, dedup)
    owners = OwnerLookup(accounts, rights)
    return AccountParts(
        accounts=AccountOperations(accounts, credentials, hashing),
        credentials=CredentialOperations(credentials, hashing),
        quota=QuotaOperations(owners, Quotas(database)),
        owners=owners,
        rights=rights,
    )
