"""What the rest of Sora asks of storage.

Every method returns a Deferred. The budget of round trips stands with each method; tests
count them. Failures are classes of `sora.errors`: `Unavailable` when the storage cannot be
reached in time, `OutcomeUnknown` when a write may or may not have happened and reading it
back could not tell (G14). Nothing else leaves an adapter.

Two implementations answer each interface, `sora.storage.postgres` and
`sora.storage.memory`, and pass the same contract tests (`trial_tests/storage/contracts`).
"""

from sora.storage.interfaces.accounts import IAccounts, IAliases, ICredentials, IDomains, IQuotas
from sora.storage.interfaces.bodies import ICopies, IObjects, IUploads
from sora.storage.interfaces.cache import IBodyCache, ICacheHistory
from sora.storage.interfaces.cleaning import ICleaning
from sora.storage.interfaces.deletions import IDeletions
from sora.storage.interfaces.history import IHistory
from sora.storage.interfaces.importing import IImporting
from sora.storage.interfaces.indexing import IIndexing
from sora.storage.interfaces.mailboxes import IMailboxes, IMetadata, IRights
from sora.storage.interfaces.maildrops import IMaildrops
from sora.storage.interfaces.membership import IMembership
from sora.storage.interfaces.messages import IMessages
from sora.storage.interfaces.past import IPast
from sora.storage.interfaces.purging import IPurging
from sora.storage.interfaces.requests import IRequests, ITasks
from sora.storage.interfaces.restoring import IRestoring
from sora.storage.interfaces.retention import IRetention
from sora.storage.interfaces.scripts import IScripts
from sora.storage.interfaces.upkeep import IUpkeep
from sora.storage.interfaces.verifying import IVerifying

__all__ = [
    "IAccounts",
    "IAliases",
    "IBodyCache",
    "ICacheHistory",
    "ICleaning",
    "ICopies",
    "ICredentials",
    "IDeletions",
    "IDomains",
    "IHistory",
    "IImporting",
    "IIndexing",
    "IMailboxes",
    "IMaildrops",
    "IMembership",
    "IMessages",
    "IMetadata",
    "IObjects",
    "IPast",
    "IPurging",
    "IQuotas",
    "IRequests",
    "IRestoring",
    "IRetention",
    "IRights",
    "IScripts",
    "ITasks",
    "IUpkeep",
    "IUploads",
    "IVerifying",
]
