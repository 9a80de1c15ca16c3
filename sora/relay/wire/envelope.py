"""MAIL and RCPT with their parameters (RFC 5321 §4.1.1.2, RFC 1870, 6152, 6531, 3461, 2852).

Parameters are written when the server offers what they belong to. What cannot be left out without
harm is a `Refusal`: an address in UTF-8, or 8-bit octets, for a server that takes neither.
"""

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from sora.errors import BadArgument
from sora.mail.compose import addr_spec, needs_smtputf8
from sora.relay.interfaces import Outgoing, OutgoingRecipient

MAX_BY: Final = 999_999_999
"""Seconds (RFC 2852 §4)."""
_XTEXT: Final = re.compile(r"[^!-*,-<>-~]")


class Refusal(Exception):
    """The server cannot take this message, whatever it is asked: an enhanced status code, and a
    sentence."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@frozen
class Content:
    """What is said of a message besides its envelope: octets as they are sent, at most."""

    size: int
    eight_bit: bool


def mail_command(
    outgoing: Outgoing, content: Content, offered: Mapping[bytes, bytes], now: float
) -> bytes:
    """The MAIL command, without its end. Raises Refusal."""
    words = [f"MAIL FROM:<{_path(outgoing.sender, '5.1.7', offered)}>"]
    if b"SIZE" in offered:
        words.append(f"SIZE={content.size}")
        limit = offered[b"SIZE"]
        if limit.isdigit() and 0 < int(limit) < content.size:
            raise Refusal("5.3.4", f"The message is larger than the server's {int(limit)} octets")
    if content.eight_bit:
        if b"8BITMIME" not in offered:
            raise Refusal("5.6.3", "The server does not take 8-bit messages")
        words.append("BODY=8BITMIME")
    addresses = (outgoing.sender, *(one.address for one in outgoing.recipients))
    needed = any(needs_smtputf8(address) for address in addresses)
    if b"SMTPUTF8" in offered:
        words += ["SMTPUTF8"] if needed or outgoing.smtputf8 else []
    elif needed or (outgoing.smtputf8 and content.eight_bit):
        # What was only said to be in UTF-8 and is in ASCII goes everywhere (RFC 6531 §3.6).
        raise Refusal("5.6.7", "The server does not take messages in UTF-8")
    if b"DSN" in offered:
        words += _dsn_of_mail(outgoing)
    if outgoing.by is not None and b"DELIVERBY" in offered:
        seconds = max(-MAX_BY, min(MAX_BY, int(outgoing.by.deadline - now)))
        words.append(f"BY={seconds};{outgoing.by.mode}{'T' if outgoing.by.trace else ''}")
    elif outgoing.by is not None and outgoing.by.mode == "R":
        # RFC 2852 §4.1.4: who wants it back in time must not be handed to who cannot promise it.
        raise Refusal("5.7.1", "The server does not support delivery by a certain time")
    return " ".join(words).encode()


def rcpt_command(recipient: OutgoingRecipient, offered: Mapping[bytes, bytes]) -> bytes:
    """The RCPT command, without its end. Raises Refusal."""
    words = [f"RCPT TO:<{_path(recipient.address, '5.1.3', offered)}>"]
    if b"DSN" in offered:
        if recipient.notify:
            words.append("NOTIFY=" + ",".join(recipient.notify))
        if recipient.orcpt:
            words.append("ORCPT=" + _orcpt(recipient.orcpt, b"SMTPUTF8" in offered))
    return " ".join(words).encode()


def xtext(text: str) -> str:
    """RFC 3461 §4; of what is not ASCII the octets of UTF-8."""
    octets = text.encode("utf-8", "replace").decode("latin-1")
    return _XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", octets)


def _dsn_of_mail(outgoing: Outgoing) -> list[str]:
    words = []
    if outgoing.ret in ("FULL", "HDRS"):
        words.append(f"RET={outgoing.ret}")
    if outgoing.envid:
        words.append(f"ENVID={xtext(outgoing.envid)}")
    return words


def _orcpt(orcpt: str, is_utf8: bool) -> str:
    kind, semicolon, address = orcpt.partition(";")
    if not semicolon:
        kind, address = "rfc822", orcpt
    kind = re.sub(r"[^A-Za-z0-9-]", "", kind) or "unknown"
    if address.isascii():
        return f"{kind};{xtext(address)}"
    # RFC 6533 §3: as it is where UTF-8 may be sent, else each character by its number.
    coded = "".join(
        character
        if (not character.isascii() and is_utf8)
        or ("!" <= character <= "~" and character not in "+=\\")
        else f"\\x{{{ord(character):X}}}"
        for character in address
    )
    return f"utf-8;{coded}"


def _path(address: str, status: str, offered: Mapping[bytes, bytes]) -> str:
    if not address:
        return ""
    try:
        path = addr_spec(address)
    except BadArgument as error:
        raise Refusal(status, error.text)
    if needs_smtputf8(path) and b"SMTPUTF8" not in offered:
        raise Refusal("5.6.7", "The server does not take addresses in UTF-8")
    return path
