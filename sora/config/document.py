"""Writes `etc/config.toml.example` and `docs/configuration.md` from the classes.

`python -m sora.config.document` writes both below the current directory; with `--check` it
writes nothing and says whether they are what it would write.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from attrs import NOTHING, Attribute, fields

from sora.config.config import Config
from sora.config.keys import Key, about, array_of, is_list, table_of
from sora.config.servers import ServerConfig
from sora.documents import write_or_compare

EXAMPLE: Final = Path("etc/config.toml.example")
MANUAL: Final = Path("docs/configuration.md")

_EXAMPLE_HEAD = """\
# The configuration of Sora: every table and every key, with its default.
#
# Copy it to /etc/sora/config.toml and take the # away from what you want to change; a key that
# is commented out (#key = value, without a space) has the value that is shown. This file is
# written from the source (python -m sora.config.document); docs/configuration.md has the same
# as a manual.
#
# Durations: "250ms" "30s" "15m" "1h" "14d". Sizes: "64kb" "5mb" "1gb" (1 kb is 1024 octets).
# Every secret can stand in a file of its own: password_file = "/run/secrets/database".
# SORA_DATABASE_PASSWORD in the environment, or --set database.password=..., overrides a key.
"""

_SERVERS_HEAD = """\
# One [[servers]] entry for each address. The first two are what a mail store has at least.
[[servers]]
type = "imap"
addr = ":143"

[[servers]]
type = "lmtp"
addr = "127.0.0.1:24"
trusted_networks = ["127.0.0.0/8", "::1"]

# With this one users manage their Sieve scripts; passwords are taken after STARTTLS.
#[[servers]]
#type = "managesieve"
#addr = ":4190"
"""

_SERVERS_TAIL = """\
# A table named after a type of server, below any [[servers]] entry, holds defaults for every
# server of that type:
#[servers.imap.auth_rate_limit]
#max_attempts_per_ip = 10
"""

_MANUAL_HEAD = """\
# Configuration

<!-- Written by python -m sora.config.document; change the classes in sora/config instead. -->

`twistd sora -c /etc/sora/config.toml` reads one TOML file. `etc/config.toml.example` holds
every key with its default.

- **Durations** read `"250ms"`, `"30s"`, `"15m"`, `"1h"`, `"14d"`, and combinations such as
  `"1h30m"`. **Sizes** read `"64kb"`, `"5mb"`, `"1gb"`; 1 kb is 1024 octets. **Endpoints** read
  `"host:143"`, `":993"` (every interface), `"[::1]:143"`. **Networks** read `"10.0.0.0/8"` and
  `"192.0.2.1"`.
- An unknown key or a value of the wrong type is an error that names the file, the line, the
  key and what to do. All errors are reported at once.
- **Secrets** (marked below) can stand in files of their own: beside each secret there is a key
  with `_file` at its end, for example `password_file = "/run/secrets/database"`. Relative names
  are looked for beside the configuration. The file's text is stripped; if everybody can read
  the file, the log warns. A placeholder such as `"your-password"` is refused at start.
- **Overrides**: `--set table.key=value` on the command line counts most, then the
  environment, then the file. `SORA_DATABASE_PASSWORD` is `database.password`,
  `SORA_TLS_LETSENCRYPT_EMAIL` is `tls.letsencrypt.email`. Entries of arrays are named by their
  number, counted from 0: `SORA_SERVERS_0_API_KEY`, `--set servers.0.addr=:1143`. Lists are
  written as in TOML, or with commas.
- **SIGHUP** reads the file anew. What can be exchanged while Sora runs is: certificates, the
  log's level, format and file, the limits of connections, and who may call the HTTP API (keys,
  `allowed_hosts`, `requests_per_second`). For the rest, the log says that
  it takes a restart. A file with an error changes nothing.
- **Defaults of a type of server**: a table named after a type below any `[[servers]]` entry
  holds defaults for every server of that type, for example `[servers.imap.auth_rate_limit]`.
  It must stand below the first `[[servers]]`; above it the file is invalid TOML.
- `[relay_queue]` is another name for `[relay.queue]`.

