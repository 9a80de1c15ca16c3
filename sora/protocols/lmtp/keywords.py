"""What LHLO offers (RFC 5321 §4.1.1.1, RFC 9422): the one list, for one client at one time."""

from collections.abc import Sequence

from sora.protocols.lmtp.wire.attributes import XCLIENT, XFORWARD


def keywords(
    *,
    max_message_size: int,
    max_recipients: int,
    offers_tls: bool,
    sends_reports: bool,
    is_trusted: bool,
) -> Sequence[str]:
    """The keywords of extensions, with their parameters.

    `sends_reports`: whether there is somebody who sends a report of a success. Without, DSN is
    not offered, so that the client tells the sender that it has handed the message on to a
    system without (RFC 3461 §5.2.2). `is_trusted`: whether the client may speak for others.
    """
    found = [
        "PIPELINING",
        "8BITMIME",
        "ENHANCEDSTATUSCODES",
        f"SIZE {max_message_size}",
        "CHUNKING",
        "BINARYMIME",
        "SMTPUTF8",
        "DELIVERBY",
        f"LIMITS RCPTMAX={max_recipients}",
    ]
    if sends_reports:
        found.append("DSN")
    if is_trusted:
        found.append(f"XCLIENT {' '.join(XCLIENT)}")
        found.append(f"XFORWARD {' '.join(XFORWARD)}")
    if offers_tls:
        found.append("STARTTLS")
    return found
