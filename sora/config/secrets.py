"""Secrets that stand in files of their own: `password_file` beside `password`."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from stat import S_IROTH
from typing import Any

from attrs import fields

from sora.config.keys import about, array_of, table_of
from sora.config.problems import Path


def secret_places(
    kind: type, mapping: dict[str, Any], path: Path = ()
) -> Iterator[tuple[dict[str, Any], str, Path]]:
    """Every table of the mapping that can hold a secret, with the secret's name and path."""
    for attribute in fields(kind):
        value = mapping.get(attribute.name)
        here = (*path, attribute.name)
        if (table := table_of(attribute)) and isinstance(value, dict):
            yield from secret_places(table, value, here)
        elif (entry := array_of(attribute)) and isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    yield from secret_places(entry, item, (*here, number))
        elif about(attribute).secret:
            yield mapping, attribute.name, here


def read_secret(name: str, beside: FilePath) -> tuple[str, str]:
    """The secret in a file, and a warning about the file or an empty text.

    A relative name is looked for beside the configuration. Raises ValueError.
    """
    file = beside / FilePath(name).expanduser()
    try:
        secret = file.read_text("utf-8").strip()
        others = file.stat().st_mode & S_IROTH
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    if not secret:
        raise ValueError(f"{file} is empty: write the secret into it")
    warning = f"everybody can read {file}: chmod 600 {file}" if others else ""
    return secret, warning
