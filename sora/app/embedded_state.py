"""What an embedded Sora works with, kept in its directory: so that all commands with `--dir` know
its servers, certificates and ports, and what `--set` has changed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sora.app.embedded_mode import MODE_NAME, EmbeddedOptions, keep_secret
from sora.app.postgres_server import PostgresServer
from sora.config.load import Loaded, loads

_ABOUT = (
    "# What the embedded Sora in this directory works with: written anew at each start, and read\n"
    "# by `sora-admin … --dir`. What --set has changed stands in settings.json.\n\n"
)


def keep_configuration(options: EmbeddedOptions, text: str, settings: Sequence[str]) -> None:
    """Keep the configuration that is started with, and what `--set` has changed of it."""
    # Somebody may have set a password.
    keep_secret(options.settings_file, json.dumps(list(settings)))
    keep_secret(options.config_file, _ABOUT + text)


def kept_configuration(
    directory: Path, environment: Mapping[str, str], settings: Sequence[str]
) -> Loaded | None:
    """The configuration of the last start, with `settings` counting most; None where there was no
    start, or none here: a directory that was moved or copied has that of another place until then.
    Raises ConfigError."""
    options = EmbeddedOptions(directory)
    try:
        text = options.config_file.read_text(encoding="utf-8")
        before = list(map(str, json.loads(options.settings_file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        return None
    ours = PostgresServer(options.postgres).server()
    if loads(text, str(options.config_file)).config.database.host != ours.host:
        return None
    return loads(text, str(options.config_file), environment, [*before, *settings])


def least_configuration(
    directory: Path, environment: Mapping[str, str], settings: Sequence[str]
) -> Loaded:
    """What is known without a start: the database and the bodies. Raises ConfigError."""
    server = PostgresServer(EmbeddedOptions(directory).postgres).server()
    text = (
        f'[database]\nhost = "{server.host}"\nport = {server.port}\n'
        f'dbname = "{server.database}"\nuser = "{server.user}"\n'
        f'[s3]\nprovider = "filesystem"\npath = "{directory / "objects"}"\n'
        '[cache]\npath = ""\n'
    )
    return loads(text, MODE_NAME, environment, settings)
