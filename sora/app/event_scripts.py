"""`[sieve] imapsieve` and `[[sieve.imap_events]]` made into what runs scripts for what IMAP clients
do (RFC 6785)."""

from pathlib import Path
from typing import Final, cast
from uuid import uuid4

from sora.app.filtering import DeliveryParts, DeliveryRooms, read_script
from sora.config.config import Config
from sora.config.problems import ConfigError, Problem
from sora.mailbox.bodies import Bodies
from sora.mailbox.chains import Link
from sora.mailbox.crossing import Crossing
from sora.mailbox.event_acting import EventActing
from sora.mailbox.event_scripts import EventAccounts, EventRooms, EventRule, EventScripts
from sora.mailbox.events import CAUSES, Cause
from sora.mailbox.stored import Occasions, StoredSending

PORT: Final = 4190
"""of ManageSieve (RFC 5804 §1.8)"""


def event_rules(config: Config) -> tuple[EventRule, ...]:
    """The operator's rules, whose scripts compile. Raises ConfigError."""
    problems: list[Problem] = []
    rules = []
    for number, entry in enumerate(config.sieve.imap_events):
        key = f"sieve.imap_events.{number}"
        source = read_script(config.sieve, entry.script, f"{key}.script", problems)
        causes = {cause.upper() for cause in entry.causes}
        if not causes or not causes <= set(CAUSES):
            known = ", ".join(f'"{cause}"' for cause in CAUSES)
            problems.append(Problem("", f"{key}.causes", f"some of {known}"))
        elif source is not None:
            link = Link("server", Path(entry.script).name, source)
            rules.append(
                EventRule(
                    link, cast(frozenset[Cause], frozenset(causes)), entry.mailbox, entry.source
                )
            )
    if problems:
        raise ConfigError(problems)
    return tuple(rules)


def event_scripts(
    config: Config,
    rules: tuple[EventRule, ...],
    accounts: EventAccounts,
    parts: DeliveryParts,
    rooms: DeliveryRooms,
    bodies: Bodies,
) -> EventScripts | None:
    """What runs them; None when nothing does."""
    if not config.sieve.imapsieve:
        return None
    occasions = Occasions(random=parts.random, host=parts.hostname)
    sending = None
    if parts.relay is not None:
        sending = StoredSending(
            relay=parts.relay,
            rates=rooms.rates,
            answering=rooms.answering,
            bodies=bodies,
            occasions=occasions,
        )
    acting = EventActing(
        messages=parts.messages,
        arrivals=parts.arrivals,
        bodies=bodies,
        open_mailboxes=parts.open_mailboxes,
        crossing=Crossing(parts.messages, bodies, parts.arrivals),
        sending=sending,
        answering=rooms.answering,
        occasions=occasions,
        clock=parts.reactor,
        new_uuid=uuid4,
    )
    return EventScripts(
        EventRooms(
            accounts=parts.accounts,
            messages=parts.messages,
            metadata=parts.metadata,
            scripts=parts.scripts,
            bodies=bodies,
            filters=rooms.filters,
            folders=rooms.folders,
            acting=acting,
            rules=rules,
        ),
        accounts,
        most=config.sieve.imapsieve_messages,
    )


def sieve_url(config: Config, hostname: str) -> str:
    """Where clients manage scripts; empty when they cannot, or when no scripts run for them."""
    if not config.sieve.imapsieve:
        return ""
    if config.sieve.imapsieve_url:
        return config.sieve.imapsieve_url
    for server in config.servers:
        if server.type == "managesieve" and server.start:
            port = server.addr.port
            return f"sieve://{hostname}" + ("" if port == PORT else f":{port}")
    return ""
