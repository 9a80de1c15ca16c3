"""`[sieve]` and `[relay]` made into what delivers: filters, plans, answers."""

from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any, Final, cast
from uuid import uuid4

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from sora.app.past import past_prefix
from sora.app.sieve import dialect_of, limits_of
from sora.config.config import Config
from sora.config.problems import ConfigError, Problem
from sora.config.sieve import SieveConfig
from sora.mailbox.answering import Answering
from sora.mailbox.arrivals import Arrivals
from sora.mailbox.chains import FilterRooms
from sora.mailbox.deciding import DecideRooms, Deciding
from sora.mailbox.delivery import Delivery
from sora.mailbox.filtering import Filters
from sora.mailbox.folders import FolderRooms
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.mailbox.owners import Owners
from sora.mailbox.places import SharedNamespace
from sora.mailbox.planning import Detail, PlanRooms
from sora.mailbox.redirecting import Rates
from sora.mailbox.scripts import Compiler
from sora.mailbox.success_reports import SuccessReports
from sora.metrics.sieve import SieveMetrics
from sora.relay.interfaces import IRelay
from sora.sieve.compile import compile_script
from sora.sieve.errors import ScriptErrors
from sora.sieve.extensions.spamtest import Score
from sora.storage.interfaces import (
    IAccounts,
    IMailboxes,
    IMessages,
    IMetadata,
    IRights,
    IScripts,
)

SEPARATOR: Final = "+"
VIRUS: Final = {"clean": 0.0, "no": 0.0, "infected": 1.0, "yes": 1.0, "virus": 1.0}


@frozen
class ServerScripts:
    """The texts of `default_before` and `default_after`, which compile."""

    before: str | None = None
    after: str | None = None


def server_scripts(config: Config) -> ServerScripts:
    """Read the server's scripts. Raises ConfigError, with file, line and column."""
    sieve = config.sieve
    problems: list[Problem] = []
    before = read_script(sieve, sieve.default_before, "sieve.default_before", problems)
    after = read_script(sieve, sieve.default_after, "sieve.default_after", problems)
    if problems:
        raise ConfigError(problems)
    return ServerScripts(before, after)


def read_script(sieve: SieveConfig, path: str, key: str, problems: list[Problem]) -> str | None:
    """The text of a script that a key names, and which compiles; None for none."""
    if not path:
        return None
    try:
        source = Path(path).read_text(encoding="utf-8")
        compile_script(source, dialect_of(sieve), limits_of(sieve))
    except OSError as error:
        problems.append(Problem("", key, f"{path}: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(Problem("", key, f"{path}: a script has to be UTF-8"))
    except ScriptErrors as errors:
        problems += [Problem("", key, f"{path}, {error}") for error in errors.errors]
    else:
        return source
    return None


@frozen(kw_only=True)
class DeliveryParts:
    """What a delivery is built from. `relay` is None when none is configured."""

    accounts: IAccounts
    mailboxes: IMailboxes
    messages: IMessages
    metadata: IMetadata
    rights: IRights
    scripts: IScripts
    arrivals: Arrivals
    open_mailboxes: OpenMailboxes
    compiler: Compiler
    threads: Any
    relay: IRelay | None
    namespace: SharedNamespace | None
    hostname: str
    random: Callable[[int], bytes]
    reactor: IReactorTime
    metrics: SieveMetrics


@frozen(kw_only=True)
class DeliveryRooms:
    """What deliveries share with others that run scripts."""

    filters: Filters
    folders: FolderRooms
    rates: Rates
    answering: Answering


def delivery_rooms(config: Config, server: ServerScripts, parts: DeliveryParts) -> DeliveryRooms:
    """Filters, and what acts for them."""
    folders = FolderRooms(
        parts.mailboxes,
        parts.open_mailboxes,
        Owners(parts.rights, parts.reactor),
        uuid4,
        parts.namespace,
        past_prefix(config),
    )
    return DeliveryRooms(
        filters=Filters(filter_rooms(config, server, parts)),
        folders=folders,
        rates=Rates(parts.reactor, config.sieve.max_sent_per_hour),
        answering=Answering(
            relay=parts.relay,
            arrivals=parts.arrivals,
            open_mailboxes=parts.open_mailboxes,
            folders=folders,
            new_uuid=uuid4,
        ),
    )


def delivery_of(config: Config, parts: DeliveryParts, rooms: DeliveryRooms) -> Delivery:
    """The door for incoming mail, with its filters."""
    deciding = Deciding(
        DecideRooms(
            filters=rooms.filters,
            folders=rooms.folders,
            plans=PlanRooms(
                rates=rooms.rates,
                has_relay=parts.relay is not None,
                detail=cast(Detail, config.sieve.detail_mailbox),
                redirects_as_owner=config.sieve.redirect_sender == "owner",
            ),
            random=parts.random,
            host=parts.hostname,
        )
    )
    return Delivery(
        parts.accounts,
        parts.arrivals,
        parts.open_mailboxes,
        parts.reactor,
        deciding=deciding,
        answering=rooms.answering,
        relay=parts.relay,
        reports=(
            None
            if parts.relay is None
            else SuccessReports(parts.relay, parts.hostname, parts.random)
        ),
    )


def filter_rooms(config: Config, server: ServerScripts, parts: DeliveryParts) -> FilterRooms:
    """What scripts are run with."""
    return FilterRooms(
        compiler=parts.compiler,
        scripts=parts.scripts,
        messages=parts.messages,
        metadata=parts.metadata,
        rights=parts.rights,
        threads=parts.threads,
        clock=parts.reactor,
        cpu=thread_time,
        limits=parts.compiler.limits,
        before=server.before,
        after=server.after,
        separator=SEPARATOR,
        environment={"host": parts.hostname},
        settings=settings_of(config.sieve),
        metrics=parts.metrics,
    )


def settings_of(sieve: SieveConfig) -> dict[str, Any]:
    """What the operator has set for extensions."""
    settings: dict[str, Any] = {}
    if sieve.spam_header:
        settings["spamtest"] = Score(sieve.spam_header, most=sieve.spam_score)
    if sieve.virus_header:
        settings["virustest"] = Score(sieve.virus_header, pattern="[A-Za-z]+", most=1, texts=VIRUS)
    return settings
