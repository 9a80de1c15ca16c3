"""What endpoints work on: what an operator can do, noun by noun."""

from collections.abc import Callable

from attrs import frozen

from sora.operations.accounts import AccountOperations
from sora.operations.acl import AclOperations
from sora.operations.aliases import AliasOperations
from sora.operations.cache import CacheOperations
from sora.operations.cleaning import CleaningOperations
from sora.operations.connections import ConnectionOperations
from sora.operations.credentials import CredentialOperations
from sora.operations.database import DatabaseOperations
from sora.operations.domains import DomainOperations
from sora.operations.health import HealthOperations
from sora.operations.history import HistoryOperations
from sora.operations.logins import LoginOperations
from sora.operations.mailbox import MailboxOperations
from sora.operations.migrations import MigrationOperations
from sora.operations.objects import ObjectOperations
from sora.operations.past import PastOperations
from sora.operations.quota import QuotaOperations
from sora.operations.relay import RelayOperations
from sora.operations.restoring import RestoringOperations
from sora.operations.retention import RetentionOperations
from sora.operations.sieve import SieveOperations
from sora.operations.sieve_filter import SieveFiltering
from sora.operations.sieve_trial import SieveTrials
from sora.operations.tasks import TaskOperations
from sora.operations.uploader import UploaderOperations
from sora.operations.verify import VerifyOperations


@frozen(kw_only=True)
class Nouns:
    """The operations of `sora.operations`. `filtering` raises RelayOff when it is to send, and
    cannot."""

    accounts: AccountOperations
    credentials: CredentialOperations
    aliases: AliasOperations
    domains: DomainOperations
    mailboxes: MailboxOperations
    restoring: RestoringOperations
    history: HistoryOperations
    past: PastOperations
    acl: AclOperations
    quota: QuotaOperations
    sieve: SieveOperations
    trials: SieveTrials
    relay: RelayOperations
    connections: ConnectionOperations
    cache: CacheOperations
    database: DatabaseOperations
    migrations: MigrationOperations
    uploader: UploaderOperations
    objects: ObjectOperations
    verify: VerifyOperations
    filtering: Callable[[bool], SieveFiltering]
    tasks: TaskOperations
    retention: RetentionOperations
    cleaning: CleaningOperations
    health: HealthOperations
    logins: LoginOperations
