"""Files of authorities that a configuration names, read before anything relies on them: a store
that cannot be trusted is else found with the first letter."""

from typing import Final

from OpenSSL import SSL

from sora.config.config import Config
from sora.config.problems import ConfigError, Path, Problem, dotted

_FILES: Final[tuple[Path, ...]] = (("s3", "ca_file"), ("s3", "second", "ca_file"))


def require_authorities(config: Config) -> None:
    """Raises ConfigError for a file that cannot be read, or in which there is no certificate."""
    problems = []
    for path in _FILES:
        value: object = config
        for name in path:
            value = getattr(value, str(name))
        if value and (text := _trouble(str(value))):
            problems.append(Problem("", dotted(path), text))
    if problems:
        raise ConfigError(problems)


def _trouble(file: str) -> str:
    try:
        with open(file, "rb"):
            pass
        SSL.Context(SSL.TLS_CLIENT_METHOD).load_verify_locations(file)
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    except SSL.Error:
        return f"{file} has no certificate in PEM"
    return ""
