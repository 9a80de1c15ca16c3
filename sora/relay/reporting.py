"""What the sender of a message is told about it (RFC 3461 §5, §6, RFC 3464)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sora.mail.compose import needs_smtputf8
from sora.mail.reports import MAX_RETURNED, RecipientReport, Reporter, Returned, delivery_report
from sora.relay.entry import Answer, Entry, Fate
from sora.relay.interfaces import Outgoing, OutgoingRecipient

FAILED: Final = "failed"
DELAYED: Final = "delayed"
RELAYED: Final = "relayed"

_SUBJECTS: Final = {
    FAILED: "Undelivered mail: it could not be delivered",
    DELAYED: "Delayed mail: it is still being tried",
    RELAYED: "Relayed mail: it was handed to a server that does not confirm",
}
_INTRODUCTIONS: Final = {
    FAILED: "Your message could not be delivered to these recipients, and will not be\n"
    "tried again:",
    DELAYED: "Your message could not be delivered to these recipients yet. It is still being\n"
    "tried; you need not send it again:",
    RELAYED: "Your message was handed to a mail server that does not send confirmations.\n"
    "Nothing more will be told about these recipients:",
}


def is_wanted(action: str, recipient: OutgoingRecipient) -> bool:
    """Whether a recipient's sender wants to hear of this (RFC 3461 §4.1). Without a wish he is
    told of failures."""
    wishes = recipient.notify if recipient.notify is not None else ("FAILURE",)
    return {FAILED: "FAILURE", DELAYED: "DELAY", RELAYED: "SUCCESS"}[action] in wishes


def reported(before: Entry, after: Entry) -> dict[str, list[int]]:
    """What is to be told after an attempt: recipients by action."""
    found: dict[str, list[int]] = {}
    if not after.outgoing.sender:
        return found  # nobody is told: null senders stay null (RFC 5321 §4.5.5)
    for number, recipient in enumerate(after.outgoing.recipients):
        answer = after.answers[number]
        if before.answers[number].is_final or not answer.is_final:
            continue
        action = FAILED if answer.fate is not Fate.SENT else RELAYED
        if (action == FAILED or answer.relayed) and is_wanted(action, recipient):
            found.setdefault(action, []).append(number)
    return found


def report_of(
    action: str,
    entry: Entry,
    numbers: Sequence[int],
    reporter: Reporter,
    beginning: bytes,
    retry_until: float | None = None,
) -> bytes:
    """The report, a whole message. `beginning` is the message, or its first MAX_RETURNED octets
    if it is larger. Raises BadArgument when the sender's address is none."""
    outgoing = entry.outgoing
    reports = [_recipient(action, entry, number, retry_until) for number in numbers]
    lines = [_INTRODUCTIONS[action], ""]
    for number in numbers:
        answer = entry.answers[number]
        lines += [f"  {outgoing.recipients[number].address}", f"    {_said(answer)}", ""]
    lines += [f"This message was made by the mail system at {reporter.host}.", ""]
    # A whole message goes back only with a report of failure (RFC 3461 §6.2).
    is_whole = action == FAILED and outgoing.ret == "FULL" and entry.size <= MAX_RETURNED
    return delivery_report(
        reporter,
        outgoing.sender,
        _SUBJECTS[action],
        "\n".join(lines),
        reports,
        Returned(beginning, is_whole, outgoing.smtputf8),
        arrival=_moment(entry.queued),
        envid=outgoing.envid,
    )


def envelope_of(entry: Entry) -> Outgoing:
    """A report's envelope: from the null sender, and nobody wants to hear of it (§6.1)."""
    sender = entry.outgoing.sender
    return Outgoing(
        "report",
        "",
        (OutgoingRecipient(sender, ("NEVER",)),),
        smtputf8=needs_smtputf8(sender),
    )


def _recipient(
    action: str, entry: Entry, number: int, retry_until: float | None
) -> RecipientReport:
    recipient, answer = entry.outgoing.recipients[number], entry.answers[number]
    return RecipientReport(
        recipient.address,
        action,
        _status(action, answer),
        recipient.orcpt,
        _diagnostic(answer),
        answer.remote,
        _moment(entry.last),
        None if retry_until is None else _moment(retry_until),
    )


def _status(action: str, answer: Answer) -> str:
    """An enhanced status code whose class fits the action (RFC 3464 §2.3.4)."""
    wanted = {FAILED: "5", DELAYED: "4", RELAYED: "2"}[action]
    status = answer.status or {FAILED: "5.0.0", DELAYED: "4.0.0", RELAYED: "2.0.0"}[action]
    if answer.fate is Fate.EXPIRED:
        return status  # 4.x.x: it could have been delivered, but not in time
    return status if status.startswith(wanted) else f"{wanted}.0.0"


def _diagnostic(answer: Answer) -> str:
    if not answer.code:
        return ""
    return " ".join(filter(None, (str(answer.code), answer.status, answer.text)))


def _said(answer: Answer) -> str:
    said = _diagnostic(answer) or answer.text or "no answer"
    return f"{answer.remote} said: {said}" if answer.remote and answer.code else said


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
