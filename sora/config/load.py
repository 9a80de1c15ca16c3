"""A TOML file, the environment and `--set` become one `Config`, or a list of problems.

What is set by `--set` counts most, then the environment, then the file, then the defaults.
Every problem of the file is reported at once, with its line and a mend.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path as FilePath
from stat import S_IROTH
from typing import Any, Final

from attrs import define, evolve, field, frozen

from sora.config.config import Config
from sora.config.overrides import Override, apply, from_environment, from_options
from sora.config.positions import line_of, misplaced_server_table, positions
from sora.config.problems import ConfigError, Path, Problem, dotted
from sora.config.secrets import closed_by, read_secret, secret_places
from sora.config.servers import SERVER_TYPES, ServerConfig
from sora.config.shape import Flaw, structure
from sora.config.syntax import parse

MAX_PROBLEMS: Final = 200
"""problems that are told at once; whoever has mended them is told the others"""
_LONGEST: Final = 1 << 20
"""characters of a configuration: a domain's worth of servers has some thousands"""


@frozen
class Loaded:
    """A configuration, and what is not wrong with it and yet should be known.

    `where` tells, for a path of keys, the line of the file or whatever else set it.
    """

    config: Config
    warnings: tuple[Problem, ...] = ()
    where: Callable[[Path], str] = field(default=lambda path: "", repr=False, eq=False)


def load(
    file: str | FilePath | None,
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
) -> Loaded:
    """Read a configuration file (None: defaults only) and what overrides it.

    Raises ConfigError with all problems.
    """
    text = "" if file is None else _read(FilePath(file))
    loaded = loads(text, str(file or ""), environment, settings, FilePath(file or ".").parent)
    if file is not None and _everybody_reads_secrets(FilePath(file), text):
        mend = closed_by(FilePath(file))
        warning = Problem(str(file), "", "everybody can read the secrets in it", mend)
        return evolve(loaded, warnings=(*loaded.warnings, warning))
    return loaded


def loads(
    text: str,
    name: str = "",
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    beside: FilePath | None = None,
) -> Loaded:
    """As `load`, from the text of a file called `name`. Relative names of secrets' files are
    looked for in the directory `beside`."""
    mapping = _parse(text, name)
    overrides, warnings = from_environment(environment or {})
    overrides += from_options(settings)
    return _Reading(name, positions(text), beside or FilePath(), warnings).read(mapping, overrides)


