"""What endpoints work on: what an operator can do, noun by noun."""

from collections.abc import Callable

from attrs import frozen

from sora.operations.cache import CacheOperations
from sora.operations.common import CommonOperations
from sora.operations.connections import ConnectionOperations
from sora.operations.delivering import DeliveryOperations
from sora.operations.downloading import DownloadOperations
from sora.operations.exchange_places import ExchangePlaces
from sora.operations.exporting import ExportOperations
from sora.operations.health import HealthOperations
from sora.operations.importing import ImportOperations
from sora.operations.logins import LoginOperations
from sora.operations.objects import ObjectOperations
from sora.operations.sieve import SieveOperations
from sora.operations.sieve_filter import SieveFiltering
from sora.operations.sieve_trial import SieveTrials
from sora.operations.tasks import TaskOperations
from sora.operations.tls import TLSOperations
from sora.operations.verify import VerifyOperations


@frozen(kw_only=True)
class Nouns(CommonOperations):
    """The operations of `sora.operations` that a server has. `filtering` raises RelayOff when it is
    to send, and cannot."""

    sieve: SieveOperations
    trials: SieveTrials
    connections: ConnectionOperations
    cache: CacheOperations
    objects: ObjectOperations
    verify: VerifyOperations
    filtering: Callable[[bool], SieveFiltering]
    importing: ImportOperations
    exporting: ExportOperations
    downloading: DownloadOperations
    places: ExchangePlaces
    delivering: DeliveryOperations
    tasks: TaskOperations
    health: HealthOperations
    tls: TLSOperations
    logins: LoginOperations
