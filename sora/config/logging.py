"""`[logging]`: where the log goes, and in what form."""

from typing import Final

from attrs import frozen

from sora.config.keys import key

LEVELS: Final = ("debug", "info", "warn", "error", "critical")


@frozen
class LoggingConfig:
    """The log. Secrets are never in it."""

    output: str = key(
        "stderr",
        """"stderr", "syslog", "journald", or the path of a file (customarily
        /var/log/sora.log), which is opened anew on SIGHUP.""",
    )
    format: str = key(
        "text",
        """"text" for people, or "json": one object on each line.""",
        choices=("text", "json"),
    )
    level: str = key("info", "The least severe level that is written.", choices=LEVELS)
