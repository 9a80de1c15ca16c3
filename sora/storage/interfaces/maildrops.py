"""INBOX for POP3."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from twisted.internet.defer import Deferred
from zope.interface import Interface

from sora.mail.numbers import NumberSet
from sora.storage.rows import MaildropBody, MaildropClosed, MaildropOpened, Operation


class IMaildrops(Interface):
    """INBOX for POP3: one session has it for itself, whatever node it is on (RFC 1939 §3).

    A session, named by a UUID, has a lease that runs out unless it is renewed, and may be taken by
    another session then.
    """

    def open(
        account_id: int, session: UUID, lease: timedelta, delay: timedelta
    ) -> "Deferred[MaildropOpened]":
        """Take the lease, and list the messages. One round trip.

        Raises InUse when another session has it; TooSoon when it was opened less than `delay`
        ago; NoSuchMailbox.
        """

    def bodies(mailbox_id: int, uids: NumberSet) -> "Deferred[Mapping[int, MaildropBody]]":
        """Where the octets of messages are, by UID, ascending; those that are gone are absent.
        One round trip; the caller asks for at most 1,000. Each is made when it is looked up."""

    def renew(sessions: Mapping[int, UUID], lease: timedelta) -> "Deferred[Sequence[UUID]]":
        """Let the leases of these sessions, by account, run for so long from now; gives the
        sessions that still have one. One round trip for all."""

    def release(account_id: int, session: UUID) -> "Deferred[None]":
        """Give the lease back and change nothing; nothing happens when it is another's."""

    def quit(
        account_id: int,
        session: UUID,
        mailbox_id: int,
        seen: NumberSet,
        gone: NumberSet,
        operation: Operation,
    ) -> "Deferred[MaildropClosed]":
        """Add \\Seen to some messages, remove others whatever flags they have, and give the
        lease back: all of it or nothing. UIDs that are not there are ignored. One round trip.

        Raises Superseded when another session has the lease; NoSuchMailbox.
        """
