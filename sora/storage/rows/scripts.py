"""Sieve scripts of accounts and of domains."""

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen


class ScriptPosition(StrEnum):
    """Where a Sieve script stands that runs at delivery: the active one of a user, and those of
    a domain before and after it."""

    ACTIVE = "active"
    BEFORE = "before"
    AFTER = "after"


@frozen
class ScriptRow:
    """A Sieve script without its text. `size` in octets; `position` is None for one that does
    not run."""

    name: str
    size: int
    position: ScriptPosition | None
    changed_at: datetime


@frozen
class ScriptLimits:
    """How much the scripts of an account may be: octets of one, their number, octets of all."""

    size: int
    scripts: int
    total: int


@frozen
class ActiveScript:
    """The active script of a user: its text, and the name it has."""

    name: str
    source: str = field(repr=False)


@frozen
class RecipientScripts:
    """The texts of the scripts that run for a recipient's mail: those of the domain of his
    primary address around his own."""

    domain_before: str | None = field(default=None, repr=False)
    active: ActiveScript | None = None
    domain_after: str | None = field(default=None, repr=False)
