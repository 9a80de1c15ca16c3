"""Between rows of PostgreSQL and the values of `sora.storage.rows`.

States of many messages come packed, each column one text (`0005_reading.sql`): several times
faster to read than a row for each message, and the reactor is not kept from other work.
"""

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sora.mail.flags import FIRST_KEYWORD_BIT, Flags, fold_keyword
from sora.mail.numbers import NumberSet
from sora.mail.rights import Rights, parse_rights
from sora.storage.rows import AccountRow, Acl, LastLogin, MailboxRow, NewSecret, Operation, States

OPERATION: Final = "row(%s::uuid, %s, %s, %s, %s)::operation_v1"
"""An operation as an argument of a function; its parameters are those of `operation`."""

EVERY_UID: Final = "{[1,)}"
"""All UIDs, as an int8multirange."""

_FLAGS: Final = bytes((code - 64) % 256 for code in range(256))
_NO_KEYWORDS: Final = "[]"


def operation(what: Operation) -> tuple[str, str, str, str, str]:
    """The parameters of `OPERATION`."""
    return (str(what.id), what.actor, what.session, what.protocol, what.address)


def numbers(text: str | None) -> "array[int]":
    """`1,2,3` -> an array of type 'Q'; null is none."""
    return array("Q", map(int, text.split(","))) if text else array("Q")


def masks(uids: Sequence[int], flags: str | None, spots: str | None) -> list[int]:
    """One mask for each of the ascending `uids`, from the packed flags and keywords."""
    found = list((flags or "").encode("latin-1").translate(_FLAGS))
    for spot in spots.split(",") if spots else ():
        uid, _, ids = spot.partition(":")
        place = bisect_left(uids, int(uid))
        for number in ids.split("."):
            found[place] |= 1 << (FIRST_KEYWORD_BIT + int(number))
    return found


def states(
    uids: str | None, flags: str | None, modseqs: str | int | None, spots: str | None
) -> States:
    """States from packed columns; `modseqs` may be one modseq that all of them have."""
    unpacked = numbers(uids)
    if isinstance(modseqs, int):
        return States(
            unpacked, masks(unpacked, flags, spots), array("Q", [modseqs]) * len(unpacked)
        )
    return States(unpacked, masks(unpacked, flags, spots), numbers(modseqs))


def keyword_mask(ids: Sequence[int] | None) -> int:
    """The bits of keywords by number."""
    mask = 0
    for number in ids or ():
        mask |= 1 << (FIRST_KEYWORD_BIT + number)
    return mask


def keywords(text: str | None) -> tuple[tuple[int, str], ...]:
    """`[[0, "$Junk"]]` -> ((0, "$Junk"),)"""
    if not text or text == _NO_KEYWORDS:
        return ()
    return tuple((number, name) for number, name in json.loads(text))


def used(words: tuple[tuple[int, str], ...], by: Iterable[int]) -> tuple[tuple[int, str], ...]:
    """Those keywords that one of the masks has."""
    together = 0
    for mask in by if words else ():
        together |= mask
    return tuple(word for word in words if together >> (FIRST_KEYWORD_BIT + word[0]) & 1)


def keyword_names(flags: Flags) -> tuple[list[str], list[str]]:
    """Names of keywords, and what they are compared by: each once."""
    unique: dict[str, str] = {}
    for name in flags.keywords:
        unique.setdefault(fold_keyword(name), name)
    return list(unique.values()), list(unique)


def acl(text: str | None) -> Acl:
    """A mailbox's column of this name: `grantee:letters,grantee:letters`; null is nobody."""
    found: dict[int, Rights] = {}
    for entry in text.split(",") if text else ():
        grantee, _, rights = entry.partition(":")
        found[int(grantee)] = parse_rights(rights)
    return found


def mailbox(row: Sequence[Any]) -> MailboxRow:
    """A row of the type mailbox_v1."""
    (
        id_, account_id, name, object_id, uidvalidity, uidnext,
        highest_modseq, messages, unseen, deleted, size, special_use,
    ) = row[:12]  # fmt: skip
    return MailboxRow(
        id=id_,
        account_id=account_id,
        name=name,
        object_id=object_id,
        uidvalidity=uidvalidity,
        uidnext=uidnext,
        highest_modseq=highest_modseq,
        messages=messages,
        unseen=unseen,
        deleted=deleted,
        size=size,
        special_use=special_use,
    )


def account(row: Sequence[Any]) -> AccountRow:
    """A row of the type account_v3."""
    (
        id_, address, scope_id, created_at, deleted_at,
        quota_storage, quota_messages, mailboxes, messages, storage,
        disabled, disabled_at, disabled_reason, *login,
    ) = row  # fmt: skip
    return AccountRow(
        id=id_,
        address=address,
        scope_id=scope_id,
        created_at=created_at,
        deleted_at=deleted_at,
        quota_storage=quota_storage,
        quota_messages=quota_messages,
        mailboxes=mailboxes,
        messages=messages,
        storage=storage,
        disabled=disabled,
        disabled_at=disabled_at,
        disabled_reason=disabled_reason,
        last_login=last_login(login),
    )


def last_login(row: Sequence[Any]) -> LastLogin | None:
    """Its time, protocol and address; nulls where there was none."""
    return None if row[0] is None else LastLogin(*row)


def secrets(of: Sequence[NewSecret]) -> tuple[list[str], list[str]]:
    """Kinds and verifiers."""
    return [secret.kind for secret in of], [secret.verifier for secret in of]


def uuid(value: Any) -> UUID:
    """A UUID, whichever way the driver gives it."""
    return value if isinstance(value, UUID) else UUID(value)


def number_set(text: str | None) -> NumberSet:
    """An int8multirange's text; null is the empty set."""
    return NumberSet.from_multirange(text or "{}")


def clean(text: str) -> str:
    """A text that PostgreSQL takes: without NUL and lone surrogates (G18)."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
