"""Secrets that stand in files of their own: `password_file` beside `password`."""

import os
from collections.abc import Iterator
from grp import getgrgid
from pathlib import Path as FilePath
from pwd import getpwnam
from shlex import quote
from stat import S_IRGRP, S_IROTH
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


def read_secret(name: str, beside: FilePath) -> tuple[str, FilePath | None]:
    """The secret in a file, and the file if everybody can read it.

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
    return secret, file if others else None


def closed_by(file: FilePath) -> str:
    """The command after which not everybody can read this file any more, but Sora still can: what
    neither its user owns nor its group reads is given to the group."""
    name = quote(str(file.absolute()))
    found = file.stat()
    user, group = _reader()
    of_group = found.st_gid == group and found.st_mode & S_IRGRP
    if user in (0, found.st_uid) or of_group:
        return f"chmod o-rwx {name}"
    try:
        called = getgrgid(group).gr_name
    except KeyError:
        called = str(group)
    return f"chgrp {called} {name} && chmod 0640 {name}"


def _reader() -> tuple[int, int]:
    """The user and group that Sora runs as. Who administers it as root has a user for it, called as
    docs/deployment.md does, or none."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    try:
        entry = getpwnam("sora")
    except KeyError:
        return 0, 0
    return entry.pw_uid, entry.pw_gid
