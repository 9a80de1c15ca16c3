"""What was expunged, as mailboxes that can be read."""

from array import array

from attrs import frozen

from sora.storage.rows.mailboxes import MailboxRow, States


@frozen
class Past:
    """The past of a mailbox: what was expunged there and is kept.

    `mailbox` is it as a mailbox of its own, but with the id of the mailbox whose past it is; and
    `states` have UIDs of its own, which ascend in the order in which messages were first seen
    there. `sources`, an array of type 'Q' of the same length, are the UIDs that they had: by those
    messages are asked for. `keywords` are (number, name).
    """

    mailbox: MailboxRow
    states: States
    sources: array
    keywords: tuple[tuple[int, str], ...] = ()
