"""What an exported maildir says besides its messages: names of folders and files, and what Dovecot
keeps in files of its own (pure)."""

from collections.abc import Sequence
from typing import Literal

from sora.exchange.formats import uidlist
from sora.exchange.formats.maildir import MAX_LETTERS, fs_directory, maildirpp_directory
from sora.exchange.target import Outgoing
from sora.mail.flags import fold_keyword
from sora.mail.mailbox_names import INBOX
from sora.storage.rows import MailboxRow

Layout = Literal["maildir++", "fs"]


def directory_of(name: str, layout: Layout) -> str:
    """The directory of a mailbox below the root, empty for INBOX. Raises BadName for what cannot be
    told in this layout."""
    if name == INBOX:
        return ""
    return fs_directory(name) if layout == "fs" else maildirpp_directory(name)


def unique_name(mailbox: MailboxRow, message: Outgoing) -> str:
    """What the name of a message's file begins with: it tells the UID."""
    seconds = max(int(message.date.timestamp()), 0)
    return f"{seconds}.V{mailbox.uidvalidity}U{message.uid}.sora"


def uidlist_head(mailbox: MailboxRow, uidnext: int) -> str:
    """The first line of Dovecot's list of UIDs."""
    guid = mailbox.object_id.removeprefix("M")
    return uidlist.uidlist_header(mailbox.uidvalidity, uidnext, guid)


def give_letters(
    known: dict[str, str], keywords: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Small letters for keywords, by folded name, and keywords for which none is left. `known` are
    names by letter: those that have one keep it, and the new ones are added."""
    folded = {fold_keyword(name): letter for letter, name in known.items()}
    free = [chr(ord("a") + number) for number in range(MAX_LETTERS)]
    free = [letter for letter in free if letter not in known]
    lost = []
    for name in keywords:
        if fold_keyword(name) in folded:
            continue
        if not free:
            lost.append(name)
            continue
        letter = free.pop(0)
        known[letter], folded[fold_keyword(name)] = name, letter
    return folded, lost
