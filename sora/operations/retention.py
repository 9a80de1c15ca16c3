"""What an operator can do with policies: how long messages may stay where they are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from attrs import frozen

from sora.addresses import fold_domain
from sora.errors import BadArgument
from sora.operations.owners import OwnerLookup, Whose
from sora.storage.interfaces import IRetention
from sora.storage.rows import DueMessages, RetentionOwner, RetentionRule, ServerRetention

USES: Final = ("archive", "drafts", "junk", "sent", "trash")
"""special uses (RFC 6154 §2) that may have a rule of their own, without the backslash"""
PAGE: Final = 1000
"""mailboxes that are looked at by one statement"""

LEAST: Final = 60
MOST: Final = 36_500 * 86_400
"""seconds that a policy may keep messages"""


@frozen
class RuleOf:
    """A rule, and whose it is: an address, a domain, or the server."""

    owner: str
    rule: RetentionRule


@frozen
class RetentionOperations:
    """Policies of accounts and domains; those of the `server` stand in its configuration. Errors
    are those of `sora.errors`."""

    owners: OwnerLookup
    retention: IRetention
    server: ServerRetention

    async def show(self, whose: Whose | None) -> list[RuleOf]:
        """The rules that count for an account, for a domain, or for everybody: the narrowest first;
        of one owner's those for a special use before that for all mailboxes."""
        found: list[RuleOf] = []
        domain = None if whose is None else whose.domain
        if whose is not None and whose.email is not None:
            row = await self.owners.user(whose.email)
            rules: Sequence[RetentionRule] = await self.retention.rules(RetentionOwner(row.id))
            found += [RuleOf(row.address, rule) for rule in rules[::-1]]
            domain = row.address.rpartition("@")[2]
        if domain is not None:
            domain_id = await self.retention.domain_id(fold_domain(domain))
            rules = await self.retention.rules(RetentionOwner(None, domain_id))
            found += [RuleOf(fold_domain(domain), rule) for rule in rules[::-1]]
        for use, age in sorted(self.server.uses.items()):
            found.append(RuleOf("server", RetentionRule(use, age)))
        found.append(RuleOf("server", RetentionRule("", self.server.max_age)))
        return found

    async def set(self, whose: Whose, use: str | None, max_age: float | None) -> None:
        """Set a rule: seconds, None for never; `use` is one of `USES`, None for all mailboxes.

        Raises NoSuchAccount, BadArgument.
        """
        if max_age is not None and not LEAST <= max_age <= MOST:
            raise BadArgument(
                "a policy keeps messages for a minute at least, and for 100 years at most"
            )
        age = None if max_age is None else timedelta(seconds=max_age)
        await self.retention.set(await self._owner(whose), RetentionRule(_attribute(use), age))

    async def clear(self, whose: Whose, use: str | None) -> None:
        """Remove a rule; what is wider counts again. Raises NoSuchAccount; BadArgument when there
        is none."""
        if not await self.retention.clear(await self._owner(whose), _attribute(use)):
            about = f"the {use} of {whose}" if use else str(whose)
            raise BadArgument(f"there is no rule about {about}")

    async def due(self, whose: Whose | None) -> list[DueMessages]:
        """What policies would expunge now, mailbox by mailbox; nothing is done."""
        owner = RetentionOwner() if whose is None else await self._owner(whose)
        found: list[DueMessages] = []
        after = 0
        while True:
            after, page = await self.retention.due(after, PAGE, self.server, owner)
            found += page
            if not after:
                return sorted(found, key=lambda each: (each.address, each.mailbox))

    async def due_page(
        self, whose: Whose | None, after: int, limit: int
    ) -> tuple[int, Sequence[DueMessages]]:
        """The same of the next mailboxes: `limit` are looked at. With what `after` is for the ones
        that follow, 0 at the end."""
        owner = RetentionOwner() if whose is None else await self._owner(whose)
        page: tuple[int, Sequence[DueMessages]] = await self.retention.due(
            after, limit, self.server, owner
        )
        return page

    async def _owner(self, whose: Whose) -> RetentionOwner:
        if whose.email is not None:
            return RetentionOwner((await self.owners.user(whose.email)).id)
        domain_id: int = await self.retention.domain_id(fold_domain(whose.domain or ""))
        return RetentionOwner(None, domain_id)


def _attribute(use: str | None) -> str:
    """The attribute of a special use. Raises BadArgument."""
    if not use:
        return ""
    if use not in USES:
        raise BadArgument(f"{use!r} is no special use with a rule: it is one of {', '.join(USES)}")
    return f"\\{use.capitalize()}"
