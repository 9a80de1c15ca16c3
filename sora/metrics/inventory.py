"""Metrics of what there is, for all nodes together."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from sora.metrics.scraped import Number, gauge_when_asked


class InventoryMetrics:
    """What there is in the database, the same on every node: take the `max`, not the `sum`. It is
    looked at once a minute.

    `active` gives how many mailboxes are selected in this process, `age` for how many seconds the
    other numbers have not been looked at, when they are asked for, which is at each scrape.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        active: Callable[[], int] = lambda: 0,
        age: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.accounts = Number(
            "sora_accounts_total",
            "Accounts; above 100,000 about so many, as the database thinks",
            registry=registry,
        )
        self.mailboxes = Number(
            "sora_mailboxes_total",
            "Mailboxes of all accounts; above 100,000 about so many",
            registry=registry,
        )
        gauge_when_asked(
            registry,
            "sora_inventory_age_seconds",
            "Time since accounts and mailboxes were counted",
            age,
        )
        gauge_when_asked(
            registry,
            "sora_active_mailboxes",
            "Mailboxes whose state is in the memory of this process",
            active,
        )
