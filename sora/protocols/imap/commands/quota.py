"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §4.1; RFC 2087)."""

from collections.abc import Mapping
from typing import Self

from attrs import define

from sora.errors import BadSyntax
from sora.mailbox.quota import limits_of, resources
from sora.protocols.imap.command import Command, State
from sora.protocols.imap.dialect import Dialect
from sora.protocols.imap.session import Session
from sora.protocols.imap.wire.scanner import Scanner
from sora.protocols.imap.wire.write import astring, parenthesised
from sora.storage.rows import Quota

MAX_RESOURCES = 20


@define
class GetQuota(Command):
    """GETQUOTA SP quota-root-name"""

    word = b"GETQUOTA"
    states = State.LOGGED_IN
    capability = b"QUOTA"

    root: bytes

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        return cls(scan.astring())

    async def run(self, session: Session) -> bytes | None:
        quota = await session.account.quotas.get(_name(self.root))
        session.untagged(_quota(self.root, quota))
        return None


@define
class GetQuotaRoot(Command):
    """GETQUOTAROOT SP mailbox: of one that is not there, too (§4.1.2)"""

    word = b"GETQUOTAROOT"
    states = State.LOGGED_IN
    capability = b"QUOTA"

    name: str

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        return cls(scan.mailbox())

    async def run(self, session: Session) -> bytes | None:
        found = await session.account.quota_root(self.name)
        if found is None:
            session.untagged(b"QUOTAROOT " + session.spelled(self.name))
            return None
        root, quota = found
        name = root.encode()
        session.untagged(b"QUOTAROOT " + session.spelled(self.name) + b" " + astring(name))
        session.untagged(_quota(name, quota))
        return None


@define
class SetQuota(Command):
    """SETQUOTA SP quota-root-name SP "(" [resource-name SP resource-limit *(...)] ")" """

    word = b"SETQUOTA"
    states = State.LOGGED_IN
    capability = b"QUOTASET"

    root: bytes
    limits: Mapping[str, int]

    @classmethod
    def parse(cls, scan: Scanner, dialect: Dialect, by_uid: bool) -> Self:
        scan.space()
        root = scan.astring()
        scan.space()
        return cls(root, _limits(scan))

    async def run(self, session: Session) -> bytes | None:
        quota = await session.account.quotas.set(_name(self.root), limits_of(self.limits))
        session.untagged(_quota(self.root, quota))
        return None


def _limits(scan: Scanner) -> Mapping[str, int]:
    def resource() -> tuple[str, int]:
        name = scan.word().decode("ascii")
        scan.space()
        return name, scan.number64()

    pairs = scan.parenthesised(resource, may_be_empty=True)
    if len(pairs) > MAX_RESOURCES or len(dict(pairs)) < len(pairs):
        raise BadSyntax("A resource is named twice, or there are too many of them")
    return dict(pairs)


def _name(root: bytes) -> str:
    return root.decode("utf-8", "replace")


def _quota(root: bytes, quota: Quota) -> bytes:
    """The untagged QUOTA (§4.2.1)."""
    found = [b"%b %d %d" % (name.encode(), used, limit) for name, used, limit in resources(quota)]
    return b"QUOTA " + astring(root) + b" " + parenthesised(found)
