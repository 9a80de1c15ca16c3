"""What `replace` and `enclose` make of a message (RFC 5703 §5, §6). Values in, values out."""

from base64 import encodebytes
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from attrs import frozen

from sora.mail import compose
from sora.mail.message import Part
from sora.sieve.message import Header, HeaderField

ORIGINAL_SUBJECT: Final = "original-subject"
ORIGINAL_FROM: Final = "original-from"
"""What `replace` keeps of the fields that it changes; `editheader` leaves these alone."""


@frozen
class Made:
    """A message: its header, and its body's octets."""

    header: Header
    body: bytes

    @property
    def octets(self) -> bytes:
        """The whole message."""
        return self.header.octets() + self.body


def replacement(text: str, mime: bool) -> compose.Part:
    """The string argument of `replace` as an entity: text in UTF-8, or one with its own header.

    A text with a line that could be a delimiter of a multipart around it is in base64: whoever
    sent the message may have chosen the boundary for that.
    """
    octets = text.encode("utf-8", "replace")
    if mime:
        return compose.entity(octets)
    part = compose.text_part(text)
    if b"\n--" not in b"\n" + part.body:
        return part
    fields = [line for line in part.fields if _name(line) != "content-transfer-encoding"]
    body = encodebytes(octets).replace(b"\n", b"\r\n")
    return compose.Part((*fields, b"Content-Transfer-Encoding: base64\r\n"), body)


def with_part_replaced(data: bytes, part: Part, entity: compose.Part) -> bytes:
    """The octets of a message with another entity in the place of one of its parts."""
    return data[: part.start] + _inside(entity) + data[part.end :]


def with_all_replaced(
    header: Header, entity: compose.Part, subject: str | None, sender: Sequence[compose.Mailbox]
) -> Made:
    """A message with other content, and perhaps another Subject and From; what these were before
    is kept (RFC 5703 §5)."""
    fields = [one for one in header.fields if not _is_of_mime(one.name)]
    if subject is not None:
        fields = _renamed(fields, "subject", "Original-Subject")
        fields.append(_field("subject", compose.unstructured("Subject", subject)))
    if sender:
        fields = _renamed(fields, "from", "Original-From")
        fields.append(_field("from", compose.address_field("From", sender)))
    fields += [_field(_name(line), line) for line in entity.fields]
    return Made(Header([_ended(one) for one in fields]), entity.body)


def enclosed(
    header: Header,
    octets: bytes,
    text: str,
    subject: str | None,
    copied: tuple[str, ...],
    owner: str,
    now: datetime,
) -> Made:
    """A new message with a text and, behind it, the message with these octets and this header.

    `copied` are names of fields that the new message has, too; without them From is the owner of
    the script and Date is now. The subject is the old one unless another is given.
    """
    names = [name.lower() for name in dict.fromkeys(copied) if not _is_of_mime(name.lower())]
    fields = [_ended(one) for name in names for one in header.named(name)]
    if not any(one.name == "from" for one in fields):
        fields.append(_field("from", compose.address_field("From", [compose.Mailbox(owner)])))
    if not any(one.name == "date" for one in fields):
        fields.append(_field("date", compose.date_field(now)))
    if subject is not None:
        fields = [one for one in fields if one.name != "subject"]
        fields.append(_field("subject", compose.unstructured("Subject", subject)))
    elif not any(one.name == "subject" for one in fields):
        fields += [_ended(one) for one in header.named("subject")[:1]]
    # The message cannot hold a delimiter that is made of all of it.
    boundary = compose.boundary_of(sha256(octets + text.encode("utf-8", "replace")).digest()[:16])
    inner = compose.Part((b"Content-Type: message/rfc822\r\n", _encoding(octets)), octets)
    whole = compose.multipart("mixed", [compose.text_part(text), inner], boundary)
    fields += [_field(_name(line), line) for line in whole.fields]
    return Made(Header(fields), whole.body)


def _inside(entity: compose.Part) -> bytes:
    fields = tuple(line for line in entity.fields if _name(line) != "mime-version")
    body = entity.body
    # The line end before a delimiter belongs to it.
    return compose.Part(fields, body.removesuffix(b"\r\n")).octets()


def _encoding(octets: bytes) -> bytes:
    kind = b"7bit" if octets.isascii() else b"8bit"
    return b"Content-Transfer-Encoding: %s\r\n" % kind


def _is_of_mime(name: str) -> bool:
    return name.startswith("content-") or name == "mime-version"


def _renamed(fields: list[HeaderField], name: str, other: str) -> list[HeaderField]:
    """The first field of this name is kept under another one, which it then alone has."""
    kept = next((one for one in fields if one.name == name), None)
    fields = [one for one in fields if one.name != name]
    if kept is not None and not any(one.name == other.lower() for one in fields):
        value = kept.line.partition(b":")[2]
        fields.append(HeaderField(other.lower(), other.encode() + b":" + value))
    return fields


def _field(name: str, line: bytes) -> HeaderField:
    return HeaderField(name, line)


def _name(line: bytes) -> str:
    return line.partition(b":")[0].strip().decode("ascii").lower()


def _ended(one: HeaderField) -> HeaderField:
    """A field that can have others behind it: the last of a header may lack its line end."""
    return one if one.line.endswith(b"\n") else HeaderField(one.name, one.line + b"\r\n")
