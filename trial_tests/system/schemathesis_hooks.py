"""What schemathesis does not know by itself: how a message, or an archive, is sent."""

from typing import Any

import schemathesis


@schemathesis.serializer("message/rfc822", "application/x-tar")
def message(context: Any, value: Any) -> dict[str, Any]:
    """Its octets, which it makes as text or as what it calls binary."""
    octets = getattr(value, "data", value)
    return {"data": octets.encode() if isinstance(octets, str) else bytes(octets)}
