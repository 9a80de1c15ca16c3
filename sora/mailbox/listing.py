"""Which mailboxes LIST and LSUB show (RFC 3501 §6.3.8, §6.3.9, RFC 5258), as values."""

import re
from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from sora.mail.mailbox_names import DELIMITER, INBOX, matches, name_key, superiors
from sora.mail.rights import Rights
from sora.storage.rows import Listing, MailboxRow


@frozen
class Query:
    """What LIST asks for. `reference` is put before each pattern, wildcards are `*` and `%`.

    `is_extended` says that the client writes as RFC 5258 has it.
    """

    reference: str = ""
    patterns: tuple[str, ...] = ("*",)
    only_subscribed: bool = False
    only_special_use: bool = False
    recursive_match: bool = False
    return_subscribed: bool = False
    is_extended: bool = False


@frozen
class Listed:
    """A line of the answer.

    `attributes` have their backslashes: \\HasChildren or \\HasNoChildren, special use,
    \\NonExistent, \\Subscribed (when it was asked for or selected by), for LSUB \\Noselect.
    `mailbox` is None when there is none that could be selected, or the right to read it is not
    there; `rights` are what one may do with it, None when there is none. `child_info` names the
    selection options that inferiors match (`SUBSCRIBED`, `SPECIAL-USE`; RFC 5258 §3.5); it
    `is_chosen` when it matches them itself.
    """

    name: str
    attributes: tuple[str, ...]
    mailbox: MailboxRow | None = None
    child_info: tuple[str, ...] = ()
    rights: Rights | None = None
    is_chosen: bool = True


def list_mailboxes(listing: Listing, query: Query) -> Sequence[Listed]:
    """The mailboxes that match, by name, INBOX first.

    A name without a mailbox is shown where it has to be: as a superior of something that is
    there, or because it is subscribed to. Linear in the number of names.
    """
    names = _Names(listing)
    matching = _pattern_matcher(query)
    selected = _selector(names, query)
    above_selected = above_unlisted = frozenset[str]()
    if query.recursive_match:
        chosen = [name for name in names.known if selected(name)]
        above_selected = _all_superiors(chosen)
        # RFC 5258 §3.5: not only because of inferiors that are listed themselves.
        above_unlisted = _all_superiors(name for name in chosen if not matching(name))
    info = _selection_words(query)
    found = []
    for name in _in_order(names.known | names.superiors | above_selected):
        is_above = name in above_selected
        if (selected(name) or name in above_unlisted) and matching(name):
            show_subscribed = query.only_subscribed or query.return_subscribed
            found.append(
                Listed(
                    name,
                    names.attributes(name, show_subscribed, query.is_extended),
                    names.readable(name),
                    info if is_above else (),
                    names.rights(name),
                    selected(name),
                )
            )
    return found


def may_lead_below(listing: Listing, query: Query, prefix: str) -> bool:
    """Whether the answer may be another one with mailboxes whose names begin with `prefix`."""
    if query.only_special_use:
        return False
    if query.only_subscribed and not any(name.startswith(prefix) for name in listing.subscriptions):
        return False
    return any(
        _may_match(query.reference + pattern, prefix) for pattern in query.patterns if pattern
    )


def _may_match(pattern: str, prefix: str) -> bool:
    """Whether a pattern can match a name that begins with `prefix`, or one above such names."""
    literal = re.split("[*%]", pattern, maxsplit=1)[0]
    if literal != pattern:
        return prefix.startswith(literal) or literal.startswith(prefix)
    below = literal + DELIMITER
    return prefix.startswith(below) or below.startswith(prefix)


def lines_of(listing: Listing, names: Iterable[str]) -> Sequence[Listed]:
    """A line for each of these names, in their order, whether there is a mailbox or not; it
    is shown whether one is subscribed to (RFC 5465 §5.4, §5.5)."""
    known = _Names(listing)
    return [
        Listed(
            name,
            known.attributes(name_key(name), show_subscribed=True, is_extended=True),
            known.mailboxes.get(name_key(name)),
        )
        for name in names
    ]


def lsub(listing: Listing, reference: str, pattern: str) -> Sequence[Listed]:
    """The subscribed names that match. A superior that `%` matches, and that is not itself
    subscribed to, stands for its subscribed inferiors with \\Noselect (RFC 3501 §6.3.9)."""
    names = _Names(listing)
    wanted = reference + pattern
    found = {
        name: Listed(name, names.unreadable(name), names.readable(name))
        for name in names.subscribed
    }
    if "%" in pattern:
        for name in _all_superiors(names.subscribed) - names.subscribed:
            found[name] = Listed(name, ("\\Noselect",))
    return [found[name] for name in _in_order(found) if matches(wanted, name)]


class _Names:
    """The names of a listing, by their keys."""

    def __init__(self, listing: Listing) -> None:
        self.mailboxes = {name_key(mailbox.name): mailbox for mailbox in listing.mailboxes}
        self.subscribed = frozenset(name_key(name) for name in listing.subscriptions)
        self.superiors = _all_superiors(self.mailboxes)
        self.known = frozenset(self.mailboxes) | self.subscribed

    def readable(self, name: str) -> MailboxRow | None:
        """The mailbox of this name, for who may read it (G35)."""
        mailbox = self.mailboxes.get(name)
        return mailbox if mailbox is not None and Rights.READ in mailbox.rights else None

    def unreadable(self, name: str) -> tuple[str, ...]:
        """\\Noselect for a mailbox that may be seen and not read (RFC 4314 §4)."""
        is_there = name in self.mailboxes
        return ("\\Noselect",) if is_there and self.readable(name) is None else ()

    def rights(self, name: str) -> Rights | None:
        """What one may do with the mailbox, None when there is none."""
        mailbox = self.mailboxes.get(name)
        return None if mailbox is None else mailbox.rights

    def attributes(self, name: str, show_subscribed: bool, is_extended: bool) -> tuple[str, ...]:
        """The attributes of RFC 3501 §7.2.2, RFC 3348, RFC 5258 §4 and RFC 6154 §2."""
        mailbox = self.mailboxes.get(name)
        found = [*self.unreadable(name)]
        if mailbox is None:
            found.append("\\NonExistent")
            if not is_extended:
                # It is implied by the first one; for clients that do not know that one.
                found.append("\\Noselect")
        found.append("\\HasChildren" if name in self.superiors else "\\HasNoChildren")
        if show_subscribed and name in self.subscribed:
            found.append("\\Subscribed")
        if mailbox is not None and mailbox.special_use:
            found.append(mailbox.special_use)
        return tuple(found)


def _selector(names: _Names, query: Query) -> Callable[[str], bool]:
    """Whether a name is what the selection options ask for; all of them have to be met."""
    if not query.only_subscribed and not query.only_special_use:
        shown = frozenset(names.mailboxes) | names.superiors
        return shown.__contains__
    chosen = names.known
    if query.only_subscribed:
        chosen &= names.subscribed
    if query.only_special_use:
        chosen &= {name for name, mailbox in names.mailboxes.items() if mailbox.special_use}
    return chosen.__contains__


def _selection_words(query: Query) -> tuple[str, ...]:
    return ("SUBSCRIBED",) * query.only_subscribed + ("SPECIAL-USE",) * query.only_special_use


def _pattern_matcher(query: Query) -> Callable[[str], bool]:
    patterns = [query.reference + pattern for pattern in query.patterns if pattern]
    return lambda name: any(matches(pattern, name) for pattern in patterns)


def _all_superiors(names: Iterable[str]) -> frozenset[str]:
    return frozenset(superior for name in names for superior in superiors(name))


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name != INBOX, name))
