"""`[metadata]` as the mailboxes take it."""

from typing import Final

from sora.config.metadata import MetadataConfig
from sora.mailbox.annotations import AnnotationRules

LEAST_VALUE: Final = 1024
"""What has to be accepted (RFC 5464 §4.1)."""


def annotation_rules(config: MetadataConfig) -> AnnotationRules:
    """Limits and what is said of the server."""
    return AnnotationRules(
        max_value=max(LEAST_VALUE, config.max_value_size),
        max_entries=config.max_entries,
        max_total=config.max_total_size,
        admin=config.admin,
        comment=config.comment,
    )
