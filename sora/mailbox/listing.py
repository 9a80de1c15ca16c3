"""Which mailboxes LIST and LSUB show (RFC 3501 §6.3.8, §6.3.9, RFC 5258), as values."""

from collections.abc import Sequence

from attrs import frozen

from sora.storage.rows import Listing, MailboxRow


@frozen
class Query:
    """What LIST asks for. `reference` is put before each pattern, wildcards are `*` and `%`."""

    reference: str = ""
    patterns: tuple[str, ...] = ("*",)
    only_subscribed: bool = False
    only_special_use: bool = False
    recursive_match: bool = False
    return_subscribed: bool = False


@frozen
class Listed:
    """A line of the answer.

    `attributes` have their backslashes: \\HasChildren or \\HasNoChildren, special use,
    \\NonExistent, \\Subscribed (when it was asked for or selected by), for LSUB \\Noselect.
    `mailbox` is None when there is none that could be selected. `child_info` names the
    selection options that inferiors match (`SUBSCRIBED`, `SPECIAL-USE`; RFC 5258 §3.5).
    """

    name: str
    attributes: tuple[str, ...]
    mailbox: MailboxRow | None = None
    child_info: tuple[str, ...] = ()


def list_mailboxes(listing: Listing, query: Query) -> Sequence[Listed]:
    """The mailboxes that match, by name, INBOX first."""
    raise NotImplementedError


def lsub(listing: Listing, reference: str, pattern: str) -> Sequence[Listed]:
    """The subscribed names that match. A superior that `%` matches, and that is not itself
    subscribed to, stands for its subscribed inferiors with \\Noselect (RFC 3501 §6.3.9)."""
    raise NotImplementedError
