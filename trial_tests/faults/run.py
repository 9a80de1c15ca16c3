"""One seed: load, faults in its order, healing, and what is wrong then."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from random import Random
from typing import Final

from attrs import define, field

from trial_tests.faults.checks import check_objects, check_rows
from trial_tests.faults.ledger import Found, Ledger, Place
from trial_tests.faults.load import Client, Deliverer, Drainer, Reader, Work
from trial_tests.faults.plan import Strike, strikes_of
from trial_tests.faults.quiet import wait_until_quiet
from trial_tests.faults.reading import read_all
from trial_tests.faults.wires import Cut, Refused
from trial_tests.faults.world import FORWARDER, World

AFTERWARDS: Final = 0.4
"""seconds of load after all is well again: sessions that lived through it go on"""


@define
class Outcome:
    """What a seed did, and what was wrong. Times are seconds."""

    seed: int
    strikes: Sequence[Strike]
    wrongs: list[str] = field(factory=list)
    counts: dict[str, int] = field(factory=dict)
    letters: int = 0
    acknowledged: int = 0
    found: int = 0
    load: float = 0.0
    quiet: float = 0.0
    checks: float = 0.0

    @property
    def operations(self) -> int:
        """How many operations clients asked for."""
        return sum(self.counts.values())

    def line(self) -> str:
        """In short."""
        return (
            f"seed {self.seed}: {len(self.strikes)} faults, {self.operations} operations, "
            f"{self.acknowledged} of {self.letters} letters acknowledged, {self.found} messages found; "
            f"load {self.load:.1f} s, quiet {self.quiet:.1f} s, checks {self.checks:.1f} s; "
            + ("FAILED" if self.wrongs else "ok")
        )

    def report(self) -> str:
        """All that one needs to look into it."""
        lines = [f"Seed {self.seed}. Again: ./dev faults --seed {self.seed}"]
        lines += [f"  {strike}" for strike in self.strikes]
        return "\n".join([*lines, *self.wrongs])


def run_seed(world: World, seed: int) -> Outcome:
    """Do what the seed says; blocks until it is checked."""
    outcome = Outcome(seed, strikes_of(seed))
    try:
        asyncio.run(_run(world, seed, outcome))
    except Exception:  # noqa: BLE001 - a server that does not start is wrong, too
        outcome.wrongs += [*world.wrongs, traceback.format_exc()]
    return outcome


async def _run(world: World, seed: int, outcome: Outcome) -> None:
    mark = f"{seed}-{time.time_ns():x}"
    accounts = [f"{name}-{mark}@faults.example" for name in ("ann", "bob", "pop")]
    await world.do(world.begin_with, accounts)
    ledger = Ledger()
    work = Work(ledger, f"s{mark}")
    clock = time.monotonic()
    clients = [asyncio.ensure_future(one.run()) for one in _clients(world, work, accounts, seed)]
    await asyncio.gather(*(_strike(world, strike) for strike in outcome.strikes))
    await world.do(world.heal)
    await asyncio.sleep(AFTERWARDS)
    work.stopping = True
    await asyncio.gather(*clients)
    outcome.load = time.monotonic() - clock
    outcome.wrongs += world.wrongs
    world.wrongs.clear()

    clock = time.monotonic()
    outcome.wrongs += await world.do(wait_until_quiet, world)
    outcome.quiet = time.monotonic() - clock

    clock = time.monotonic()
    found, wrongs = await _found(world, ledger, accounts, seed)
    outcome.wrongs += [*wrongs, *ledger.check(found)]
    outcome.wrongs += await world.do(check_rows, world)
    outcome.wrongs += await world.do(check_objects, world)
    outcome.checks = time.monotonic() - clock
    outcome.counts = work.counts
    outcome.letters, outcome.acknowledged = len(ledger.letters), ledger.acknowledged()
    outcome.found = len(found)


async def _found(
    world: World, ledger: Ledger, accounts: Sequence[str], seed: int
) -> tuple[list[Found], list[str]]:
    """What is in the mailboxes, as one of the nodes serves them, and what was sent on."""
    node = world.nodes[seed % len(world.nodes)]
    try:
        found, wrongs = await read_all(node, [*accounts, FORWARDER])
    except (Cut, Refused) as error:
        return [], [f"a healthy server does not serve: {error}"]
    keys = {key for _, key in ledger.letters}
    for number, ((key, digest), count) in enumerate(world.sink.taken.items()):
        places = [Place("sent on", 1000 * number + each) for each in range(count)]
        found += [Found(FORWARDER, key, digest, place, frozenset()) for place in places]
    # What was sent on, or stays with whom it was to be sent on for, may be of seeds before.
    return [one for one in found if one.account != FORWARDER or one.key in keys], wrongs


async def _strike(world: World, strike: Strike) -> None:
    await asyncio.sleep(strike.at)
    await world.do(strike.fault.begin, world)
    await asyncio.sleep(strike.lasts)
    await world.do(strike.fault.end, world)


def _clients(world: World, work: Work, accounts: Sequence[str], seed: int) -> list[Client]:
    """Two that deliver, four that read and write on two accounts, one that drains the third."""
    one, two = (node.links.front for node in world.nodes)
    ann, bob, pop = accounts
    rng = Random(seed)

    def own() -> Random:
        return Random(rng.getrandbits(64))

    to = [*accounts, FORWARDER]
    return [
        Deliverer(work, one["lmtp"].port, "", own(), recipients=to, forwarder=FORWARDER),
        Deliverer(work, two["lmtp"].port, "", own(), recipients=to, forwarder=FORWARDER),
        Reader(work, one["imap"].port, ann, own(), 0, 2),
        Reader(work, two["imap"].port, ann, own(), 1, 2),
        Reader(work, one["imap"].port, bob, own(), 0, 2),
        Reader(work, two["imap"].port, bob, own(), 1, 2),
        Drainer(work, one["pop3"].port, pop, own()),
        Drainer(work, two["pop3"].port, pop, own()),
    ]
