"""Reports about mail: delivery status (RFC 3464, RFC 6533) and disposition (RFC 8098).

Both are multipart/report (RFC 6522) of three parts: a text for people, fields for programs, and
the message that is spoken of, or its header. They are addressed to whoever sent that message,
come from the null sender, and say that no person wrote them (RFC 3834 §5).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from sora.mail.compose import (
    Mailbox,
    Part,
    address_field,
    boundary_of,
    date_field,
    ids_field,
    message,
    message_id,
    multipart,
    needs_smtputf8,
    structured,
    text_part,
    unstructured,
)
from sora.mail.headers import fields, first, header_end

MAX_RETURNED: Final = 64 * 1024
"""Octets of a message up to which all of it goes back, if its sender wanted that."""
_MAX_TEXT: Final = 900
_MAX_ADDRESS: Final = 240
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]+")
_NOT_IN_AN_ADDRESS: Final = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@frozen
class Reporter:
    """Who reports: this host's name, the moment, and at least 16 random octets."""

    host: str
    now: datetime
    randomness: bytes


@frozen
class RecipientReport:
    """What became of a message for one recipient (RFC 3464 §2.3).

    `action` is failed, delayed, delivered, relayed or expanded; `status` an enhanced status
    code (RFC 3463). `orcpt` is the original recipient with its type, as RFC 3461 §4.2 has it
    but decoded. `diagnostic` is what the remote server said, `remote` its name.
    """

    address: str
    action: str
    status: str
    orcpt: str | None = None
    diagnostic: str = ""
    remote: str = ""
    last_attempt: datetime | None = None
    retry_until: datetime | None = None


@frozen
class Returned:
    """The message that is reported about: its header block, or all of it."""

    octets: bytes
    is_whole: bool = False
    smtputf8: bool = False


def delivery_report(
    reporter: Reporter,
    to: str,
    subject: str,
    text: str,
    recipients: Sequence[RecipientReport],
    returned: Returned,
    *,
    arrival: datetime | None = None,
    envid: str | None = None,
) -> bytes:
    """A delivery status notification. `to` is the sender of the message; `arrival` when it came
    here; `envid` its envelope's id, decoded. Raises BadArgument when `to` is no address."""
    utf8 = needs_smtputf8(to)
    groups = [
        b"".join(
            (
                structured("Original-Envelope-Id", _printable(envid)) if envid else b"",
                structured("Reporting-MTA", f"dns; {reporter.host}"),
                date_field(arrival, "Arrival-Date") if arrival else b"",
            )
        ),
        *(_recipient(one, utf8) for one in recipients),
    ]
    kind = "global-delivery-status" if utf8 else "delivery-status"
    parts = [text_part(text), _fields_part(kind, b"\r\n".join(groups)), _returned(returned)]
    daemon = Mailbox(f"MAILER-DAEMON@{reporter.host}", "Mail Delivery System")
    return _report(reporter, "delivery-status", daemon, to, subject, parts, returned)


def disposition_report(
    reporter: Reporter,
    sender: Mailbox,
    to: str,
    subject: str,
    text: str,
    *,
    final_recipient: str,
    returned: Returned,
    disposition: str = "automatic-action/MDN-sent-automatically; deleted",
    orcpt: str | None = None,
) -> bytes:
    """A message disposition notification: how `reject` answers (RFC 5429 §2.2) when the message
    can no longer be refused. `text` is the reason. Raises BadArgument for what is no address."""
    utf8 = needs_smtputf8(to)
    original = first(fields(returned.octets[: header_end(returned.octets)]), b"message-id")
    lines = [
        structured("Reporting-UA", f"{reporter.host}; Sora"),
        _typed("Original-Recipient", orcpt, utf8) if orcpt else b"",
        _typed("Final-Recipient", f"rfc822;{final_recipient}", utf8),
        ids_field("Original-Message-ID", [_text(original)]) if original else b"",
        structured("Disposition", disposition),
    ]
    kind = "global-disposition-notification" if utf8 else "disposition-notification"
    parts = [text_part(text), _fields_part(kind, b"".join(lines)), _returned(returned)]
    return _report(reporter, "disposition-notification", sender, to, subject, parts, returned)


