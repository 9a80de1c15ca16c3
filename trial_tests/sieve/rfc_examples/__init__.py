"""The example scripts of the RFCs, as they are printed: facts of the protocol.

RFC 5463 (ihave) has none. Each of the others is a module here.

"""

from importlib import import_module
from typing import Final

from trial_tests.sieve.rfc_examples.example import Example

RFCS: Final = [
    "5228",
    "3894",
    "5173",
    "5183",
    "5229",
    "5230",
    "6131",
    "5231",
    "5232",
    "5233",
    "5235",
    "5260",
    "5293",
    "5429",
    "5435",
    "5436",
    "5490",
    "5703",
    "5804",
    "6009",
    "6134",
    "6558",
    "6609",
    "6785",
    "7352",
    "8579",
    "8580",
    "9042",
]


def examples(rfc: str) -> tuple[Example, ...]:
    """All examples of an RFC, in its order."""
    found: tuple[Example, ...] = import_module(f"trial_tests.sieve.rfc_examples.rfc{rfc}").EXAMPLES
    return found


def example(rfc: str, section: str) -> Example:
    """One example."""
    return next(one for one in examples(rfc) if one.section == section)
