"""What an S3 store says that it has: answers of ListObjectsV2 (pure)."""

from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree

from sora.errors import Unavailable
from sora.storage.rows import Listed

MAX_LISTING = 4 * 1024 * 1024
"""octets of an answer: a thousand objects are some 400 KB"""


def listed(text: bytes, prefix: str) -> list[Listed]:
    """The objects below the prefix whose names are UUIDs. Raises Unavailable for an answer that
    is none."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise Unavailable("The object store answered a listing that is no XML") from error
    if not root.tag.endswith("ListBucketResult"):
        raise Unavailable(f"The object store answered {root.tag[-40:]} to a listing")
    found = []
    for entry in root:
        if entry.tag.endswith("Contents"):
            fields = {child.tag.rpartition("}")[2]: child.text or "" for child in entry}
            one = _object(fields, prefix)
            if one is not None:
                found.append(one)
    return found


def _object(fields: dict[str, str], prefix: str) -> Listed | None:
    key = fields.get("Key", "")
    if not key.startswith(prefix):
        return None
    name = key[len(prefix) :]
    try:
        uuid = UUID(name)
        modified = datetime.fromisoformat(fields["LastModified"].replace("Z", "+00:00"))
        size = int(fields["Size"])
    except (KeyError, ValueError):
        return None
    if str(uuid) != name:
        return None
    return Listed(uuid, size, modified if modified.tzinfo else modified.replace(tzinfo=UTC))