def _report(
    reporter: Reporter,
    kind: str,
    sender: Mailbox,
    to: str,
    subject: str,
    parts: Sequence[Part],
    returned: Returned,
) -> bytes:
    original = first(fields(returned.octets[: header_end(returned.octets)]), b"message-id")
    ids = [_text(original)] if original else []
    content = multipart("report", parts, boundary_of(reporter.randomness), [("report-type", kind)])
    return message(
        (
            address_field("From", [sender]),
            address_field("To", [Mailbox(to)]),
            unstructured("Subject", subject),
            date_field(reporter.now),
            structured("Message-ID", message_id(reporter.randomness, reporter.host)),
            ids_field("In-Reply-To", ids),
            ids_field("References", ids),
            structured("Auto-Submitted", "auto-replied"),
        ),
        content,
    )


def _recipient(one: RecipientReport, utf8: bool) -> bytes:
    return b"".join(
        (
            _typed("Original-Recipient", one.orcpt, utf8) if one.orcpt else b"",
            _typed("Final-Recipient", f"rfc822;{one.address}", utf8),
            structured("Action", one.action),
            structured("Status", one.status),
            structured("Remote-MTA", f"dns; {_printable(one.remote)}") if one.remote else b"",
            structured("Diagnostic-Code", f"smtp; {_printable(one.diagnostic)}")
            if one.diagnostic
            else b"",
            date_field(one.last_attempt, "Last-Attempt-Date") if one.last_attempt else b"",
            date_field(one.retry_until, "Will-Retry-Until") if one.retry_until else b"",
        )
    )


def _typed(name: str, typed: str, utf8: bool) -> bytes:
    """`type; address` (RFC 3464 §2.3.1). An address that is not ASCII has the type utf-8, and
    stands there as it is, or in 7 bits as utf-8-addr-xtext (RFC 6533 §3)."""
    kind, semicolon, address = typed.partition(";")
    if not semicolon:
        kind, address = "rfc822", typed
    address = _NOT_IN_AN_ADDRESS.sub("", address)[:_MAX_ADDRESS]
    kind = re.sub(r"[^A-Za-z0-9-]", "", kind)[:40] or "unknown"
    if address.isascii():
        return structured(name, f"{kind}; {address}")
    if utf8:
        return f"{name}: utf-8; {address}\r\n".encode()
    coded = "".join(
        character
        if "!" <= character <= "~" and character not in "+=\\"
        else f"\\x{{{ord(character):X}}}"
        for character in address
    )
    return structured(name, f"utf-8; {coded[:_MAX_TEXT]}")


def _fields_part(kind: str, lines: bytes) -> Part:
    return Part((structured("Content-Type", f"message/{kind}"), _coding(lines)), lines)


def _returned(returned: Returned) -> Part:
    octets = re.sub(rb"\r\n|\r|\n", b"\r\n", returned.octets.replace(b"\0", b""))
    if returned.is_whole and len(returned.octets) <= MAX_RETURNED:
        kind = "message/global" if returned.smtputf8 else "message/rfc822"
    else:
        kind = "message/global-headers" if returned.smtputf8 else "text/rfc822-headers"
        octets = octets[: header_end(octets)][:MAX_RETURNED]
    return Part((structured("Content-Type", kind), _coding(octets)), octets)


def _coding(octets: bytes) -> bytes:
    bits = "7bit" if octets.isascii() else "8bit"
    return structured("Content-Transfer-Encoding", bits)


def _printable(text: str) -> str:
    """What strangers said, as it may stand in a field of tokens."""
    words = _NOT_PRINTABLE.sub("?", text.replace("\n", " ").replace("\r", " ")).split()
    return " ".join(words)[:_MAX_TEXT]


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "replace")
