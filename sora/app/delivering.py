"""The door for mail, as operators use it: LMTP's, with LMTP's words."""

from sora.config.limits import LimitsConfig
from sora.errors import SoraError
from sora.mailbox.delivery import Delivery
from sora.metrics.messages import MessageMetrics
from sora.operations.delivering import DeliveryOperations, Reply
from sora.protocols.lmtp.errors import reply_to


def delivering_by(
    delivery: Delivery, limits: LimitsConfig, hostname: str, messages: MessageMetrics
) -> DeliveryOperations:
    """What delivers messages for operators, and counts them."""
    rejects_over_quota = limits.over_quota == "reject"

    def reply(error: SoraError) -> Reply:
        found = reply_to(error, rejects_over_quota)
        return Reply(found.code, found.status, found.text)

    return DeliveryOperations(delivery, reply, hostname, messages)
