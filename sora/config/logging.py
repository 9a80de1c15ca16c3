"""`[logging]`: where the log goes, and in what form."""

from typing import Final

from attrs import frozen

from sora.config.keys import key
from sora.config.units import DURATION

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
    slow_command: float = key(
        "10s",
        """A command of IMAP, POP3 or ManageSieve, or a message over LMTP, that takes longer is told
        in the log. 0: none is.""",
        unit=DURATION,
    )
    levels: tuple[str, ...] = key(
        [],
        """Other levels for parts, by the beginning of what stands in brackets in a line:
        ["sora.relay=debug", "sora.auth=warn"].""",
    )
    transcript_users: tuple[str, ...] = key(
        [],
        """Addresses of users all of whose IMAP, POP3 and ManageSieve sessions are written to files
        from the login on, without passwords and with mail: to hunt a bug, and not for long.""",
    )
    transcript_path: str = key(
        "", "The directory of these files. It has to be there only when there are such users."
    )

    @property
    def by_part(self) -> dict[str, str]:
        """`levels`: the level of each part. Raises ValueError for one that is not understood."""
        found = {}
        for entry in self.levels:
            part, _, level = entry.partition("=")
            if not part or level not in LEVELS:
                raise ValueError(
                    f'write {entry!r} as "part=level", with one of {", ".join(LEVELS)}'
                )
            found[part] = level
        return found
