"""What operators can do on the command line and over HTTP alike."""

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    # A command line is parsed, and a help text printed, without any of them.
    from sora.operations.account_details import AccountDetails
    from sora.operations.accounts import AccountOperations
    from sora.operations.acl import AclOperations
    from sora.operations.aliases import AliasOperations
    from sora.operations.cleaning import CleaningOperations
    from sora.operations.credentials import CredentialOperations
    from sora.operations.database import DatabaseOperations
    from sora.operations.domain_purge import DomainPurge
    from sora.operations.domains import DomainOperations
    from sora.operations.history import HistoryOperations
    from sora.operations.mailbox import MailboxOperations
    from sora.operations.migrations import MigrationOperations
    from sora.operations.past import PastOperations
    from sora.operations.quota import QuotaOperations
    from sora.operations.relay import RelayOperations
    from sora.operations.restoring import RestoringOperations
    from sora.operations.retention import RetentionOperations
    from sora.operations.uploader import UploaderOperations


@frozen(kw_only=True)
class CommonOperations:
    """The operations that both work on; each has others beside them."""

    accounts: "AccountOperations"
    details: "AccountDetails"
    credentials: "CredentialOperations"
    aliases: "AliasOperations"
    domains: "DomainOperations"
    domain_purge: "DomainPurge"
    acl: "AclOperations"
    mailboxes: "MailboxOperations"
    quota: "QuotaOperations"
    restoring: "RestoringOperations"
    history: "HistoryOperations"
    past: "PastOperations"
    retention: "RetentionOperations"
    cleaning: "CleaningOperations"
    relay: "RelayOperations"
    uploader: "UploaderOperations"
    database: "DatabaseOperations"
    migrations: "MigrationOperations"