Some tables belong to parts of Sora that this version does not have yet; they are read and
checked all the same, so that one file serves all versions.
"""


def example() -> str:
    """The text of `etc/config.toml.example`."""
    parts = [_EXAMPLE_HEAD]
    for attribute in fields(Config):
        if attribute.name == "servers":
            parts.append(_servers_example())
        else:
            parts += _table_example(table_of(attribute), attribute.name, live=True)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _servers_example() -> str:
    lines = [_comment(_doc_of(ServerConfig)), "", _SERVERS_HEAD]
    lines.append("# Every key of an entry:")
    keys = "\n".join(_keys_example(ServerConfig, skip=("type", "addr")))
    lines.append("#[[servers]]")
    first = [a for a in fields(ServerConfig) if a.name in ("type", "addr")]
    lines.append("\n".join(_key_example(a) for a in first))
    lines.append(keys)
    lines += ["\n".join(_inner_examples(ServerConfig, "servers")), "", _SERVERS_TAIL]
    return "\n".join(lines)


def _table_example(kind: type | None, name: str, live: bool) -> Iterator[str]:
    assert kind is not None
    heading = f"[{name}]" if live else f"#[{name}]"
    yield "\n".join([_comment(_doc_of(kind)), heading, *_keys_example(kind)])
    yield from _inner_examples(kind, name)


def _inner_examples(kind: type, name: str) -> Iterator[str]:
    for attribute in fields(kind):
        here = f"{name}.{attribute.name}"
        if inner := table_of(attribute):
            yield from _table_example(inner, here, live=False)
        elif entry := array_of(attribute):
            yield "\n".join([_comment(_doc_of(entry)), f"#[[{here}]]", *_keys_example(entry)])


def _keys_example(kind: type, skip: tuple[str, ...] = ()) -> Iterator[str]:
    for attribute in fields(kind):
        if attribute.name not in skip and not table_of(attribute) and not array_of(attribute):
            yield _key_example(attribute)


def _key_example(attribute: "Attribute[Any]") -> str:
    described = about(attribute)
    lines = ["", _comment(described.doc), f"#{attribute.name} = {_shown_default(attribute)}"]
    if described.secret:
        lines.append(f'#{attribute.name}_file = ""')
    return "\n".join(lines)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in wrap(text, 92, break_on_hyphens=False))


def _doc_of(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split())


def _shown_default(attribute: "Attribute[Any]") -> str:
    """The default, or the example of a required key, as TOML."""
    described = about(attribute)
    if attribute.default is NOTHING:
        return toml_text(described.example)
    return described.written or toml_text(default_of(attribute))


def default_of(attribute: "Attribute[Any]") -> Any:
    """A default as TOML has it: text, number, truth or list."""
    value: Any = attribute.default
    described: Key = about(attribute)
    if described.unit is not None:
        return described.unit.write(value)
    return list(value) if is_list(attribute) else value


def toml_text(value: Any) -> str:
    """A text, number, truth or list of them as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def manual() -> str:
    """The text of `docs/configuration.md`."""
    parts = [_MANUAL_HEAD]
    for attribute in fields(Config):
        kind = table_of(attribute) or array_of(attribute)
        assert kind is not None
        parts += _table_manual(kind, attribute.name, is_array=bool(array_of(attribute)))
    return "\n".join(parts)


def _table_manual(kind: type, name: str, is_array: bool) -> Iterator[str]:
    heading = f"[[{name}]]" if is_array else f"[{name}]"
    rows = [f"## `{heading}`", "", (kind.__doc__ or "").replace("\n    ", "\n").strip(), ""]
    rows += ["| key | default | unit | meaning |", "| --- | --- | --- | --- |"]
    rows += [
        _row(attribute)
        for attribute in fields(kind)
        if not table_of(attribute) and not array_of(attribute)
    ]
    yield "\n".join(rows) + "\n"
    for attribute in fields(kind):
        if inner := table_of(attribute) or array_of(attribute):
            yield from _table_manual(inner, f"{name}.{attribute.name}", bool(array_of(attribute)))


def _row(attribute: "Attribute[Any]") -> str:
    described = about(attribute)
    default = "required" if attribute.default is NOTHING else f"`{_shown_default(attribute)}`"
    meaning = described.doc
    if described.choices:
        choices = ", ".join(f"`{toml_text(choice)}`" for choice in described.choices)
        meaning += f" One of {choices}."
    if described.secret:
        meaning += f" Secret; `{attribute.name}_file` names a file that holds it."
    meaning = re.sub(r"\|", r"\\|", meaning)
    return f"| `{attribute.name}` | {default} | {_unit_of(attribute)} | {meaning} |"


def _unit_of(attribute: "Attribute[Any]") -> str:
    described = about(attribute)
    if described.unit is not None:
        return described.unit.name
    if is_list(attribute):
        return "list of texts"
    wanted = str(attribute.type)
    return "true, false" if "bool" in wanted else "number" if attribute.type is int else "text"


def main(arguments: list[str], root: Path) -> int:
    """Write both files below `root`, or compare them. Gives the exit code."""
    files = {EXAMPLE: example(), MANUAL: manual()}
    return write_or_compare(files, "sora.config.document", arguments, root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path()))
