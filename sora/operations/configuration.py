"""What an operator can see of a configuration: what is wrong with it, and what it comes to."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from sora.config.checks import check
from sora.config.config import Config
from sora.config.dump import as_tables, as_toml
from sora.config.load import Loaded
from sora.config.problems import ConfigError, Problem


@frozen
class Checked:
    """What is wrong with a configuration: with `problems` no server starts; `warnings` are said in
    the log."""

    problems: Sequence[Problem]
    warnings: Sequence[str]


@frozen
class ConfigurationOperations:
    """A configuration that was read. `require` raises ConfigError for what this version cannot do,
    and gives sentences about what has no effect."""

    loaded: Loaded
    require: Callable[[Config], Sequence[str]]

    def check(self) -> Checked:
        """What would be said at a start, without starting anything."""
        config, problems = self.loaded.config, list[Problem]()
        warnings = [str(warning) for warning in self.loaded.warnings]
        try:
            check(config, self.loaded.where)
        except ConfigError as error:
            problems += error.problems
        try:
            warnings += self.require(config)
        except ConfigError as error:
            problems += error.problems
        return Checked(problems, warnings)

    def tables(self, changed: bool = False) -> dict[str, Any]:
        """All keys, or those that are not as by default; secrets are masked."""
        return as_tables(self.loaded.config, changed=changed)

    def text(self, changed: bool = False, origins: bool = False) -> str:
        """The same as TOML; with `origins` each key says where it was set."""
        tables = self.tables(changed)
        return as_toml(tables, self.loaded.where) if origins else as_toml(tables)
