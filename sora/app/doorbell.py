"""`[process] doorbell` made into the doorbell between the processes of this node."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from sora.config.process import ProcessConfig
from sora.mail.annotations import Entry, parse_entry
from sora.mailbox.announcing import Bells
from sora.mailbox.open_mailboxes import OpenMailboxes
from sora.metrics.doorbell import DoorbellMetrics
from sora.net.doorbell import Doorbell
from sora.net.rings import Kind, Ring
from sora.storage.interfaces import IMailboxes

OF_THE_SYSTEM = Path("/run/sora")
"""systemd makes it for the unit's user (RuntimeDirectory)"""
BETWEEN = b"\0"
TOGETHER = 50
"""names of annotations that travel in one record: they have at most 1,000 octets each"""


def open_mailboxes_of(
    mailboxes: IMailboxes,
    config: ProcessConfig,
    *,
    database_id: UUID,
    process_id: UUID,
    reactor: Any,
    registry: CollectorRegistry,
    grew: Callable[[int, int, int], None],
    entries_set: Callable[[Sequence[Entry]], None],
) -> tuple[OpenMailboxes, Doorbell]:
    """The open mailboxes of this process, and the doorbell that joins them to those of others.

    `grew` is called for messages that came into a mailbox, `entries_set` for annotations that
    were changed (see `Bells`).
    """

    def heard(ring: Ring) -> None:
        if ring.kind == Kind.HELLO:
            opened.met()
        elif ring.kind == Kind.MAILBOX:
            opened.heard(ring.id, ring.number)
        elif ring.kind == Kind.NAMES:
            opened.heard_names(ring.id)
        elif ring.kind == Kind.ANNOTATED:
            entries = [parse_entry(name) for name in ring.text.split(BETWEEN)]
            opened.heard_annotated(ring.id, ring.number, entries)

    def ring_annotated(mailbox_id: int, reader: int, entries: Sequence[Entry]) -> None:
        for start in range(0, len(entries), TOGETHER):
            names = [entry.name.encode("ascii") for entry in entries[start : start + TOGETHER]]
            doorbell.annotated(mailbox_id, reader, BETWEEN.join(names))

    doorbell = Doorbell(
        reactor,
        directory_of(config),
        database_id,
        process_id,
        DoorbellMetrics(registry),
        heard,
    )
    opened = OpenMailboxes(
        mailboxes,
        reactor,
        process_id,
        bells=Bells(
            ring=doorbell.mailbox_changed,
            ring_names=doorbell.names_changed,
            ring_annotated=ring_annotated,
            grew=grew,
            entries_set=entries_set,
        ),
    )
    return opened, doorbell


def directory_of(config: ProcessConfig, of_the_system: Path = OF_THE_SYSTEM) -> Path:
    """Where the sockets are. It does not depend on the environment: all processes of a user
    have to come to the same."""
    if config.doorbell:
        return Path(config.doorbell)
    user = os.geteuid()
    try:
        if of_the_system.stat().st_uid == user:
            return of_the_system
    except OSError:
        pass
    return Path(f"/tmp/sora-{user}")  # noqa: S108 - it is checked that it is ours
