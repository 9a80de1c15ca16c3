"""What an operator can do with accounts, put together on a database."""

import os

from attrs import frozen
from twisted.internet.threads import deferToThread

from sora.app.tables import Tables
from sora.operations.accounts import AccountOperations, PasswordHashing
from sora.operations.credentials import CredentialOperations
from sora.operations.owners import OwnerLookup
from sora.operations.quota import QuotaOperations


@frozen(kw_only=True)
class AccountParts:
    """Operations on accounts, and what others are built on that ask whose something is."""

    accounts: AccountOperations
    credentials: CredentialOperations
    quota: QuotaOperations
    owners: OwnerLookup


def accounts_on(tables: Tables) -> AccountParts:
    """The same for the command line, the HTTP API and the embedded mode."""
    hashing = PasswordHashing(os.urandom, deferToThread)
    owners = OwnerLookup(tables.accounts, tables.rights)
    return AccountParts(
        accounts=AccountOperations(tables.accounts, tables.credentials, tables.domains, hashing),
        credentials=CredentialOperations(tables.credentials, hashing),
        quota=QuotaOperations(owners, tables.quotas),
        owners=owners,
    )