@define
class _Reading:
    """One reading of one file: what is known of where things came from, and the problems."""

    name: str
    lines: dict[Path, int]
    beside: FilePath
    warnings: list[Problem]
    problems: list[Problem] = field(factory=list)
    origins: dict[Path, str] = field(factory=dict)

    def read(self, mapping: dict[str, Any], overrides: Sequence[Override]) -> Loaded:
        self._rename_relay_queue(mapping)
        defaults = self._take_type_tables(mapping)
        for override in overrides:
            self.origins[override.path] = override.origin
            of_type = override.path[0] == "servers" and override.path[1] in SERVER_TYPES
            if of_type:
                apply(defaults, Override(override.path[1:], override.value, override.origin))
            else:
                apply(mapping, override)
        defaults = self._checked_type_tables(defaults)
        for entry in _entries(mapping):
            _add_defaults(entry, defaults.get(str(entry.get("type")), {}))
        self._read_secrets(mapping)
        config, flaws = structure(Config, mapping)
        self._note(flaws)
        if self.problems or config is None:
            raise ConfigError(sorted(set(self.problems), key=_order))
        return Loaded(config, tuple(self.warnings), self._where)

    def _rename_relay_queue(self, mapping: dict[str, Any]) -> None:
        if "relay_queue" not in mapping:
            return
        queue = mapping.pop("relay_queue")
        relay = mapping.setdefault("relay", {})
        if not isinstance(relay, dict) or "queue" in relay:
            self._note(
                [Flaw(("relay_queue",), "this is another name for [relay.queue]: keep only one")]
            )
            return
        relay["queue"] = queue
        for path, line in list(self.lines.items()):
            if path[0] == "relay_queue":
                self.lines[("relay", "queue", *path[1:])] = line

    def _take_type_tables(self, mapping: dict[str, Any]) -> dict[str, Any]:
        """Move the tables named after a server type out of the entries that hold them."""
        defaults: dict[str, Any] = {}
        taken: set[Path] = set()
        for number, entry in enumerate(_entries(mapping)):
            for name in SERVER_TYPES:
                if isinstance(entry.get(name), dict):
                    _merge(defaults.setdefault(name, {}), entry.pop(name))
                    taken.add(("servers", number, name))
        for path, line in list(self.lines.items()):
            if path[:3] in taken:
                self.lines[("servers", *path[2:])] = line
        return defaults

    def _checked_type_tables(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """Those without flaws; the flaws of the others are noted once, and not per server."""
        good = {}
        for name, table in defaults.items():
            # The two keys that an entry must have are no part of what is shared.
            probe = deepcopy({"addr": ":0", **table, "type": name})
            for holder, secret, _ in list(secret_places(ServerConfig, probe)):
                holder.pop(f"{secret}_file", None)
            _, flaws = structure(ServerConfig, probe)
            self._note([Flaw(("servers", name, *flaw.path), flaw.text) for flaw in flaws])
            if not flaws:
                good[name] = table
        return good

    def _read_secrets(self, mapping: dict[str, Any]) -> None:
        for table, name, path in list(secret_places(Config, mapping)):
            file = table.pop(f"{name}_file", None)
            if file is None:
                continue
            here = (*path[:-1], f"{name}_file")
            if table.get(name):
                self._note([Flaw(here, f"`{name}` is set, too: keep only one of them")])
            elif not isinstance(file, str):
                self._note([Flaw(here, "this is not the name of a file: write a text")])
            elif file:
                try:
                    table[name], bare = read_secret(file, self.beside)
                except ValueError as error:
                    self._note([Flaw(here, str(error))])
                    continue
                if bare:
                    text = f"everybody can read {bare}"
                    self.warnings.append(
                        Problem(self._where(here), dotted(here), text, closed_by(bare))
                    )

    def _note(self, flaws: Sequence[Flaw]) -> None:
        for flaw in flaws[: MAX_PROBLEMS - len(self.problems)]:
            self.problems.append(Problem(self._where(flaw.path), dotted(flaw.path), flaw.text))

    def _where(self, path: Path) -> str:
        for end in range(len(path), 0, -1):
            if origin := self.origins.get(path[:end]):
                return origin
        line = line_of(path, self.lines)
        return f"{self.name}:{line}" if self.name and line else self.name


def _order(problem: Problem) -> tuple[int, str]:
    line = problem.where.rpartition(":")[2]
    return (int(line) if line.isdecimal() else 0, str(problem))


def _read(file: FilePath) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_LONGEST + 1)
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(file), "", "this file is not a text in UTF-8")]) from None
    except FileNotFoundError:
        mend = "there is no such file; etc/config.toml.example is one to start from"
        raise ConfigError([Problem(str(file), "", mend)]) from None
    except OSError as error:
        raise ConfigError([Problem(str(file), "", f"cannot be read: {error.strerror}")]) from None
    if len(text) > _LONGEST:
        mend = "this is no configuration: it is longer than 1 MiB"
        raise ConfigError([Problem(str(file), "", mend)])
    return text


def _parse(text: str, name: str) -> dict[str, Any]:
    if found := misplaced_server_table(text):
        line, heading = found
        raise ConfigError(
            [
                Problem(
                    f"{name}:{line}" if name else "",
                    f"[{heading}]",
                    "this table stands above the first [[servers]], which is invalid TOML: "
                    "move it below a [[servers]] entry",
                )
            ]
        )
    return parse(text, name)


def _entries(mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    servers = mapping.get("servers")
    if not isinstance(servers, list):
        return []
    return [entry for entry in servers if isinstance(entry, dict)]


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    for name, value in table.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _add_defaults(entry: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    for name, value in defaults.items():
        if isinstance(value, dict):
            inner = entry.setdefault(name, {})
            if isinstance(inner, dict):
                _add_defaults(inner, value)
        elif not _is_set(entry, name):
            entry[name] = value


def _is_set(entry: Mapping[str, Any], name: str) -> bool:
    """Whether the entry has this key, or the other spelling of the same secret."""
    return any(other in entry for other in (name, f"{name}_file", name.removesuffix("_file")))


def _everybody_reads_secrets(file: FilePath, text: str) -> bool:
    try:
        readable = file.stat().st_mode & S_IROTH
    except OSError:
        return False
    if not readable:
        return False
    return any(table.get(name) for table, name, _ in secret_places(Config, parse(text, "")))
