"""Keys that are set outside of the file: `--set table.key=value`, and the environment.

`SORA_DATABASE_PASSWORD` is `database.password`. Underscores separate tables and are part
of keys, too, so the name is resolved against the keys that there are; an entry of an array
is named by its number, counted from 0: `SORA_SERVERS_0_API_KEY`, `--set
servers.0.api_key=…`. A server type instead of the number names the defaults of all servers
of that type: `--set servers.imap.max_connections=500`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import Attribute, fields, frozen

from sora.config.config import Config
from sora.config.keys import about, array_of, is_list, names_of, table_of
from sora.config.problems import ConfigError, Path, Problem
from sora.config.servers import SERVER_TYPES, ServerConfig
from sora.config.shape import unknown
from sora.config.syntax import parse

PREFIX: Final = "SORA_"
RESERVED: Final = ("SORA_TEST_", "SORA_DEV_", "SORA_BENCH_")
"""The environment of the project's own tools."""


@frozen
class Override:
    """A value for a key, from outside of the file. `origin` names it in errors."""

    path: Path
    value: Any
    origin: str


def from_environment(
    environment: Mapping[str, str],
) -> tuple[list[Override], list[Problem]]:
    """What the environment sets, and the variables that set nothing."""
    found: list[Override] = []
    ignored: list[Problem] = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(RESERVED):
            continue
        matches = list(_matches(Config, name.removeprefix(PREFIX).lower(), ()))
        if not matches:
            ignored.append(Problem(name, "", "this environment variable sets no key; ignored"))
            continue
        path, attribute = matches[0]
        found.append(Override(path, _value(environment[name], attribute, name, path), name))
    return found, ignored


def from_options(settings: Sequence[str]) -> list[Override]:
    """What `--set table.key=value` sets. Raises ConfigError."""
    found = []
    for setting in settings:
        origin = f"--set {setting.partition('=')[0]}"
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError([Problem(origin, "", "write --set table.key=value")])
        path, attribute = _resolve(name.strip(), origin)
        found.append(Override(path, _value(text, attribute, origin, path), origin))
    return found


def apply(mapping: dict[str, Any], override: Override) -> None:
    """Put a value into a mapping as TOML gives it, making the tables on the way.

    Raises ConfigError when an entry of an array is named that is not there.
    """
    node: Any = mapping
    for step, following in zip(override.path, override.path[1:], strict=False):
        node = _descend(node, step, following, override.origin)
    name = str(override.path[-1])
    if not isinstance(node, dict):
        raise ConfigError([Problem(override.origin, "", "the file has something else there")])
    # A secret has two spellings; what is set later replaces both.
    other = name.removesuffix("_file") if name.endswith("_file") else f"{name}_file"
    node.pop(other, None)
    node[name] = override.value


def _descend(node: Any, step: str | int, following: str | int, origin: str) -> Any:
    if isinstance(node, list) and isinstance(step, int):
        if step > len(node):
            raise ConfigError([Problem(origin, "", f"there are only {len(node)} entries")])
        if step == len(node):
            node.append({})
        return node[step]
    if not isinstance(node, dict):
        raise ConfigError([Problem(origin, "", "the file has something else there")])
    return node.setdefault(step, [] if isinstance(following, int) else {})


def _matches(kind: type, name: str, path: Path) -> Iterator[tuple[Path, "Attribute[Any]"]]:
    """Every key below `kind` that `name`, with underscores between steps, can mean."""
    for attribute in fields(kind):
        here = (*path, attribute.name)
        rest = name.removeprefix(f"{attribute.name}_")
        if table := table_of(attribute):
            if rest != name:
                yield from _matches(table, rest, here)
        elif entry := array_of(attribute):
            if rest != name:
                yield from _entry_matches(entry, rest, here)
        elif name == attribute.name:
            yield here, attribute
        elif about(attribute).secret and name == f"{attribute.name}_file":
            yield (*path, name), attribute


def _entry_matches(kind: type, name: str, path: Path) -> Iterator[tuple[Path, "Attribute[Any]"]]:
    number, _, rest = name.partition("_")
    if number.isascii() and number.isdigit():
        yield from _matches(kind, rest, (*path, int(number)))
    if kind is ServerConfig:
        for kind_name in SERVER_TYPES:
            if name.startswith(f"{kind_name}_"):
                yield from _matches(kind, name.removeprefix(f"{kind_name}_"), (*path, kind_name))


def _resolve(name: str, origin: str) -> tuple[Path, "Attribute[Any]"]:
    """The path and field of `table.key`. Raises ConfigError, naming the nearest key."""
    kind: type = Config
    path: Path = ()
    steps = name.split(".")
    if steps[:1] == ["relay_queue"]:
        steps[:1] = ["relay", "queue"]
    while steps:
        step = steps.pop(0)
        attribute = next((one for one in fields(kind) if one.name == step), None)
        if attribute is None and step in names_of(kind):
            attribute = next(one for one in fields(kind) if f"{one.name}_file" == step)
        if attribute is None:
            raise ConfigError([Problem(origin, "", unknown(kind, step))])
        path = (*path, step)
        inner = table_of(attribute) or array_of(attribute)
        if inner is None:
            if steps:
                raise ConfigError([Problem(origin, "", f"`{step}` is a key, and not a table")])
            return path, attribute
        kind = inner
        if array_of(attribute):
            path = (*path, _entry(steps.pop(0) if steps else "", kind, origin))
    raise ConfigError([Problem(origin, "", "this is a table; name a key of it: table.key=value")])


def _entry(step: str, kind: type, origin: str) -> str | int:
    if step.isascii() and step.isdigit():
        return int(step)
    if kind is ServerConfig and step in SERVER_TYPES:
        return step
    mend = "name the entry by its number, counted from 0"
    if kind is ServerConfig:
        mend += ", or all servers of a type: servers.imap.max_connections=500"
    raise ConfigError([Problem(origin, "", mend)])


def _value(text: str, attribute: "Attribute[Any]", origin: str, path: Path) -> Any:
    """A text as the TOML value that the key expects; what does not fit stays a text, and the
    loader then says what is wrong with it."""
    if str(path[-1]).endswith("_file"):
        return text
    if is_list(attribute):
        if text.lstrip().startswith("["):
            try:
                return parse(f"value = {text}", "")["value"]
            except ConfigError:
                mend = "this is not a list as TOML has it"
                raise ConfigError([Problem(origin, "", mend)]) from None
        return [item.strip() for item in text.split(",") if item.strip()]
    wanted = str(attribute.type)
    if about(attribute).unit is None and "bool" in wanted:
        return _TRUTHS.get(text.strip().lower(), text)
    if about(attribute).unit is None and attribute.type is int:
        return int(text) if text.strip().lstrip("-").isdecimal() else text
    return text


_TRUTHS: Final = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip
