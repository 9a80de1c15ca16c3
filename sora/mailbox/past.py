"""The namespace of what is past: below a prefix, `[history] namespace`,

    Deleted/INBOX            is what was expunged from INBOX, as long as it is kept,
    Deleted/Projects/2024    also when the mailbox was deleted itself.

All of it is one's own: of the mailboxes of others one sees nothing there (G35). It can be listed,
read, searched and copied from; whatever would change something is refused where the name leads to
it (`Places`), or because the rights do not allow it, so that no command has to know of it.

A living mailbox whose name begins with the prefix, from before there was a namespace, keeps its
name and comes first; no new ones are made. To look for it is one round trip for each name below the
prefix. Where there is no namespace nothing of this costs anything.
"""

from collections.abc import Sequence

from attrs import evolve, frozen

from sora.errors import NoSuchMailbox
from sora.mail.mailbox_names import name_key
from sora.mailbox.past_mailbox import PastMailbox, past_row
from sora.mailbox.rights import as_told
from sora.storage.interfaces import IMailboxes, IPast
from sora.storage.rows import MailboxRow


@frozen
class PastNamespace:
    """Where what is past appears; `prefix` ends with the delimiter."""

    prefix: str
    storage: IPast

    def has(self, name: str) -> bool:
        """Whether a name is one of the namespace. The name above all of it is not."""
        return name.startswith(self.prefix) and name != self.prefix


@frozen
class PastNames:
    """The namespace as one account sees it; `namespace` is None where there is none."""

    namespace: PastNamespace | None
    _mailboxes: IMailboxes
    _account_id: int

    @property
    def prefix(self) -> str:
        """Below which it appears; empty where there is none."""
        return "" if self.namespace is None else self.namespace.prefix

    def may_have(self, name: str) -> bool:
        """Whether a name is one of the namespace, whatever is there."""
        return self.namespace is not None and self.namespace.has(name)

    async def has(self, name: str) -> bool:
        """Whether a name leads to what is past, if it is there: no living mailbox has it. At most
        one round trip."""
        if not self.may_have(name):
            return False
        try:
            await self._mailboxes.find(self._account_id, name_key(name))
        except NoSuchMailbox:
            return True
        return False

    async def list(self, counted: bool) -> Sequence[MailboxRow]:
        """All of it, under the names that the user has for it. One round trip. Counters are there
        when they are `counted`."""
        assert self.namespace is not None, "it was asked whether there is one"
        rows = await self.namespace.storage.all(self._account_id, counted)
        return [self._told(row) for row in rows]

    async def find(self, name: str) -> MailboxRow:
        """One of it, with counters. One round trip. Raises NoSuchMailbox."""
        storage, below = self._below(name)
        return self._told(await as_told(name, storage.find(self._account_id, below)))

    async def open(self, name: str) -> PastMailbox:
        """Open one of it. One round trip. Raises NoSuchMailbox."""
        storage, below = self._below(name)
        return PastMailbox(storage, await as_told(name, storage.open(self._account_id, below)))

    def _below(self, name: str) -> tuple[IPast, str]:
        assert self.namespace is not None, "the name is one of it"
        return self.namespace.storage, name[len(self.prefix) :]

    def _told(self, row: MailboxRow) -> MailboxRow:
        return evolve(past_row(row), name=self.prefix + row.name)
