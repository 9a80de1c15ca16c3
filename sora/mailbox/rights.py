"""Who may do what: the rules of RFC 4314 §4, as functions of rights.

Where a right is missing, the answer depends on whether the mailbox may be seen: of one that may
not be, nothing is told, not even that it is there (RFC 4314 §6, G35).
"""

from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from sora.addresses import Address, parse_address
from sora.errors import BadArgument, BadSyntax, NoSuchMailbox, NotPermitted
from sora.mail.rights import ALL, ANY, FLAG_RIGHTS, Rights, letters
from sora.storage.rows import ANYONE, Acl

T = TypeVar("T")

ANYONE_NAME: Final = "anyone"
WRITING: Final = Rights.INSERT | Rights.EXPUNGE | FLAG_RIGHTS
"""Without any of these a mailbox is read-only (RFC 4314 §5.2)."""


def rights_in(acl: Acl, owner: int, asker: int) -> Rights:
    """What an account of the owner's domain may do: all that it is given by its own name and by
    that of everybody (RFC 4314 §2 leaves it to us: it is the union). An owner may everything."""
    if owner == asker:
        return ALL
    return acl.get(asker, Rights.NONE) | acl.get(ANYONE, Rights.NONE)


def require(rights: Rights, needed: Rights, name: str) -> None:
    """Raise NotPermitted when some of `needed` is missing, NoSuchMailbox when the mailbox may
    not even be seen."""
    if needed in rights:
        return
    if Rights.LOOKUP not in rights:
        raise no_such_mailbox(name)
    missing = letters(needed & ~rights)
    raise NotPermitted(f"On the mailbox {name!r} you have not the right {missing}")


def require_any(rights: Rights, name: str) -> None:
    """MYRIGHTS tells whoever may do anything at all (RFC 4314 §4)."""
    if not rights & ANY:
        raise no_such_mailbox(name)


def no_such_mailbox(name: str) -> NoSuchMailbox:
    """The one answer for what is not there and for what may not be seen."""
    return NoSuchMailbox(f"There is no mailbox {name!r}")


async def as_told(name: str, work: Awaitable[T]) -> T:
    """Await what may find that a mailbox is not there, or hidden: the client hears the same, in
    the same words, and of the name that it knows."""
    try:
        return await work
    except NoSuchMailbox:
        raise no_such_mailbox(name) from None


def identifier(text: str, domain: str) -> Address | None:
    """The identifier of an ACL command: an address, or a local part of `domain`; None is
    `anyone`.

    Raises:
        BadSyntax: it is empty, or has control characters (RFC 4314 §3).
        BadArgument: negative rights (`-user`), which we do not have; or no address.
    """
    if not text:
        raise BadSyntax("The identifier is empty")
    if not text.isprintable():
        raise BadSyntax("The identifier has characters that are no text")
    if text.startswith("-"):
        raise BadArgument("There are no negative rights here: take the rights away instead")
    if text.lower() == ANYONE_NAME:
        return None
    return parse_address(text if "@" in text else f"{text}@{domain}")


def optional_rights(is_owner: bool) -> Sequence[str]:
    """The rights that LISTRIGHTS shows for somebody: first what he has in any case, then those
    that can be given, none of which is tied to another (RFC 4314 §3.4)."""
    if is_owner:
        return ("lrswipkxtecda",)
    return ("", *"lrswipkxtecda")
